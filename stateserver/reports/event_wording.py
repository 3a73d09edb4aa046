"""What the views of a report call events, and how they tell what one changed."""

from typing import Final

from stateserver.domain.change import KINDS, Change, Value
from stateserver.reports.times import SiteClock, write_duration
from stateserver.reports.wording import HOW, fault_words, field_words, value_words

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

_TIMES: Final = {"as_of", "first_seen"}
_WRITTEN: Final = {"actor", "note", "label"}


def kind_words(kind: str) -> str:
    """What kind of event it is."""
    return _KINDS.get(kind) or field_words(kind)


def change_words(change: Change, clock: SiteClock) -> str:
    """What an event changed, or says besides its kind: by name, so that no order of the document's shows."""
    if change.after:
        return "; ".join(_field_change(name, change, clock) for name in sorted(change.after))
    told = {name: value for name, value in sorted(change.details.items()) if name != "blast" and value is not None}
    if set(told) == {"field"}:
        return fault_words(str(told["field"]))
    if set(told) == {"how"}:
        return HOW.get(str(told["how"]), str(told["how"])).lower()
    return "; ".join(f"{field_words(name)} {_told(name, value, clock)}" for name, value in told.items())


def _field_change(name: str, change: Change, clock: SiteClock) -> str:
    after = _told(name, change.after[name], clock)
    before = change.before.get(name)
    return f"{field_words(name)} {after if before is None else f'{_told(name, before, clock)} → {after}'}"


def _told(name: str, value: Value, clock: SiteClock) -> str:
    if name == "field":
        return fault_words(str(value))
    if name == "by" and isinstance(value, int):
        return write_duration(value)
    if name in _TIMES and isinstance(value, int):
        return clock.site(value)
    # What people wrote stands as they wrote it.
    return str(value) if name in _WRITTEN and value is not None else value_words(value)
