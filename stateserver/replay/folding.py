"""A journal folded from its beginning: the pure core with everything kept that comes out of it."""

from collections import Counter

from stateserver.domain.apply import apply
from stateserver.domain.blast import JsonObject
from stateserver.domain.change import Change
from stateserver.domain.records import Record
from stateserver.domain.reporting import report
from stateserver.domain.system import System
from stateserver.protocol.reasons import Reason, Rejected


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
