"""The record that is being applied: what it has caused so far, and how events come out of it (spec page 2)."""

from typing import NamedTuple

from stateserver.domain.bank import Bank, Difference
from stateserver.domain.blast import BlastStage
from stateserver.domain.change import NOTHING, UNIT_ADDED, UNIT_CHANGED, Change, Fields
from stateserver.domain.system import ITSELF, System
from stateserver.domain.unit import Unit


class Applied(NamedTuple):
    """What a record caused, in order."""

    changes: list[Change]
    blasts: list[BlastStage]


class Applying:
    """One record on its way through the steps. `at` is its time, or that of the deadline being applied (ms).

    `parents_changed` are units whose own counts may have moved, `control_changed` says so of the control unit.
    """

    __slots__ = (
        "at",
        "blasts",
        "changes",
        "control_changed",
        "deadline",
        "parents_changed",
        "sequence",
        "source",
        "system",
    )

    def __init__(self, system: System, at: int, source: str | None, sequence: int | None) -> None:
        self.system = system
        self.at = at
        self.source = source
        self.sequence = sequence
        self.deadline = False
        self.changes: list[Change] = []
        self.blasts: list[BlastStage] = []
        self.parents_changed: set[str] = set()
        self.control_changed = False

    def emit(
        self,
        kind: str,
        unit: str | None,
        before: Fields = NOTHING,
        after: Fields = NOTHING,
        details: Fields = NOTHING,
    ) -> int:
        """Tell of a change. Returns its version."""
        system = self.system
        system.version += 1
        change = Change(
            system.name,
            system.version,
            self.at,
            kind,
            unit,
            before,
            after,
            self.source,
            self.sequence,
            self.deadline,
            details,
        )
        self.changes.append(change)
        if system.blast is not None:
            system.blast.timeline.append(change)
        return system.version

    def emit_unit(self, kind: str, unit: Unit, before: Fields, after: Fields, details: Fields = NOTHING) -> None:
        """Tell what changed in a speaking unit."""
        unit.version = self.emit(kind, unit.path, before, after, details)
        self.system.dirty.add(unit.path)
        self.system.touched[unit.path].add(ITSELF)

    def emit_added(self, unit: Unit) -> None:
        """Tell of a speaking unit seen for the first time."""
        self.emit_unit(UNIT_ADDED, unit, NOTHING, unit.fields())

    def emit_child_added(self, bank: Bank, window: int) -> None:
        """Tell of a detonator or type 1 booster seen for the first time."""
        self._emit_child(UNIT_ADDED, bank, window, NOTHING, bank.fields(window))

    def emit_child_changed(self, bank: Bank, window: int, difference: Difference) -> None:
        """Tell what changed in a detonator or type 1 booster."""
        self._emit_child(UNIT_CHANGED, bank, window, difference.before, difference.after)

    def _emit_child(self, kind: str, bank: Bank, window: int, before: Fields, after: Fields) -> None:
        bank.versions[window] = self.emit(kind, bank.path(window), before, after)
        self.system.touched[bank.parent].add(window)
        self.system.dirty.add(bank.parent)
        self.parents_changed.add(bank.parent)

    def result(self) -> Applied:
        return Applied(self.changes, self.blasts)
