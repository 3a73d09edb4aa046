"""A system as it stood at an instant: a still of it, and the events that followed. Pure: no Kafka here.

`at` stands for the moment before the first record that took the system's time past it. Every event belongs to a record
and says (in a header, where its own time differs) how far the system's time had come with that. So what the events of a
system make is its state at `at` once the next one belongs to a later time.

`as_of` is left out: it moves without events.
"""

from enum import Enum, auto
from typing import Any

from stateserver.codec.standing import answered_rows, warning_rows
from stateserver.codec.still import Still
from stateserver.domain.change import (
    DETONATORS_CLEARED,
    MODE_CHANGED,
    UNIT_ADDED,
    UNIT_EVENTS,
    UNIT_RETIRED,
    Change,
    Fields,
    Value,
    fold_change,
)
from stateserver.domain.still import read_still
from stateserver.gateway.answered_after import AnsweredAfterBlast
from stateserver.gateway.open_warnings import OpenWarnings
from stateserver.gateway.system_model import control_unit_of
from stateserver.gateway.unit_table import UnitTable

AS_OF = "as_of"


class Step(Enum):
    """What became of an event."""

    TAKEN = auto()
    PASSED = auto()
    """It was there already: a repeat, or from before the still."""
    BEYOND = auto()
    """It belongs to a later time."""
    GAP = auto()
    """Events before it are missing."""


class Past:
    """The state after the events taken so far. Without a still it begins with nothing, before the first event."""

    def __init__(self, name: str, still: Still | None = None) -> None:
        """Raises UnreadableStill and OtherRowFormat."""
        self.name = name
        self.version = 0
        self.time: int | None = None
        self.mode: str | None = None
        self.units = UnitTable()
        self.warnings = OpenWarnings()
        self.answered = AnsweredAfterBlast()
        self._touched: dict[str, Fields] = {}
        if still is not None:
            self._begin(still)

    def _begin(self, still: Still) -> None:
        system = read_still(self.name, still.data)
        self.version, self.time, self.mode = system.version, system.time, system.mode
        for path, fields in system.units():
            self._put(path, fields)
        self.warnings.begin(warning_rows(system))
        self.answered.begin(answered_rows(system))

    def take(self, change: Change, time: int | None, at: int) -> Step:
        """Carry an event over, if it is the next one and not of a later time. `time`: the system's, with its record."""
        if change.version <= self.version:
            return Step.PASSED
        if change.version > self.version + 1:
            return Step.GAP
        if time is not None and time > at:
            return Step.BEYOND
        self._fold(change)
        self.version = change.version
        if time is not None:
            self.time = max(time, self.time or 0)
        return Step.TAKEN

    def _fold(self, change: Change) -> None:
        unit = change.unit
        if change.kind == MODE_CHANGED:
            self.mode = str(change.after["mode"])
        elif unit is not None and change.kind in UNIT_EVENTS:
            if change.kind != UNIT_ADDED and unit not in self._touched:
                self._touched[unit] = self.units[unit]
            fold_change(self._touched, change)
        elif unit is not None and change.kind in (DETONATORS_CLEARED, UNIT_RETIRED):
            fold_change(self._touched, change)
            for path in self.units.below(unit):
                self.units.drop(path)
            if change.kind == UNIT_RETIRED:
                self.units.drop(unit)
        self.warnings.fold(change)
        self.answered.fold(change)

    def settle(self) -> None:
        """No more events are taken: have `units` as they stand."""
        for path, fields in self._touched.items():
            self._put(path, fields)
        self._touched.clear()

    def _put(self, path: str, fields: Fields) -> None:
        self.units.put(path, 0, {name: value for name, value in fields.items() if name != AS_OF})

    def head(self, at: int) -> dict[str, Any]:
        """The system in brief, but for its blasts, which are told elsewhere."""
        panel = control_unit_of(self.units)
        operation: Value = None if panel is None else self.units[panel].get("operation")
        return {
            "system": self.name,
            "at": at,
            "version": self.version,
            "time": self.time,
            "mode": self.mode,
            "control_unit": panel,
            "operation": operation,
            "units": len(self.units),
            "warnings": len(self.warnings),
            "answered_after_blast": self.answered.rows(),
        }
