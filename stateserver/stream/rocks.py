"""A table's rows of one partition in RocksDB: rows and changelog position are written together or not at all."""

import asyncio
import logging
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from rocksdict import Options, Rdict, ReadOptions, WriteBatch

from stateserver.stream.errors import StoreInUse, StoreUnusable
from stateserver.stream.ports import Row

logger = logging.getLogger(__name__)

_ROW: Final = b"r"
_AFTER_ROWS: Final = b"s"
_POSITION: Final = b"p"
_POSITION_BYTES: Final = 8
_CHUNK_ROWS_MAX: Final = 50_000
"""A larger write goes in several batches, the position in the last: what was cut off is simply read again."""


class RocksPartition:
    """The `PartitionStore` in a directory of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = _opened(path)
        self._position, self._lineage = _position_and_lineage(self._db)

    @property
    def position(self) -> int:
        return self._position

    @property
    def lineage(self) -> bytes:
        return self._lineage

    def get(self, key: bytes) -> bytes | None:
        """The row of that key, None where there is none."""
        value = self._db.get(_ROW + key)
        assert value is None or isinstance(value, bytes)
        return value

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """All rows, in order of keys. The iterator keeps the files open: use it up."""
        options = ReadOptions()
        options.set_iterate_upper_bound(_AFTER_ROWS)
        try:
            for key, value in self._db.items(from_key=_ROW, read_opt=options):
                assert isinstance(key, bytes)
                yield key[1:], value
        except Exception as trouble:  # whatever the library says of files that are damaged
            raise StoreUnusable(str(self.path), str(trouble)) from trouble

    async def write(self, rows: Iterable[Row], position: int, lineage: bytes) -> None:
        await asyncio.to_thread(self._write, list(rows), position, lineage)
        self._position, self._lineage = position, lineage

    def _write(self, rows: list[Row], position: int, lineage: bytes) -> None:
        try:
            for start in range(0, max(len(rows), 1), _CHUNK_ROWS_MAX):
                chunk = rows[start : start + _CHUNK_ROWS_MAX]
                batch = WriteBatch(raw_mode=True)
                for key, value, _ in chunk:
                    assert key is not None
                    if value is None:
                        batch.delete(_ROW + key)
                    else:
                        batch.put(_ROW + key, value)
                if start + _CHUNK_ROWS_MAX >= len(rows):
                    batch.put(_POSITION, position.to_bytes(_POSITION_BYTES, "big") + lineage)
                self._db.write(batch)
        except Exception as trouble:
            raise StoreUnusable(str(self.path), str(trouble)) from trouble

    async def clear(self) -> None:
        await asyncio.to_thread(self._clear)
        self._position, self._lineage = 0, b""

    def _clear(self) -> None:
        try:
            self._db.close()
            shutil.rmtree(self.path)
        except Exception as trouble:
            raise StoreUnusable(str(self.path), str(trouble)) from trouble
        self._db = _opened(self.path)

    def close(self) -> None:
        """Close the files. Raises StoreUnusable where what was written last did not get there."""
        try:
            self._db.close()
        except Exception as trouble:
            raise StoreUnusable(str(self.path), str(trouble)) from trouble

    def destroy(self) -> None:
        """Close the files and delete them."""
        with suppress(StoreUnusable):
            self.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _opened(path: Path) -> Rdict:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    # Small: a worker has two databases a partition, and the live state is in memory anyway.
    options.set_write_buffer_size(8 << 20)
    options.set_max_write_buffer_number(3)
    options.set_keep_log_file_num(2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Rdict(str(path), options)
    except Exception as trouble:
        if "lock" in str(trouble).lower():
            raise StoreInUse(str(path), str(trouble)) from trouble
        logger.warning("table %s can't be opened (%s): it is made anew, from Kafka", path, trouble)
    try:
        shutil.rmtree(path, ignore_errors=True)
        return Rdict(str(path), options)
    except Exception as trouble:
        raise StoreUnusable(str(path), str(trouble)) from trouble


def _position_and_lineage(db: Rdict) -> tuple[int, bytes]:
    stored = db.get(_POSITION)
    if not isinstance(stored, bytes) or len(stored) < _POSITION_BYTES:
        return 0, b""
    return int.from_bytes(stored[:_POSITION_BYTES], "big"), stored[_POSITION_BYTES:]
