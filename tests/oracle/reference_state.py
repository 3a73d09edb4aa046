"""Page 2's state of one blasting system, read plainly: its units, its events, its counts, its deadlines."""

from dataclasses import dataclass, field
from typing import Any

from tests.oracle.reference_blast import Blast, Units, booster_type, children_of, path_key
from tests.oracle.reference_frame import Fields, Value
from tests.oracle.reference_tables import CONTROL_UNIT_COUNTS, COUNTS, OFF_THE_LINE, SILENCE, WARNING_FIELDS


@dataclass
class Source:
    """What is kept of a Packet Server; `as_sent` times are a record's `created_at` before its append bounds it."""

    sequence: int
    """Of its last applied frame."""
    time: int
    """Of its last applied frame."""
    highest_as_sent: int
    first_as_sent: int | None = None
    """Of its last applied frame numbered 1."""
    ahead: bool = False
    accounted: int = 0
    """Rejected frames that did come, since its last applied frame."""
    last_accounted: int | None = None


class State:
    """One blasting system. `changes` grows; everything else is as it stands."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.mode: str | None = None
        self.clock: int | None = None
        self.units: Units = {}
        # Of units: when each has last spoken and was last cleared, and the source that last moved it as a speaker.
        self.spoken: dict[str, int] = {}
        self.cleared: dict[str, int] = {}
        self.movers: dict[str, str] = {}
        # Of control units: whether the button was pressed in its frame before, and which saw the bit firing 1 since
        # their operation became firing.
        self.held: dict[str, bool] = {}
        self.seen_firing: set[str] = set()
        self.sources: dict[str, Source] = {}
        self.warnings: dict[tuple[str, str], dict[str, Any]] = {}
        self.blasts: list[Blast] = []
        self.remembered: dict[str, Memory] = {}
        self.command_ids: list[str] = []
        self.changes: list[dict[str, Any]] = []
        # Of the record, or the deadline, that is being applied.
        self.cause: tuple[str | None, int | None] = (None, None)
        self.at = 0
        self.deadline = False

    @property
    def open_blast(self) -> Blast | None:
        return next((blast for blast in self.blasts if blast.closed is None), None)

    @property
    def control_unit(self) -> str | None:
        """The first inserted; a control unit is never removed."""
        return next((path for path in self.units if path.startswith("0/")), None)

    def open_warnings(self) -> list[dict[str, Any]]:
        order = list(WARNING_FIELDS)
        keys = sorted(self.warnings, key=lambda key: (path_key(key[0]), order.index(key[1])))
        return [dict(self.warnings[key]) for key in keys]

    def as_of(self, path: str) -> int:
        as_of = self.units[path]["as_of"]
        assert isinstance(as_of, int)
        return as_of

    # Events.

    def event(
        self,
        kind: str,
        unit: str | None,
        before: Fields | None = None,
        after: Fields | None = None,
        details: Fields | None = None,
    ) -> dict[str, Any]:
        source, sequence = self.cause
        change = {
            "system": self.name,
            "version": len(self.changes) + 1,
            "at": self.at,
            "kind": kind,
            "unit": unit,
            "before": before or {},
            "after": after or {},
            "source": source,
            "sequence": sequence,
            "deadline": self.deadline,
            "details": details or {},
        }
        self.changes.append(change)
        if self.open_blast is not None:
            self.open_blast.timeline.append(change)
        return change

    def change(self, path: str, fields: Fields) -> None:
        """Set a unit's fields; unit_changed where any differs."""
        unit = self.units[path]
        after = {name: value for name, value in fields.items() if unit.get(name) != value}
        before = {name: unit.get(name) for name in after}
        unit.update(after)
        if after:
            self.event("unit_changed", path, before, after)

    def add(self, path: str, fields: Fields, communicates: bool) -> None:
        numbers = path.split("/")
        unit: Fields = {"type": int(numbers[-2])}
        if len(numbers) == 2:
            unit["serial"] = int(numbers[1])
        else:
            unit["window_id"], unit["parent"] = int(numbers[3]), "/".join(numbers[:2])
        unit |= {"first_seen": self.at, "as_of": self.at, "communication_status": communicates} | fields
        self.units[path] = unit
        unit.update(self.counts(path))
        self.event("unit_added", path, after=dict(unit))

    def forget(self, path: str) -> None:
        """A unit goes, with all that is kept of it but its events."""
        del self.units[path]
        for kept in (self.spoken, self.cleared, self.movers, self.remembered):
            kept.pop(path, None)
        self.warnings = {key: warning for key, warning in self.warnings.items() if key[0] != path}

    # Counts.

    def counts(self, path: str) -> Fields:
        """A fresh count of what a parent holds; nothing for other units."""
        if path == self.control_unit:
            assert self.mode is not None
            prefix = f"{booster_type(self.mode)}/"
            children = [p for p in self.units if p.startswith(prefix) and p.count("/") == 1]
            bits = CONTROL_UNIT_COUNTS
        elif path.count("/") == 1 and self.units[path]["type"] in {1, 3}:
            children = children_of(self.units, path)
            bits = COUNTS[int(path[0])]
        else:
            return {}
        fresh: Fields = {"children": len(children)}
        for name, bit in bits.items():
            fresh[name] = sum(bool(self.units[child].get(bit)) for child in children)
        return fresh

    def recount(self) -> None:
        parents = [path for path in self.units if path.count("/") == 1 and path[0] in "13"]
        parents.sort(key=path_key)
        if self.control_unit is not None:
            parents.append(self.control_unit)
        for path in parents:
            self.change(path, self.counts(path))

    # Deadlines.

    def deadlines(self) -> list[tuple[int, int, tuple[int, ...], str]]:
        """(time, rank at one instant, path order, path) of each."""
        found = []
        for path, spoken in self.spoken.items():
            if self.units[path]["communication_status"]:
                found.append((spoken + SILENCE, 0, path_key(path), path))
        blast = self.open_blast
        if blast is not None:
            if not blast.left_the_line:
                found.append((blast.timers_from + OFF_THE_LINE, 1, (), ""))
            found.append((blast.times_out, 2, (), ""))
        return found

    def apply_deadlines(self) -> None:
        """Those at or before the clock, earliest first."""
        at = self.at
        while self.clock is not None and (due := min(self.deadlines(), default=None)) and due[0] <= self.clock:
            self.at, self.deadline = due[0], True
            self._apply_deadline(due[1], due[3])
            self.recount()
        self.at, self.deadline = at, False

    def _apply_deadline(self, rank: int, path: str) -> None:
        blast = self.open_blast
        if rank == 0:
            self.change(path, {"communication_status": False})
            return
        assert blast is not None
        if rank == 1:
            blast.left_the_line = True
            for booster in sorted(self.units, key=path_key):
                if booster.count("/") == 1 and self.units[booster]["type"] == booster_type(blast.mode):
                    self.change(booster, {"communication_status": False})
        else:
            self.close_blast(blast, "timer_completed")

    # A blast's end.

    def close_blast(self, blast: Blast, how: str) -> None:
        self.event("blast_closed", blast.control_unit, details={"blast": blast.id, "how": how})
        blast.close(self.at, how, self.units, self.open_warnings())
        for path in blast.start:
            outcome = blast.told(path)
            if outcome in {"fired", "unreported", "silent_before"} and self._still_there(blast, path):
                self.remembered[path] = Memory(blast.id, outcome, blast.identity(blast.start[path]))

    def _still_there(self, blast: Blast, path: str) -> bool:
        """It exists, its booster was not cleared, and it is not another than at the start, for all that is known."""
        if path not in self.units or path in blast.was_cleared:
            return False
        identities = {blast.identity(blast.start[path]), blast.identity(self.units[path])} - {None}
        return len(identities) < 2


@dataclass
class Memory:
    """A detonator of the last closed blast that nobody takes for live."""

    blast: str
    outcome: str
    identity: Value = field(default=None)
    """Its uid (in IBS its serial) at the start of the blast."""
