"""What the views of a report call things, so that whoever signs it need know no field's name."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from stateserver.domain.attention import (
    ANSWERS_AT_END,
    BRIDGE_WIRE_OPEN,
    BRIDGE_WIRE_WHOLE,
    CLOCK_CHANGED,
    DELAY_OVER_LIMIT,
    DETONATOR_ERROR,
    FAULT_AT_END,
    MISSING_PULSE,
    NOT_MARKED_FIRED,
    PARTIAL_BLAST,
    START_UNSEEN,
    UID_TWICE,
)
from stateserver.domain.blast import DATA_COMPLETED, FIRED, MISSED, SUPERSEDED, TIMER_COMPLETED, UNREPORTED, JsonObject
from stateserver.domain.change import Value
from stateserver.domain.report import ABORTED, ALL_FIRED, DOUBTFUL, NOT_ALL_FIRED
from stateserver.domain.warnings import FAULTS
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
from stateserver.reports.rows import ATTENTION, CLEARED, NO_EVIDENCE, REPLACED
from stateserver.reports.rows import VERDICTS as VERDICT_NAMES

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

VERDICTS: Final = {
    ALL_FIRED: "All presumed fired",
    DOUBTFUL: "Doubtful",
    NOT_ALL_FIRED: "Not all fired",
    ABORTED: "Aborted",
}
assert tuple(VERDICTS) == VERDICT_NAMES, "every verdict has its words"

OUTCOMES: Final = {
    FIRED: "no longer answers, presumed fired",
    MISSED: "missed: still answers",
    UNREPORTED: "unreported: nothing tells whether it fired",
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

WHYS: Final = {
    CLEARED: "its booster was cleared",
    REPLACED: "another one took its place",
    NO_EVIDENCE: "nothing came of it after firing ended",
}
"""Why a detonator is unreported."""


class AttentionWords(NamedTuple):
    """`title` in few words, `meaning` in a sentence; both speak of {detonators} and {booster} by their nouns."""

    title: str
    meaning: str


_ATTENTION: Final = {
    ANSWERS_AT_END: AttentionWords(
        "answers at the end",
        "These {detonators} answered after firing ended: take them for live.",
    ),
    NOT_MARKED_FIRED: AttentionWords(
        "not marked as fired",
        "They no longer answer, but the {booster} never marked them as fired.",
    ),
    BRIDGE_WIRE_WHOLE: AttentionWords(
        "bridge wire whole",
        "They no longer answer, but their bridge wire is whole at the end; a fired one's is gone.",
    ),
    PARTIAL_BLAST: AttentionWords("partial blast", "They reported a partial blast."),
    MISSING_PULSE: AttentionWords("missing pulse", "They detected a missing pulse."),
    FAULT_AT_END: AttentionWords("{fault} at the end", "This fault of the {booster} is open at the end."),
    START_UNSEEN: AttentionWords(
        "start not seen",
        "The press was refused, or came up to two minutes before: who was silent before may have fired.",
    ),
    CLOCK_CHANGED: AttentionWords("clock changed", "A clock was set back or ahead: times and durations are doubtful."),
    DETONATOR_ERROR: AttentionWords(
        "detonator error", "The {booster} reported a detonator error at the start, and was not successful."
    ),
    BRIDGE_WIRE_OPEN: AttentionWords("bridge wire open", "They answered at the start, with their bridge wire open."),
    DELAY_OVER_LIMIT: AttentionWords(
        "delay over the limit", "Their delay at the start was above what this kind of system can do."
    ),
    UID_TWICE: AttentionWords("uid given twice", "Another one had the same uid at the start."),
}
assert tuple(_ATTENTION) == ATTENTION, "all that needs attention has its words, in the order of page 2"


def fault_words(field: str) -> str:
    """A fault by its field."""
    return "no mains" if field == "mains" else field_words(field)


def attention_words(what: str, nouns: Nouns, field: str | None) -> AttentionWords:
    """What needs attention; `field` is that of fault_at_end."""
    fault = "fault" if field is None else fault_words(field)
    told = {"detonators": nouns.detonators, "booster": nouns.booster, "fault": fault}
    return AttentionWords(*(words.format(**told) for words in _ATTENTION[what]))


REASONS: Final = {
    "key_switch_off": "key switch off",
    "not_communicating": "not communicating",
    "no_detonators": "no {detonators}",
}

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
_PLACES: Final = {UnitType.BOOSTER_TYPE_1: "position", UnitType.DETONATOR: "window"}


def number(count: int | None) -> str:
    """A count for reading: thousands apart from 10 000 on, by a space that no one takes for a decimal mark."""
    if count is None:
        return NOTHING
    return f"{count:,}".replace(",", "\u202f") if abs(count) >= 10_000 else str(count)


def counted(count: int, one: str, many: str) -> str:
    """`1 booster`, `2 boosters`."""
    return f"{number(count)} {one if count == 1 else many}"


def number_ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers in short: `1-52, 54, 60-100`."""
    spans: list[list[int]] = []
    for one in numbers:
        if spans and one == spans[-1][1] + 1:
            spans[-1][1] = one
        else:
            spans.append([one, one])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


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


def units_words(units: Iterable[str]) -> str:
    """Several units: `Boosters 3-7, 9`; `Booster 158, windows 1-52, 54`."""
    by_place: dict[str, list[int]] = {}
    others: list[str] = []
    for unit in units:
        place, _, last = unit.rpartition("/")
        if unit_words(unit) == unit or not last.isdigit():
            others.append(unit_words(unit))
        else:
            by_place.setdefault(place, []).append(int(last))
    told = []
    for place, numbers in by_place.items():
        one = unit_words(f"{place}/{numbers[0]}")
        told.append(one if len(numbers) == 1 else f"{one.rpartition(' ')[0]}s {number_ranges(sorted(numbers))}")
    return "; ".join([*told, *others])


def outcome_words(outcome: str, why: str | None) -> str:
    """What became of a detonator, with why where it is unreported."""
    return OUTCOMES[outcome] + (f" ({WHYS[why]})" if why else "")


def reasons_words(why: tuple[str, ...], nouns: Nouns) -> str:
    """Why a booster took no part."""
    return ", ".join(REASONS.get(reason, reason).format(detonators=nouns.detonators) for reason in why)


def words_of(mode: Mode) -> JsonObject:
    """All of this for a program that shows blasts of a mode, as JSON: names on pages 2 and 4 to words."""
    nouns = nouns_of(mode)
    return {
        "nouns": nouns._asdict(),
        "verdicts": VERDICTS,
        "how": {name: words for name, words in HOW.items() if name is not None},
        "groups": GROUPS,
        "reasons": {name: reasons_words((name,), nouns) for name in REASONS},
        "outcomes": OUTCOMES,
        "whys": WHYS,
        "attention": {what: attention_words(what, nouns, None)._asdict() for what in _ATTENTION},
        "faults": {field: fault_words(field) for field in FAULTS},
    }
