"""Change events: all that the core ever says of a system, numbered without gaps (spec pages 2 and 4)."""

from collections.abc import MutableMapping
from typing import Final, NamedTuple

from stateserver.domain.paths import is_at_or_below

Value = None | bool | int | str
Fields = dict[str, Value]


class SharedFields(dict[str, Value]):
    """Fields that many events share, so nobody may change them.

    `encoded` and `as_json` are for those who encode them once for all, as Avro and as JSON.
    """

    __slots__ = ("as_json", "encoded")

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields)
        self.encoded: bytes | None = None
        self.as_json: str | None = None


NOTHING: Final = SharedFields({})

UNIT_ADDED: Final = "unit_added"
UNIT_CHANGED: Final = "unit_changed"
DETONATORS_CLEARED: Final = "detonators_cleared"
WARNING_RAISED: Final = "warning_raised"
WARNING_CLEARED: Final = "warning_cleared"
WARNING_ACKNOWLEDGED: Final = "warning_acknowledged"
OPERATION_CHANGED: Final = "operation_changed"
SEQUENCE_GAP: Final = "sequence_gap"
SEQUENCE_RESTARTED: Final = "sequence_restarted"
STALE_FRAME: Final = "stale_frame"
MODE_CHANGED: Final = "mode_changed"
UNIT_LABELLED: Final = "unit_labelled"
COMMAND_REFUSED: Final = "command_refused"
BLAST_OPENED: Final = "blast_opened"
BLAST_FIRING_COMPLETE: Final = "blast_firing_complete"
BLAST_FIRING_ABORTED: Final = "blast_firing_aborted"
BLAST_CLOSED: Final = "blast_closed"
FIRE_BUTTON_REPEATED: Final = "fire_button_repeated"
ANSWERS_AFTER_BLAST: Final = "answers_after_blast"
CLOCK_SET_BACK: Final = "clock_set_back"
CLOCK_AHEAD: Final = "clock_ahead"
UNIT_RETIRED: Final = "unit_retired"

KINDS: Final = (
    UNIT_ADDED,
    UNIT_CHANGED,
    DETONATORS_CLEARED,
    WARNING_RAISED,
    WARNING_CLEARED,
    WARNING_ACKNOWLEDGED,
    OPERATION_CHANGED,
    SEQUENCE_GAP,
    SEQUENCE_RESTARTED,
    STALE_FRAME,
    MODE_CHANGED,
    UNIT_LABELLED,
    COMMAND_REFUSED,
    BLAST_OPENED,
    BLAST_FIRING_COMPLETE,
    BLAST_FIRING_ABORTED,
    BLAST_CLOSED,
    FIRE_BUTTON_REPEATED,
    ANSWERS_AFTER_BLAST,
    CLOCK_SET_BACK,
    CLOCK_AHEAD,
    UNIT_RETIRED,
)

UNIT_EVENTS: Final = frozenset({UNIT_ADDED, UNIT_CHANGED, OPERATION_CHANGED, UNIT_LABELLED})
"""The events whose `before` and `after` are fields of their unit."""


class Change(NamedTuple):
    """One event of a system, known by (system, version). `at` in ms since 1970.

    The maps may be shared between events: treat them as immutable.
    """

    system: str
    version: int
    at: int
    kind: str
    unit: str | None
    before: Fields
    after: Fields
    source: str | None
    sequence: int | None
    deadline: bool
    details: Fields


def change_to_json(change: Change) -> dict[str, object]:
    """The event as a JSON object (spec page 4)."""
    return change._asdict()


def fold_change(units: MutableMapping[str, Fields], change: Change) -> None:
    """Carry an event over into `units` (path to fields): the events alone rebuild the units.

    `as_of` moves without events, so it stays as it was when the unit was added.
    """
    unit = change.unit
    if unit is None:
        return
    if change.kind == UNIT_ADDED:
        units[unit] = dict(change.after)
    elif change.kind in UNIT_EVENTS:
        fields = units[unit]
        for name, value in change.after.items():
            if value is None:
                fields.pop(name, None)
            else:
                fields[name] = value
    elif change.kind in (DETONATORS_CLEARED, UNIT_RETIRED):
        keeps = unit if change.kind == DETONATORS_CLEARED else None
        for path in [path for path in units if path != keeps and is_at_or_below(path, unit)]:
            del units[path]
