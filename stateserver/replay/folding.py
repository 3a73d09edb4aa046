"""A journal folded from its beginning: the pure core with everything kept that comes out of it."""

from collections import Counter
from typing import NamedTuple

from stateserver.domain.apply import apply
from stateserver.domain.blast import JsonObject
from stateserver.domain.change import Change
from stateserver.domain.numbering import is_duplicate
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.domain.report import report
from stateserver.domain.system import System
from stateserver.protocol.frame import parse
from stateserver.protocol.reasons import Reason, Rejected


class Told(NamedTuple):
    """What is known for good of blasts: the documents of those that closed, and snapshots by blast id and which."""

    documents: list[JsonObject]
    snapshots: dict[tuple[str, str], bytes]


class Folding:
    """One system's journal, record by record. `snapshots` are by blast id and "start" or "end"."""

    def __init__(self, system: str) -> None:
        self.system = System(system)
        self.snapshots: dict[tuple[str, str], bytes] = {}
        self.rejected: Counter[Reason] = Counter()
        self._documents: dict[str, JsonObject] = {}

    def apply(self, record: Record) -> list[Change]:
        """Apply a record and return what it caused. Raises Rejected."""
        changes, blasts = apply(self.system, record)
        for stage in blasts:
            self._documents[stage.blast] = stage.report
            if stage.snapshot is not None:
                which = "start" if stage.stage == "opened" else "end"
                self.snapshots[stage.blast, which] = stage.snapshot
        return changes

    def reject(self, rejected: Rejected) -> None:
        """Count a record that could not be read or applied."""
        self.rejected[rejected.reason] += 1

    def documents(self) -> list[JsonObject]:
        """Every blast's report document in the order they opened, one still open as it stands."""
        blast = self.system.open_blast
        if blast is not None:
            self._documents[blast.id] = report(self.system, blast)
        return list(self._documents.values())

    @property
    def has_told(self) -> bool:
        """Whether there may be anything to take: asked after every record, most of which say nothing of blasts."""
        return bool(self._documents or self.snapshots)

    def take_told(self) -> Told:
        """The blasts that closed and the snapshots since the last call. They are forgotten: a log may hold many."""
        closed = [blast for blast, document in self._documents.items() if document["closed"] is not None]
        told = Told([self._documents.pop(blast) for blast in closed], self.snapshots)
        self.snapshots = {}
        return told


def takes_time_past(system: System, record: Record, at: int) -> bool:
    """Whether this is a record that takes the system's time past `at` (ms): before the first, the system is as of `at`.

    A command moves no time, and a frame that is rejected, or told for the second time, doesn't either.
    """
    if isinstance(record, CommandRecord) or record.time <= at:
        return False
    if system.time is not None and record.time <= system.time:
        return False
    return isinstance(record, TickRecord) or (isinstance(record, FrameRecord) and _is_new(system, record))


def _is_new(system: System, record: FrameRecord) -> bool:
    try:
        parse(record.frame, record.mode)
    except Rejected:
        return False
    return not is_duplicate(system.sources.get(record.source), record)
