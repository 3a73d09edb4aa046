"""A timeline made short: what many units did alike is one row, and what counts moved through is one from first to last.

Between two steps of a blast (its opening, firing complete, aborted, its closing, a press) rows stand in the order of
their first events; the CSV of the timeline has every event.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from stateserver.domain.change import (
    BLAST_CLOSED,
    BLAST_FIRING_ABORTED,
    BLAST_FIRING_COMPLETE,
    BLAST_OPENED,
    FIRE_BUTTON_REPEATED,
    UNIT_ADDED,
    UNIT_CHANGED,
    Change,
    Value,
)
from stateserver.reports.event_wording import change_words
from stateserver.reports.times import SiteClock
from stateserver.reports.wording import field_words, value_words

STEPS: Final = {BLAST_OPENED, BLAST_FIRING_COMPLETE, BLAST_FIRING_ABORTED, BLAST_CLOSED, FIRE_BUTTON_REPEATED}
_COUNTS: Final = "children"


@dataclass(slots=True)
class Entry:
    """Events alike: `first`, and how many there are of its kind."""

    kind: str
    words: str
    first: Change
    last_at: int
    last_version: int
    count: int = 1
    whom: dict[str | None, None] = field(default_factory=dict)
    windows: "array[int]" = field(default_factory=lambda: array("H"))
    """Of a booster's single detonators, of which there may be hundreds of thousands: two bytes each."""

    moved: dict[str, tuple[Value, Value]] = field(default_factory=dict)
    """Of derived counts, by name: the first and the last value."""

    def add(self, change: Change) -> None:
        """Take one more."""
        self._note(change)
        self.last_at, self.last_version = change.at, change.version
        self.count += 1

    def _note(self, change: Change) -> None:
        if _is_detonators(change) and change.unit is not None:
            self.windows.append(int(change.unit.rpartition("/")[2]))
        else:
            self.whom[change.unit] = None

    @property
    def units(self) -> list[str | None]:
        """Whom it is about, each once: units in order, or a booster's detonators by window."""
        if not self.windows or self.first.unit is None:
            return list(self.whom)
        below = self.first.unit.rpartition("/")[0]
        return [f"{below}/{window}" for window in sorted(set(self.windows))]

    def move(self, change: Change) -> None:
        """Take the counts that an event moves."""
        for name, after in change.after.items():
            before = self.moved[name][0] if name in self.moved else change.before.get(name)
            self.moved[name] = (before, after)

    def told(self) -> str:
        """What happened, in words."""
        if not self.moved:
            return self.words
        return "; ".join(
            f"{field_words(name)} {after if before is None else f'{before} → {after}'}"
            for name, (before, after) in sorted(self.moved.items())
        )


def condense(changes: Iterable[Change], clock: SiteClock) -> Iterator[Entry]:
    """The rows of a timeline."""
    open_entries: dict[tuple[object, ...], Entry] = {}
    for change in changes:
        if change.kind in STEPS:
            yield from _merged(open_entries.values())
            open_entries.clear()
            yield _entry(change, change_words(change, clock))
            continue
        words = _words(change, clock)
        key = _key(change, words)
        entry = open_entries.get(key)
        if entry is None:
            entry = open_entries[key] = _entry(change, words)
        else:
            entry.add(change)
        if _is_count(change):
            entry.move(change)
    yield from _merged(open_entries.values())


def _entry(change: Change, words: str) -> Entry:
    entry = Entry(change.kind, words, change, change.at, change.version, count=0)
    entry.add(change)
    return entry


def _is_detonators(change: Change) -> bool:
    is_unit = change.kind in (UNIT_ADDED, UNIT_CHANGED)
    return is_unit and change.unit is not None and change.unit.count("/") == 3


def _is_count(change: Change) -> bool:
    return change.kind == UNIT_CHANGED and all(name.startswith(_COUNTS) for name in change.after)


def _key(change: Change, words: str) -> tuple[object, ...]:
    """What events have in common that are told as one."""
    if _is_count(change):
        return (_COUNTS, change.unit)
    if _is_detonators(change) and change.unit is not None:
        return (change.kind, change.unit.rsplit("/", 2)[0], words)
    # What only the source tells apart is told apart: a gap has no unit.
    return (change.kind, change.at, change.source if change.unit is None else None, words)


def _words(change: Change, clock: SiteClock) -> str:
    """As change_words; of a single detonator no values that are each one's own."""
    if not _is_detonators(change):
        return change_words(change, clock)
    if change.kind == UNIT_ADDED:
        return "listed" if change.after.get("detonator_status") is None else "told of"
    before = change.before
    moves = [
        (name, before.get(name) if isinstance(after, bool) else None, after if isinstance(after, bool) else None)
        for name, after in change.after.items()
    ]
    return _moves_words(tuple(moves))


@lru_cache(maxsize=1024)
def _moves_words(moves: tuple[tuple[str, Value, bool | None], ...]) -> str:
    """Yes and no from what to what; of all else only that it became another."""
    told = []
    for name, before, after in sorted(moves, key=lambda move: (move[2] is None, move[0])):
        if after is None:
            told.append(f"another {field_words(name)}")
        else:
            told.append(
                f"{field_words(name)} {'' if before is None else f'{value_words(before)} → '}{value_words(after)}"
            )
    return "; ".join(told)


def _merged(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Units whose counts moved alike are one row as well."""
    alike: dict[str, Entry] = {}
    found = []
    for entry in entries:
        if not entry.moved:
            found.append(entry)
            continue
        told = entry.told()
        first = alike.setdefault(told, entry)
        if first is entry:
            found.append(entry)
        else:
            first.whom |= entry.whom
            first.count += entry.count
            first.last_at = max(first.last_at, entry.last_at)
            first.last_version = max(first.last_version, entry.last_version)
    return iter(found)
