"""What `changes` already holds beyond a checkpoint: events that folding the journal again must repeat.

They are not written a second time; and one that differs is a sign that the state cannot be trusted.
"""

import hashlib
from array import array
from collections.abc import Iterable, Mapping, Sequence

from stateserver.codec.change import decode_change
from stateserver.codec.era import FIRST_ERA, era_of
from stateserver.domain.change import Change
from stateserver.stream.errors import EventsDiffer, StateLost
from stateserver.stream.ports import LogRecord, Row

_UNKNOWN = 0


class _Stretch:
    """Digests of a system's events from version `first` on: eight bytes each, as there may be millions."""

    __slots__ = ("digests", "first")

    def __init__(self, first: int) -> None:
        self.first = first
        self.digests = array("Q")

    def get(self, version: int) -> int:
        at = version - self.first
        return self.digests[at] if 0 <= at < len(self.digests) else _UNKNOWN

    def put(self, version: int, digest: int) -> None:
        missing = version - self.first - len(self.digests) + 1
        if missing > 0:
            self.digests.extend([_UNKNOWN] * missing)
        self.digests[version - self.first] = digest


class Told:
    """Events of one partition of `topic`, by system and version, that follow on the `versions` of a checkpoint.

    Those of an earlier era than the checkpoint's are withdrawn, and passed over.
    """

    def __init__(self, topic: str, partition: int, versions: Mapping[str, int], era: int = FIRST_ERA) -> None:
        self._topic = topic
        self._partition = partition
        self._versions = versions
        self._era = era
        self._stretches: dict[str, _Stretch] = {}

    def __bool__(self) -> bool:
        return bool(self._stretches)

    @property
    def begins(self) -> dict[str, int]:
        """The first version that is still to be met, of each system that has one."""
        return {system: stretch.first for system, stretch in self._stretches.items()}

    def any_open(self) -> tuple[str, int]:
        """A system whose events were not all met, and the last of them."""
        system, stretch = next(iter(self._stretches.items()))
        return system, stretch.first + len(stretch.digests) - 1

    def note(self, records: Sequence[LogRecord]) -> None:
        """Take records of `changes`, in order.

        Raises EventsDiffer where two of them contradict each other, and StateLost where a later era has begun than the
        checkpoint knows of.
        """
        for record in records:
            era = era_of(record.headers)
            if era > self._era:
                what = f"{self._topic} tells of the era {era} at offset {record.offset}"
                raise StateLost("its checkpoint", self._partition, f"is of the era {self._era}", what)
            if record.value is None or era < self._era:
                continue
            change = decode_change(record.value)
            if change.version <= self._versions.get(change.system, 0):
                continue
            stretch = self._stretches.setdefault(change.system, _Stretch(change.version))
            if change.version < stretch.first:
                continue  # a late repeat of what the checkpoint has
            digest, held = _digest(change), stretch.get(change.version)
            if held not in (_UNKNOWN, digest):
                raise EventsDiffer(self._topic, self._partition, change.system, change.version)
            stretch.put(change.version, digest)

    def untold(self, system: str, first: int, rows: Iterable[Row]) -> list[Row]:
        """Of a system's events, the first of version `first`, those that still have to be written.

        Raises EventsDiffer where one is not the event that was told.
        """
        stretch = self._stretches.get(system)
        if stretch is None:
            return list(rows)
        fresh, version = [], first
        for version, row in enumerate(rows, first):
            held = stretch.get(version)
            if held == _UNKNOWN:
                fresh.append(row)
            elif held != _digest(decode_change(row.value or b"")):
                raise EventsDiffer(self._topic, self._partition, system, version)
        if version >= stretch.first + len(stretch.digests) - 1:
            del self._stretches[system]
        return fresh


def _digest(change: Change) -> int:
    """Of what an event says, not of how: a release with a newer schema writes other bytes."""
    said = [field if not isinstance(field, dict) else sorted(field.items()) for field in change]
    return int.from_bytes(hashlib.blake2b(repr(said).encode(), digest_size=8).digest(), "big") or 1
