"""The records of a partition's log, folded side by side into the systems they belong to."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from stateserver.codec.appended import appended_at
from stateserver.domain.change import Change
from stateserver.domain.records import Record
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding, takes_time_past
from stateserver.security.envelope import open_record
from stateserver.security.keyring import KeyRing


class SealedRecord(Protocol):
    """A record of the journal as it lies in the log. `timestamp` is Kafka's own, ms since 1970."""

    @property
    def timestamp(self) -> int | None: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Applied(NamedTuple):
    """What became of a record."""

    folding: Folding
    record: Record
    changes: list[Change]


class ManyFoldings:
    """The systems of one partition, by name.

    With `wanted`, records with another key are passed over, unopened. With `at`, a system is left as it was before
    the first record that took its time past that (ms since 1970).
    """

    def __init__(self, ring: KeyRing, wanted: Collection[str] = (), at: int | None = None) -> None:
        self.systems: dict[str, Folding] = {}
        self._ring = ring
        self._wanted = {system.encode() for system in wanted}
        self._at = at
        self._over: set[str] = set()

    def apply(self, record: SealedRecord) -> Applied | None:
        """Open a record and apply it; None where it is not wanted. Raises Rejected."""
        if self._wanted and record.key not in self._wanted:
            return None
        name, opened = open_record(self._ring, record.key, record.value, appended_at(record.timestamp, record.headers))
        folding = self.systems.get(name) or Folding(name)
        if self._at is not None and self._is_over(name, folding, opened, self._at):
            return None
        try:
            changes = folding.apply(opened)
        except Rejected as rejected:
            folding.reject(rejected)
            raise
        self.systems[name] = folding
        return Applied(folding, opened, changes)

    def _is_over(self, name: str, folding: Folding, record: Record, at: int) -> bool:
        if name not in self._over and takes_time_past(folding.system, record, at):
            self._over.add(name)
        return name in self._over
