"""What the views of a report call things, so that whoever signs it need know no field's name."""

from functools import lru_cache
from typing import Final, NamedTuple

from stateserver.domain.blast import DATA_COMPLETED, FIRED, MISSED, SUPERSEDED, TIMER_COMPLETED, UNREPORTED
from stateserver.domain.change import KINDS, Change, Value
from stateserver.protocol.commands import UnitType
from stateserver.protocol.modes import MODES, Mode
from stateserver.reports.detonators import (
    ACTIVE,
    AWAITED,
    EXCLUDED,
    INACTIVE,
    LISTED_LATER,
    NOT_IN_BLAST,
    POSSIBLY_LIVE,
    SEEN_LATER,
    SILENT_BEFORE,
)
from stateserver.reports.times import SiteClock

NOTHING: Final = "\N{EN DASH}"


class Nouns(NamedTuple):
    """What fires and what is fired: in an IBS system a section controller plays the booster's part."""

    booster: str
    boosters: str
    detonator: str
    detonators: str
    window: str
    identity: str


DETONATOR_NOUNS: Final = Nouns("booster", "boosters", "detonator", "detonators", "window", "uid")
IBS_NOUNS: Final = Nouns(
    "section controller", "section controllers", "type 1 booster", "type 1 boosters", "position", "serial"
)


def nouns_of(mode: Mode) -> Nouns:
    """The words of that kind of site."""
    has_sections = UnitType.SECTION_CONTROLLER in MODES[mode].unit_types
    return IBS_NOUNS if has_sections else DETONATOR_NOUNS


HOW: Final = {
    DATA_COMPLETED: "All data came",
    TIMER_COMPLETED: "Time ran out",
    SUPERSEDED: "Superseded",
    None: "Still open",
}

OUTCOMES: Final = {
    FIRED: "no longer answers, presumed fired",
    MISSED: "missed: still answers",
    UNREPORTED: "unreported: nothing is known",
    SILENT_BEFORE: "silent before: did not answer at the start",
    AWAITED: "not known yet, the blast is open",
    LISTED_LATER: "listed later: not known at the start",
    NOT_IN_BLAST: "not part of this blast",
}

GROUPS: Final = {
    ACTIVE: "active",
    POSSIBLY_LIVE: "possibly live",
    EXCLUDED: "excluded",
    INACTIVE: "inactive",
    SEEN_LATER: "not known at the start",
}

REASONS: Final = {
    "key_switch_off": "key switch off",
    "not_communicating": "not communicating",
    "no_detonators": "no {detonators}",
}

_KINDS: Final = {
    "unit_added": "Added",
    "unit_changed": "Changed",
    "detonators_cleared": "Detonators cleared",
    "warning_raised": "Warning raised",
    "warning_cleared": "Warning cleared",
    "warning_acknowledged": "Warning acknowledged",
    "operation_changed": "Operation changed",
    "sequence_gap": "Frames missing",
    "sequence_restarted": "Source restarted",
    "stale_frame": "Stale frame",
    "mode_changed": "Mode changed",
    "unit_labelled": "Labelled",
    "command_refused": "Command refused",
    "blast_opened": "Blast initiated",
    "blast_firing_complete": "Firing complete",
    "blast_firing_aborted": "Firing aborted",
    "blast_closed": "Blast closed",
    "fire_button_repeated": "Fire button pressed again",
    "answers_after_blast": "Answers after the blast",
    "clock_set_back": "Clock set back",
    "clock_ahead": "Clock ahead",
    "unit_retired": "Retired",
}
assert set(_KINDS) == set(KINDS), "every kind of event has its words"

_FIELDS: Final = {
    "communication_status": "communicating",
    "lfs": "last firing status",
    "program": "programmed",
    "detonator_status": "answers",
    "qos": "signal quality, %",
    "qos_firing": "signal quality at firing",
}

_UNITS: Final = {
    UnitType.CONTROL_UNIT: "Control unit",
    UnitType.SECTION_CONTROLLER: "Section controller",
    UnitType.BOOSTER_TYPE_2: "Booster",
    UnitType.CFC: "CFC",
}
_TIMES: Final = {"as_of", "first_seen"}
_WRITTEN: Final = {"actor", "note", "label"}
_PLACES: Final = {UnitType.BOOSTER_TYPE_1: "position", UnitType.DETONATOR: "window"}


def number(count: int | None) -> str:
    """A count for reading: thousands apart from 10 000 on, by a space that no one takes for a decimal mark."""
    if count is None:
        return NOTHING
    return f"{count:,}".replace(",", "\u202f") if abs(count) >= 10_000 else str(count)


def counted(count: int, one: str, many: str) -> str:
    """`1 booster`, `2 boosters`."""
    return f"{number(count)} {one if count == 1 else many}"


def field_words(field: str) -> str:
    """A field's name as words."""
    return _FIELDS.get(field) or field.replace("_", " ")


def value_words(value: Value) -> str:
    """A field's value as words."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace("_", " ") if isinstance(value, str) else str(value)


def kind_words(kind: str) -> str:
    """What kind of event it is."""
    return _KINDS.get(kind) or field_words(kind)


@lru_cache(maxsize=4096)
def unit_words(unit: str | None) -> str:
    """A unit by its path, as people speak of it; what is no unit's path as it stands."""
    if unit is None:
        return NOTHING
    parts = unit.split("/")
    if not all(part.isascii() and part.isdigit() for part in parts) or len(parts) not in {2, 4}:
        return unit
    kind = _UNITS.get(int(parts[0]))  # type: ignore[call-overload]
    place = _PLACES.get(int(parts[2])) if len(parts) == 4 else ""  # type: ignore[call-overload]
    if kind is None or place is None:
        return unit
    return f"{kind} {parts[1]}, {place} {parts[3]}" if place else f"{kind} {parts[1]}"


def reasons_words(why: tuple[str, ...], nouns: Nouns) -> str:
    """Why a booster took no part."""
    return ", ".join(REASONS.get(reason, reason).format(detonators=nouns.detonators) for reason in why)


def change_words(change: Change, clock: SiteClock) -> str:
    """What an event changed, or says besides its kind: by name, so that no order of the document's shows."""
    if change.after:
        return "; ".join(_field_change(name, change, clock) for name in sorted(change.after))
    told = {name: value for name, value in sorted(change.details.items()) if name != "blast" and value is not None}
    if set(told) == {"field"}:
        return field_words(str(told["field"]))
    if set(told) == {"how"}:
        return HOW.get(str(told["how"]), str(told["how"])).lower()
    return "; ".join(f"{field_words(name)} {_told(name, value, clock)}" for name, value in told.items())


def _field_change(name: str, change: Change, clock: SiteClock) -> str:
    after = _told(name, change.after[name], clock)
    before = change.before.get(name)
    return f"{field_words(name)} {after if before is None else f'{_told(name, before, clock)} → {after}'}"


def _told(name: str, value: Value, clock: SiteClock) -> str:
    if name == "field":
        return field_words(str(value))
    if name in _TIMES and isinstance(value, int):
        return clock.site(value)
    # What people wrote stands as they wrote it.
    return str(value) if name in _WRITTEN and value is not None else value_words(value)
