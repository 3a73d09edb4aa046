"""The store behind Faust's tables (entry point `faust.stores`, URL scheme `stateserver`): RocksDB, one database for
each partition of each table.

Faust's own opens its databases in a mode that pickles, never closes them, and writes rows and their changelog offset
apart, so that a crash may leave one without the other.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from faust.stores.base import SerializedStore
from faust.types import TP, EventT

from stateserver.errors import StateServerError
from stateserver.stream.rocks import RocksPartition

URL_SCHEME = "stateserver:"


class TableIsReadOnly(StateServerError):
    """Someone set a table's key: only a checkpoint writes tables."""


class Store(SerializedStore[Any, Any]):
    """A table's partitions. Reads go through all that are open: a key lies in one of them.

    Whoever opened one closes it. When Faust stops its tables, a last checkpoint is still to be written.
    """

    logger = logging.getLogger("faust.stateserver")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._open: dict[int, RocksPartition] = {}

    def partition(self, number: int) -> RocksPartition:
        """The rows of one partition, opened if need be."""
        if number not in self._open:
            path: Path = self.app.conf.tabledir / self.table_name / str(number)
            self._open[number] = RocksPartition(path)
        return self._open[number]

    def close_partition(self, number: int) -> None:
        """Close its files; whoever is given it next may open them."""
        opened = self._open.pop(number, None)
        if opened is not None:
            opened.close()

    def persisted_offset(self, tp: TP) -> int | None:
        """The changelog offset of the last row that is in the store."""
        opened = self._open.get(tp.partition)
        return opened.position - 1 if opened is not None and opened.position else None

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Nothing: it is written with the rows, or not at all."""

    def reset_state(self) -> None:
        """Delete the files of every partition that is open."""
        for opened in self._open.values():
            opened.destroy()
        self._open.clear()

    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Faust does not restore these tables, see `restore`."""
        if any(True for _ in batch):
            self._refuse()

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Not needed: Kafka has all of it."""
        raise TableIsReadOnly(f"table {self.table_name} is not backed up here: its changelog is the backup")

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        """Not needed: Kafka has all of it."""
        raise TableIsReadOnly(f"table {self.table_name} is restored from its changelog")

    def _get(self, key: bytes) -> bytes | None:
        for opened in self._open.values():
            value = opened.get(key)
            if value is not None:
                return value
        return None

    def _set(self, key: bytes, value: bytes | None) -> None:
        self._refuse()

    def _del(self, key: bytes) -> None:
        self._refuse()

    def _clear(self) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise TableIsReadOnly(f"table {self.table_name} is written by checkpoints alone")

    def _iteritems(self) -> Iterator[tuple[bytes, bytes]]:
        for _, opened in sorted(self._open.items()):
            yield from opened.rows()

    def _iterkeys(self) -> Iterator[bytes]:
        for key, _ in self._iteritems():
            yield key

    def _itervalues(self) -> Iterator[bytes | None]:
        for _, value in self._iteritems():
            yield value

    def _size(self) -> int:
        return sum(1 for _ in self._iteritems())

    def _contains(self, key: bytes) -> bool:
        return self._get(key) is not None
