"""The detonators of the boosters that took part, packed: a few bytes each, however many there are."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.domain.change import Fields
from stateserver.reports.detonators import (
    ACTIVE,
    AWAITED,
    LISTED_LATER,
    SILENT_BEFORE,
    Snapshot,
    read_detonators,
    read_labels,
    read_others,
)
from stateserver.reports.document import Report
from stateserver.reports.heard import HeardCounts
from stateserver.reports.rows import Counts

SHOWN: Final = (FIRED, MISSED, UNREPORTED, SILENT_BEFORE, AWAITED, LISTED_LATER)
_CODES: Final = {outcome: code for code, outcome in enumerate(SHOWN)}
NO_DELAY: Final = -1


class Place(NamedTuple):
    """A detonator by its window, with its label (hole id) and planned delay (ms) as at the start."""

    window_id: int
    label: str | None
    delay: int | None


@dataclass(slots=True)
class Picture:
    """The detonators of one active booster, in window order.

    `delays` are planned ones in ms, as at the start, NO_DELAY where there is none. `serials` are those of an
    IBS system's type 1 boosters by window id, as at the start; so are `labels`.
    """

    windows: "array[int]" = field(default_factory=lambda: array("H"))
    delays: "array[int]" = field(default_factory=lambda: array("i"))
    serials: dict[int, int] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    _outcomes: bytearray = field(default_factory=bytearray)

    def add(self, window_id: int, outcome: str, known: Fields) -> None:
        """Take the next detonator, with its fields at the start."""
        self.windows.append(window_id)
        self._outcomes.append(_CODES[outcome])
        delay, serial, label = (known.get(name) for name in ("delay", "serial", "label"))
        self.delays.append(delay if isinstance(delay, int) else NO_DELAY)
        if isinstance(serial, int):
            self.serials[window_id] = serial
        if isinstance(label, str):
            self.labels[window_id] = label

    def detonators(self) -> Iterator[tuple[int, str]]:
        """(window id, outcome) of each."""
        return zip(self.windows, map(SHOWN.__getitem__, self._outcomes), strict=True)

    def planned(self) -> Iterator[tuple[str, int]]:
        """(outcome, planned delay in ms or NO_DELAY) of each that was known at the start."""
        for outcome, delay in zip(map(SHOWN.__getitem__, self._outcomes), self.delays, strict=True):
            if outcome != LISTED_LATER:
                yield outcome, delay

    def places(self, windows: Iterable[int]) -> list[Place]:
        """These windows, with their labels and delays."""
        delays = dict(zip(self.windows, self.delays, strict=True))
        return [Place(window, self.labels.get(window), _known(delays.get(window, NO_DELAY))) for window in windows]


def _known(delay: int) -> int | None:
    return None if delay == NO_DELAY else delay


class Pictures(NamedTuple):
    """What the snapshots say beside the document.

    `active`: the picture of each active booster, by its path. `heard`: counts after the blast by booster, of the
    detonators that were heard of since firing ended. `labels`: those at the start, by unit. `at_end`: fields at the end
    of the boosters that took no part.
    """

    active: dict[str, Picture]
    heard: dict[str, Counts]
    labels: dict[str, str]
    at_end: dict[str, Fields]

    def places(self, booster: str, windows: Iterable[int]) -> list[Place]:
        """These windows of any booster, with the labels and, where the booster was active, the delays at the start."""
        if booster in self.active:
            return self.active[booster].places(windows)
        below = f"{booster}/{'2' if booster.startswith('1/') else '4'}"
        return [Place(window, self.labels.get(f"{below}/{window}"), None) for window in windows]


def take_pictures(report: Report, start: Snapshot, end: Snapshot | None) -> Pictures:
    """All that is drawn or told of the two snapshots."""
    active = {booster.unit: Picture() for booster in report.active}
    heard = HeardCounts()
    for one in read_detonators(report, start, end):
        heard.add(one)
        if one.group == ACTIVE:
            active[one.booster].add(one.window_id, one.outcome, one.before or {})
    others = {booster.unit for booster in report.others}
    at_end = read_others(end, others) if end is not None and others else {}
    return Pictures(active, heard.counts(), read_labels(start), at_end)
