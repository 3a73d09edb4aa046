"""Live tables held against a fold of their journal: pure, no Kafka here.

The worker goes on while they are read, so no two rows need be of the same checkpoint. But each row says which journal
position it stands for, and the fold passes that position: there the row must be what the fold holds. What is not in
the tables can only be told at a position up to which they are known to be whole: the `cut`, that of a checkpoint which
was safe before reading began. Positions are journal offsets of the next record wanted, by topic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stateserver.codec.standing import answered_rows, clocks_ahead, warning_rows
from stateserver.codec.system import CUT, AnsweredRow, SystemRow, WarningRow
from stateserver.codec.unit import decode_unit
from stateserver.domain.canonical import canonical_json
from stateserver.domain.change import Fields, Value
from stateserver.domain.checkpoint import state_hash, take_rows
from stateserver.domain.paths import path_key
from stateserver.domain.system import System

_BEYOND_ALL: Final = 2**63
Positions = Mapping[str, int]
Said = Value | dict[str, int]
_Key = tuple[str, str]
_Row = WarningRow | AnsweredRow

AS_OF: Final = "as_of"
VERSION: Final = "version"
ANSWERED: Final = "answered_after_blast"
_OF_A_SYSTEM: Final = (VERSION, "time", "mode", "counters", "sources", "state_hash", "clocks_ahead")


class Difference(NamedTuple):
    """A field that differs. No `unit`: one of the system itself. No `field`: the unit, or system, is in one alone."""

    system: str
    unit: str | None
    field: str | None
    live: Said
    replayed: Said

    @property
    def order(self) -> tuple[str, tuple[int, ...], str]:
        """Systems by name, each before its units in path order."""
        return self.system, () if self.unit is None else path_key(self.unit), self.field or ""


class LiveUnit(NamedTuple):
    """A row of `units`, still encoded: None for one that is gone. No `positions`: it doesn't say what it stands for."""

    value: bytes | None
    positions: Positions | None


class LiveSystem(NamedTuple):
    """A row of `systems`."""

    row: SystemRow
    positions: Positions | None


@dataclass
class LiveTables:
    """One partition's rows as they were read, and the cut up to which nothing is missing in them."""

    cut: Positions
    units: dict[str, dict[str, LiveUnit]] = field(default_factory=dict)
    systems: dict[str, LiveSystem] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """All systems that the tables know."""
        return {name for name, rows in self.units.items() if any(row.value for row in rows.values())} | set(
            self.systems
        )

    def reach(self, topic: str) -> int:
        """The position in a topic up to which it must be folded to compare every row."""
        positions = [row.positions for rows in self.units.values() for row in rows.values()]
        positions += [system.positions for system in self.systems.values()]
        told = [each.get(topic, 0) for each in positions if each is not None]
        offsets = [system.row.offset + 1 for system in self.systems.values() if system.positions is None]
        return max([self.cut.get(topic, 0), *told, *offsets])


class _Due(NamedTuple):
    """A row to be looked at when the fold has come to a position; no `unit`: the system's own; no row: the cut."""

    position: int
    unit: str | None
    row: LiveUnit | LiveSystem | None


class Comparison:
    """Told of each system before a record of it is applied, it finds what differs."""

    def __init__(self, live: LiveTables) -> None:
        self.differences: list[Difference] = []
        self._live = live
        self._due: dict[str, list[_Due]] = {}

    def before(self, name: str, system: System | None, topic: str, offset: int) -> None:
        """The system as it stands before the record at that offset, one of its own; None before its first."""
        due = self._due.get(name)
        if due is None:
            due = self._due[name] = self._due_of(name, topic)
        while due and due[-1].position <= offset:
            self._look(system or System(name), topic, due.pop(), exists=system is not None)

    def end(self, systems: Mapping[str, System], topics: Mapping[str, str]) -> None:
        """The journal's end: all systems of the fold, and the topic that each lives in."""
        for name, system in systems.items():
            self.before(name, system, topics[name], _BEYOND_ALL)
        for name in self._live.names - systems.keys():
            self.differences.append(Difference(name, None, None, live=True, replayed=False))
        self.differences.sort(key=lambda difference: difference.order)

    def _due_of(self, name: str, topic: str) -> list[_Due]:
        """What is to be looked at, the earliest last. The cut's look comes after the rows that stand for it."""
        cut = self._live.cut.get(topic, 0)
        due = [
            _Due(_position(row.positions, topic, cut), path, row)
            for path, row in self._live.units.get(name, {}).items()
        ]
        own = self._live.systems.get(name)
        if own is not None:
            at_least = max(cut, own.row.offset + 1)
            due.append(_Due(_position(own.positions, topic, at_least), None, own))
        due.append(_Due(cut, None, None))
        return sorted(due, key=lambda each: (-each.position, each.row is not None))

    def _look(self, system: System, topic: str, due: _Due, *, exists: bool) -> None:
        if due.row is None:
            self._look_at_the_cut(system, topic, exists=exists)
        elif isinstance(due.row, LiveSystem):
            self._look_at_system(system, due.row.row)
        elif due.unit is not None and due.position > self._live.cut.get(topic, 0):
            self._look_at_unit(system, due.unit, due.row.value, system.unit(due.unit))
        elif due.unit is not None and due.row.value is not None and due.row.positions is not None:
            # The rest is looked at at the cut: a later change should have been written since.
            held = system.unit(due.unit)
            if held is not None:
                self._compare(system, due.unit, {AS_OF: decode_unit(due.row.value).fields.get(AS_OF)}, held, {AS_OF})

    def _look_at_the_cut(self, system: System, topic: str, *, exists: bool) -> None:
        cut = self._live.cut.get(topic, 0)
        rows = self._live.units.get(system.name, {})
        if exists and system.name not in self._live.systems:
            self.differences.append(Difference(system.name, None, None, live=False, replayed=True))
        held = dict(system.units())
        for path in held.keys() | rows.keys():
            row = rows.get(path, LiveUnit(None, None))
            if _position(row.positions, topic, cut) <= cut:
                self._look_at_unit(system, path, row.value, held.get(path), judge_as_of=row.positions is None)

    def _look_at_unit(
        self, system: System, path: str, value: bytes | None, held: Fields | None, *, judge_as_of: bool = True
    ) -> None:
        if value is None or held is None:
            if (value is None) != (held is None):
                self.differences.append(Difference(system.name, path, None, value is not None, held is not None))
            return
        row = decode_unit(value)
        if row.version != system.unit_version(path):
            self.differences.append(Difference(system.name, path, VERSION, row.version, system.unit_version(path)))
        names = row.fields.keys() | held.keys()
        self._compare(system, path, row.fields, held, names if judge_as_of else names - {AS_OF})

    def _compare(self, system: System, path: str, live: Fields, held: Fields, names: set[str]) -> None:
        for name in sorted(names):
            if live.get(name) != held.get(name):
                self.differences.append(Difference(system.name, path, name, live.get(name), held.get(name)))

    def _look_at_system(self, system: System, row: SystemRow) -> None:
        take_rows(system)
        replayed: dict[str, Said] = {
            VERSION: system.version,
            "time": system.time,
            "mode": system.mode,
            "counters": dict(system.counters),
            "sources": {source: state.last_sequence for source, state in system.sources.items()},
            "state_hash": state_hash(system).hex(),
            "clocks_ahead": ", ".join(clocks_ahead(system)),
        }
        live: dict[str, Said] = {
            VERSION: row.version,
            "time": row.time,
            "mode": row.mode,
            "counters": row.counters,
            "sources": row.sources,
            "state_hash": row.state_hash.hex(),
            "clocks_ahead": replayed["clocks_ahead"] if row.clocks_ahead is None else ", ".join(row.clocks_ahead),
        }
        for name in _OF_A_SYSTEM:
            if live[name] != replayed[name]:
                self.differences.append(Difference(system.name, None, name, live[name], replayed[name]))
        if row.warnings is not None:
            live_warnings = {(one.unit, f"warning {one.field}"): one for one in row.warnings}
            replayed_warnings = {(one.unit, f"warning {one.field}"): one for one in warning_rows(system)}
            self._look_at_rows(system, live_warnings, replayed_warnings)
        if row.answered_after_blast is not None:
            live_answered = {(one.unit, ANSWERED): one for one in row.answered_after_blast}
            replayed_answered = {(one.unit, ANSWERED): one for one in answered_rows(system)}
            self._look_at_rows(system, live_answered, replayed_answered)

    def _look_at_rows(self, system: System, live: Mapping[_Key, _Row], replayed: Mapping[_Key, _Row]) -> None:
        for unit, name in live.keys() | replayed.keys():
            one, other = live.get((unit, name)), replayed.get((unit, name))
            if differs(one, other):
                self.differences.append(Difference(system.name, unit, name, _as_text(one), _as_text(other)))


def differs(live: _Row | None, replayed: _Row | None) -> bool:
    """Whether what a system's row tells is another than what a fold holds. A note may have been cut to fit."""
    if isinstance(live, WarningRow) and isinstance(replayed, WarningRow) and (live.note or "").endswith(CUT):
        begins = (live.note or "").removesuffix(CUT)
        return live != replayed._replace(note=live.note) or not (replayed.note or "").startswith(begins)
    return live != replayed


def _as_text(row: _Row | None) -> str | None:
    return None if row is None else canonical_json(row._asdict()).decode()


def _position(positions: Positions | None, topic: str, otherwise: int) -> int:
    return otherwise if positions is None else positions.get(topic, otherwise)
