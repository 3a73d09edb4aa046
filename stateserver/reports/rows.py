"""The rows of a report document, typed: boosters, detonators by window, warnings, what needs attention (page 4)."""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

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
from stateserver.domain.blast import MISSED, UNREPORTED, JsonObject
from stateserver.domain.report import ABORTED, ALL_FIRED, DOUBTFUL, NOT_ALL_FIRED

VERDICTS: Final = (ALL_FIRED, DOUBTFUL, NOT_ALL_FIRED, ABORTED)

CLEARED: Final = "cleared"
REPLACED: Final = "replaced"
NO_EVIDENCE: Final = "no_evidence"
WHYS: Final = (CLEARED, REPLACED, NO_EVIDENCE)

ATTENTION: Final = (
    ANSWERS_AT_END,
    NOT_MARKED_FIRED,
    BRIDGE_WIRE_WHOLE,
    PARTIAL_BLAST,
    MISSING_PULSE,
    FAULT_AT_END,
    START_UNSEEN,
    CLOCK_CHANGED,
    DETONATOR_ERROR,
    BRIDGE_WIRE_OPEN,
    DELAY_OVER_LIMIT,
    UID_TWICE,
)
"""What can need attention, in the order of page 2's table."""


class Counts(NamedTuple):
    """Detonators of an active booster at one instant."""

    detonators: int
    tagged: int
    logged: int
    answering: int
    programmed: int


class Window(NamedTuple):
    """A detonator by its place on its booster; `uid` is None where nobody told it, and in IBS systems."""

    window_id: int
    uid: str | None


class NotFired(NamedTuple):
    """A watched detonator that isn't presumed fired.

    `outcome` is missed or unreported; `why`, of an unreported one, cleared, replaced or no_evidence, else None.
    """

    window_id: int
    uid: str | None
    outcome: str
    why: str | None


class ActiveBooster(NamedTuple):
    """A booster that took part. `after`, `heard_after`, `successful` and `not_fired` are None until it is closed.

    `heard_after` is how many of its detonators at the end were heard of since firing ended.
    """

    unit: str
    serial: int
    label: str | None
    before: Counts
    after: Counts | None
    heard_after: int | None
    successful: bool | None
    silent_before: tuple[Window, ...]
    not_fired: tuple[NotFired, ...] | None

    def count(self, outcome: str) -> int:
        """How many of its detonators were missed, or are unreported; 0 while nobody knows."""
        return sum(one.outcome == outcome for one in self.not_fired or ())

    @property
    def fired(self) -> int | None:
        """How many of its detonators no longer answer, presumed fired; None until the blast is closed."""
        return None if self.not_fired is None else self.before.answering - len(self.not_fired)


class OtherBooster(NamedTuple):
    """A booster that took no part; `why` are the reasons that hold, by their names on page 4.

    `after` and `heard_after` as an ActiveBooster has them.
    """

    unit: str
    serial: int
    label: str | None
    detonators: int
    why: tuple[str, ...]
    after: Counts | None
    heard_after: int | None


class Warned(NamedTuple):
    """A warning open at the start, or at the end. Times in ms since 1970."""

    unit: str
    field: str
    raised: int
    acknowledged: int | None
    actor: str | None
    note: str | None


class Attention(NamedTuple):
    """What contradicts a good blast, by its name on page 2: a booster's detonators, or a unit itself.

    `windows` are those concerned, ascending, None where it is the unit itself; `field` is fault_at_end's, else None.
    """

    what: str
    unit: str
    windows: tuple[int, ...] | None
    field: str | None


class BoosterTotals(NamedTuple):
    """`fired` are the boosters that were successful, None until the blast is closed."""

    total: int
    active: int
    possibly_live: int
    excluded: int
    inactive: int
    fired: int | None


class DetonatorTotals(NamedTuple):
    """Of active boosters; the last four are None until the blast is closed.

    `misfires`: missed, unreported and silent before, to be treated as such by law.
    """

    total: int
    answering_before: int
    silent_before: int
    misfires: int | None
    fired: int | None
    missed: int | None
    unreported: int | None


class Durations(NamedTuple):
    """In ms; None while not known."""

    firing: int | None
    reporting: int | None
    total: int | None


class Frames(NamedTuple):
    """Frames while the blast was open; `received` includes those duplicate and rejected."""

    received: int
    duplicate: int
    rejected: int
    missing: int


def parse_active(document: JsonObject) -> tuple[ActiveBooster, ...]:
    """The boosters that took part, of a document that may lack its timeline."""
    return tuple(_active(row) for row in document["active"])


def parse_attention(document: JsonObject) -> tuple[Attention, ...] | None:
    """What needs attention, of a document that may lack its timeline."""
    rows = document["attention"]
    if rows is None:
        return None
    return tuple(
        Attention(
            known(row["what"], ATTENTION),
            row["unit"],
            None if row["windows"] is None else tuple(row["windows"]),
            row["field"],
        )
        for row in rows
    )


def known(value: Any, values: Collection[str | None]) -> Any:
    """The value, if it is one of these. Raises ValueError."""
    if value not in values:
        raise ValueError(f"{value!r} is none of {', '.join(map(str, values))}")
    return value


def _active(row: JsonObject) -> ActiveBooster:
    rest = {name: row[name] for name in ("unit", "serial", "label", "heard_after", "successful")}
    not_fired = row["not_fired"]
    return ActiveBooster(
        **rest,
        before=Counts(**row["before"]),
        after=_counts(row["after"]),
        silent_before=tuple(Window(**one) for one in row["silent_before"]),
        not_fired=None if not_fired is None else tuple(_not_fired(row["unit"], one) for one in not_fired),
    )


def _not_fired(unit: str, one: JsonObject) -> NotFired:
    found = NotFired(**one)
    whys = (None,) if found.outcome == MISSED else WHYS
    if found.outcome not in (MISSED, UNREPORTED) or found.why not in whys:
        raise ValueError(f"an outcome of {unit} that nobody knows: {found.outcome}, {found.why}")
    return found


def _counts(row: JsonObject | None) -> Counts | None:
    return None if row is None else Counts(**row)


def parse_warned(rows: list[JsonObject]) -> tuple[Warned, ...]:
    """Warnings open at one instant. Raises KeyError, TypeError, ValueError, as all here do."""
    return tuple(Warned(**row) for row in rows)


def parse_others(rows: list[JsonObject]) -> tuple[OtherBooster, ...]:
    """Boosters that took no part."""
    return tuple(OtherBooster(**{**row, "why": tuple(row["why"]), "after": _counts(row["after"])}) for row in rows)
