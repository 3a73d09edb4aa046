"""What contradicts a good blast, or casts doubt on it (spec page 2, The verdict)."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from stateserver.domain.bank import DETONATORS, Bank
from stateserver.domain.blast import FIRED, MISSED, Blast, JsonObject, Watched
from stateserver.domain.change import CLOCK_AHEAD, CLOCK_SET_BACK
from stateserver.domain.system import System
from stateserver.domain.unit import Unit
from stateserver.domain.warnings import FAULTS
from stateserver.protocol.modes import MODES, Mode

ANSWERS_AT_END: Final = "answers_at_end"
NOT_MARKED_FIRED: Final = "not_marked_fired"
BRIDGE_WIRE_WHOLE: Final = "bridge_wire_whole"
PARTIAL_BLAST: Final = "partial_blast"
MISSING_PULSE: Final = "missing_pulse"
FAULT_AT_END: Final = "fault_at_end"
START_UNSEEN: Final = "start_unseen"
CLOCK_CHANGED: Final = "clock_changed"
DETONATOR_ERROR: Final = "detonator_error"
BRIDGE_WIRE_OPEN: Final = "bridge_wire_open"
DELAY_OVER_LIMIT: Final = "delay_over_limit"
UID_TWICE: Final = "uid_twice"


def _row(what: str, unit: str, windows: list[int] | None = None, field: str | None = None) -> JsonObject:
    return {"what": what, "unit": unit, "windows": windows, "field": field}


def _window_rows(what: str, units: Iterable[Unit], concerned: Callable[[Unit], list[int]]) -> list[JsonObject]:
    """A row for each unit of which any windows are concerned."""
    return [_row(what, unit.path, windows) for unit in units if (windows := concerned(unit))]


def at_the_start(system: System, control: Unit, active: list[Unit]) -> list[JsonObject]:
    """What can be told when the blast opens, in the table's order; `active` boosters in path order."""
    assert system.mode is not None, "a record has set the mode"
    mode, boosters = system.mode, system.boosters(system.mode)
    rows = []
    if mode is not Mode.IBS and control.reported.get("firing") is not True:
        rows.append(_row(START_UNSEEN, control.path))
    if any(source.is_ahead for source in system.sources.values()):
        rows.append(_row(CLOCK_CHANGED, control.path))
    rows += [_row(DETONATOR_ERROR, unit.path) for unit in active if unit.reported.get("detonator_error") is True]
    rows += _window_rows(BRIDGE_WIRE_OPEN, active, lambda unit: _open_bridge_wires(unit.windows_bank))
    delay_max = MODES[mode].delay_ms_max
    if delay_max is not None:
        rows += _window_rows(DELAY_OVER_LIMIT, active, lambda unit: _delays_over(unit.windows_bank, delay_max))
    if mode is not Mode.IBS:
        twice = _identities_twice(boosters)
        rows += _window_rows(UID_TWICE, boosters, lambda unit: _with_identities(unit.windows_bank, twice))
    return rows


def _open_bridge_wires(bank: Bank) -> list[int]:
    if bank.kind is not DETONATORS:
        return []
    return [window for window in bank.windows() if bank.answers(window) and not bank.has(window, "bridge_wire")]


def _delays_over(bank: Bank, delay_ms_max: int) -> list[int]:
    return [window for window in bank.windows() if bank.delay(window) > delay_ms_max]


def _identities_twice(boosters: list[Unit]) -> set[int]:
    seen: Counter[int] = Counter()
    for unit in boosters:
        bank = unit.windows_bank
        seen.update(identity for window in bank.windows() if (identity := bank.identity(window)) is not None)
    return {identity for identity, count in seen.items() if count > 1}


def _with_identities(bank: Bank, wanted: set[int]) -> list[int]:
    return [window for window in bank.windows() if bank.identities[window] in wanted]


def at_the_end(system: System, blast: Blast) -> list[JsonObject]:
    """All that needs attention of a blast that closes, in the table's order."""
    boosters = system.boosters(blast.mode)
    active = [unit for unit in boosters if unit.path in blast.watched]
    rows = _window_rows(ANSWERS_AT_END, boosters, lambda unit: _answering(unit, blast))
    rows += _window_rows(NOT_MARKED_FIRED, active, lambda unit: _not_marked(blast.watched[unit.path]))
    rows += _window_rows(BRIDGE_WIRE_WHOLE, active, lambda unit: _whole_bridge_wires(unit, blast))
    rows += _window_rows(PARTIAL_BLAST, active, lambda unit: _with_flag(unit.windows_bank, "partial_blast"))
    rows += _window_rows(MISSING_PULSE, active, lambda unit: _with_flag(unit.windows_bank, "missing_pulse_detected"))
    rows += [
        _row(FAULT_AT_END, unit.path, field=field)
        for unit in active
        for field in FAULTS
        if (unit.path, field) in system.warnings
    ]
    return rows + _since_the_start(blast)


def _since_the_start(blast: Blast) -> list[JsonObject]:
    """What was known at the start, and whether a clock was changed since."""
    known: list[JsonObject] = blast.start["attention"]
    if not any(change.kind in (CLOCK_SET_BACK, CLOCK_AHEAD) for change in blast.timeline):
        return known
    if any(row["what"] == CLOCK_CHANGED for row in known):
        return known
    unseen = [row for row in known if row["what"] == START_UNSEEN]
    return [*unseen, _row(CLOCK_CHANGED, blast.control_unit), *known[len(unseen) :]]


def _fired(watched: Watched) -> list[int]:
    return [window for window, outcome in watched.outcomes() if outcome == FIRED]


def _not_marked(watched: Watched) -> list[int]:
    return [window for window in _fired(watched) if window not in watched.marked]


def _answering(unit: Unit, blast: Blast) -> list[int]:
    bank, since, watched = unit.windows_bank, blast.since_firing_ended, blast.watched.get(unit.path)
    missed = set() if watched is None else {window for window, outcome in watched.outcomes() if outcome == MISSED}
    return [
        window
        for window in bank.windows()
        if bank.answers(window) and bank.as_of[window] >= since and window not in missed
    ]


def _whole_bridge_wires(unit: Unit, blast: Blast) -> list[int]:
    bank = unit.windows_bank
    return [window for window in _fired(blast.watched[unit.path]) if window in bank and bank.has(window, "bridge_wire")]


def _with_flag(bank: Bank, flag: str) -> list[int]:
    return [window for window in bank.windows() if bank.has(window, flag)]
