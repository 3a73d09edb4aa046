"""One system as a reader of the topics holds it: consistent at one version, in whatever order they came.

`changes` carries every event at once; the rows of `units` and `systems` follow 100 to 200 ms behind (spec
page 3). So events alone move the version, and rows only say what events do not: `as_of`, time, counters, and
where to begin.
"""

from enum import Enum, auto

from stateserver.codec.era import FIRST_ERA
from stateserver.codec.system import SystemRow
from stateserver.codec.unit import RawUnit, decode_unit
from stateserver.domain.change import (
    DETONATORS_CLEARED,
    MODE_CHANGED,
    UNIT_ADDED,
    UNIT_EVENTS,
    UNIT_RETIRED,
    Change,
    fold_change,
)
from stateserver.domain.paths import path_key
from stateserver.gateway.change_log import ChangeLog, logged
from stateserver.gateway.open_warnings import OpenWarnings
from stateserver.gateway.standing import Standing
from stateserver.gateway.unit_table import UnitTable, unit_type
from stateserver.protocol.commands import UnitType


class Folded(Enum):
    """What became of an event."""

    APPLIED = auto()
    REPEATED = auto()
    EARLIER = auto()
    """From before the rows we began with: history, which they include already."""
    GAP = auto()
    """Events before it are missing, so it was not applied."""
    CONFLICT = auto()
    """Another event was told under this version before, so it was not applied."""
    WITHDRAWN = auto()
    """Of an earlier era than the system's: it is not true any more."""
    ANEW = auto()
    """Of a later era: what is held is withdrawn, so it was not applied."""


class Trouble(Enum):
    """Why what we hold of a system is not to be trusted. People are told; reading the topics anew cures it."""

    EVENTS_MISSING = "events_missing"
    EVENTS_CONTRADICT = "events_contradict"
    UNITS_DIFFER = "units_differ"
    ROWS_DIFFER = "rows_differ"
    WITHDRAWN = "withdrawn"
    """Nothing is told of it yet since all was taken back: its worker has it told anew from its journal."""


class SystemModel:
    """Units, warnings and the latest events of a system. `generation` tells one reading from the next.

    Begins with the rows that a reader finds; `row` None stands for a system that was not checkpointed yet. `era` is
    that of its events: where they are told anew, another one begins.
    """

    def __init__(
        self,
        name: str,
        row: SystemRow | None = None,
        units: UnitTable | None = None,
        *,
        log_capacity: int = 10_000,
        generation: int = 0,
        era: int = FIRST_ERA,
    ) -> None:
        self.name = name
        self.era = era
        self.generation = generation
        self.row = row
        self.partition = row.partition if row else None
        """Where it lives in every topic."""
        self.version = row.version if row else 0
        self.time = row.time if row else None
        self.mode: str | None = row.mode if row else None
        self.units = UnitTable() if units is None else units
        self.began_with_rows = row is not None or bool(self.units)
        self.standing = Standing(row)
        self.log = ChangeLog(log_capacity)
        self._trouble: Trouble | None = None
        self._version_seen = self.version
        self.revision = 0
        """Grows with whatever changes here, as_of included."""
        self._mode_version = self.version
        # Rows may be of a later checkpoint than `row`: until their events came, this is no state of any instant.
        self._whole_from = self.units.latest
        self._unknown_units: set[str] = set()
        self._early_units: dict[str, RawUnit] = {}
        self._early_row: SystemRow | None = None
        # Detonators have none of the fields that warn.
        self.standing.seed((path, self.units[path]) for path in self.units.without(UnitType.DETONATOR))

    @property
    def warnings(self) -> OpenWarnings:
        """Those that are open."""
        return self.standing.warnings

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong with what we hold, if anything is known to be."""
        if self._version_seen > self.version:
            return Trouble.EVENTS_MISSING
        if self.era and self.version == 0:
            return Trouble.WITHDRAWN
        return self._trouble

    @property
    def whole(self) -> bool:
        """Is this the system's state at `version`, nothing missing and nothing of a later one?"""
        return self.trouble is None and self.version >= self._whole_from and not self._unknown_units

    def unit_version(self, path: str) -> int:
        """The version of the event that last changed a unit; 0 for one that isn't there."""
        return self.units.version(path)

    def control_unit(self) -> str | None:
        """The path of the system's control unit: the one that carries its counts, should there be several."""
        return control_unit_of(self.units)

    def fold(self, change: Change, era: int = FIRST_ERA) -> Folded:
        """Carry an event over, if it is the next one and of this era."""
        if era != self.era:
            return Folded.WITHDRAWN if era < self.era else Folded.ANEW
        if change.version == self.version + 1:
            self.log.append(logged(change))
            self._apply(change)
            return Folded.APPLIED
        if change.version > self.version:
            self._version_seen = max(self._version_seen, change.version)
            return Folded.GAP
        return self._look_back(change)

    def _look_back(self, change: Change) -> Folded:
        entry = logged(change)
        held = self.log.get(change.version)
        if held is not None:
            if held == entry:
                return Folded.REPEATED
            self._trouble = Trouble.EVENTS_CONTRADICT
            return Folded.CONFLICT
        if len(self.log) and change.version <= self.log.last:
            return Folded.REPEATED
        self.log.append(entry)
        self.standing.look_back(change)
        return Folded.EARLIER

    def _apply(self, change: Change) -> None:
        if change.kind in UNIT_EVENTS:
            self._change_unit(change)
        elif change.kind in (DETONATORS_CLEARED, UNIT_RETIRED):
            self._remove(change)
        elif change.kind == MODE_CHANGED:
            mode = change.after["mode"]
            assert isinstance(mode, str)
            self.mode, self._mode_version = mode, change.version
        self.standing.fold(change)
        self.version = change.version
        if change.source is not None or change.deadline:  # a command's time is not the system's
            self.time = max(change.at, self.time or 0)
        self.revision += 1
        self._take_early()

    def _change_unit(self, change: Change) -> None:
        path = change.unit
        assert path is not None
        if change.version <= self.unit_version(path):
            return  # the row we began with has it
        if path not in self.units and change.kind != UNIT_ADDED:
            # Its row is gone by an event that is still to come; if none does, `whole` says so.
            self._unknown_units.add(path)
            return
        units = {} if change.kind == UNIT_ADDED else {path: self.units[path]}
        fold_change(units, change)
        self.units.put(path, change.version, units[path])
        self._unknown_units.discard(path)

    def _remove(self, change: Change) -> None:
        """A booster's detonators are cleared; or a unit is retired, with all below it."""
        assert change.unit is not None
        itself = [change.unit] if change.kind == UNIT_RETIRED else []
        for path in [*itself, *self.units.below(change.unit)]:
            if self.unit_version(path) <= change.version:  # else it was heard of again since: its row is ahead
                self.units.drop(path)
        self._unknown_units = {
            path for path in self._unknown_units if not (path in itself or path.startswith(f"{change.unit}/"))
        }

    def withdraw_unit(self, path: str) -> bool:
        """A unit's row was struck out, as all is told anew; False where it may have been told of since."""
        self._early_units.pop(path, None)
        if self.version:
            return path not in self.units
        self.units.drop(path)
        if not self.units:
            self._whole_from = 0
        return True

    def refresh_unit(self, unit: RawUnit) -> None:
        """Take a unit's row: for what moves without events. Rows behind the events say nothing new."""
        if unit.version > self.version:
            self._early_units[unit.unit] = unit
            return
        raw = self.units.raw(unit.unit)
        if raw is None or unit.raw == raw or unit.version != self.unit_version(unit.unit):
            return
        # Rows come in their order; `as_of` goes back too, where a clock was set back.
        held, told = self.units[unit.unit], decode_unit(unit.value()).fields
        if told | {"as_of": None} != held | {"as_of": None}:
            self._trouble = Trouble.UNITS_DIFFER
        self.units.put_raw(unit)
        self.revision += 1

    def refresh(self, row: SystemRow) -> None:
        """Take the system's row, once the events up to it are here."""
        if row.version > self.version:
            self._early_row = row
            return
        self.row, self.partition = row, row.partition
        if row.time is not None:
            self.time = max(row.time, self.time or 0)
        if row.version >= self._mode_version:
            self.mode = row.mode
        if not self.standing.refresh(row, at_present=row.version == self.version):
            self._trouble = Trouble.ROWS_DIFFER
        self.revision += 1

    def _take_early(self) -> None:
        if self._early_row is not None and self._early_row.version <= self.version:
            row, self._early_row = self._early_row, None
            self.refresh(row)
        if not self._early_units:
            return
        for path in [path for path, unit in self._early_units.items() if unit.version <= self.version]:
            self.refresh_unit(self._early_units.pop(path))


def control_unit_of(units: UnitTable) -> str | None:
    """The path of the control unit among a system's units: the one that carries its counts, should there be several."""
    panels = [head for head in units.heads() if unit_type(head) == UnitType.CONTROL_UNIT and head in units]
    if not panels:
        return None
    return min(panels, key=lambda path: ("children" not in units[path], path_key(path)))
