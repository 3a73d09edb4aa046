"""The detonators of the boosters that took part, packed: a few bytes each, however many there are."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.detonators import ACTIVE, AWAITED, LISTED_LATER, SILENT_BEFORE, Snapshot, read_detonators
from stateserver.reports.document import Report

SHOWN: Final = (FIRED, MISSED, UNREPORTED, SILENT_BEFORE, AWAITED, LISTED_LATER)
_CODES: Final = {outcome: code for code, outcome in enumerate(SHOWN)}
NO_DELAY: Final = -1


@dataclass(slots=True)
class Picture:
    """The detonators of one active booster, in window order.

    `delays` are planned ones in ms, as at the start, NO_DELAY where there is none. `serials` are those of an
    IBS system's type 1 boosters by window id, as at the start.
    """

    windows: "array[int]" = field(default_factory=lambda: array("H"))
    delays: "array[int]" = field(default_factory=lambda: array("i"))
    serials: dict[int, int] = field(default_factory=dict)
    _outcomes: bytearray = field(default_factory=bytearray)

    def add(self, window_id: int, outcome: str, delay: object, serial: object) -> None:
        """Take the next detonator."""
        self.windows.append(window_id)
        self._outcomes.append(_CODES[outcome])
        self.delays.append(delay if isinstance(delay, int) else NO_DELAY)
        if isinstance(serial, int):
            self.serials[window_id] = serial

    def detonators(self) -> Iterator[tuple[int, str]]:
        """(window id, outcome) of each."""
        return zip(self.windows, map(SHOWN.__getitem__, self._outcomes), strict=True)

    def planned(self) -> Iterator[tuple[str, int]]:
        """(outcome, planned delay in ms or NO_DELAY) of each that was known at the start."""
        for outcome, delay in zip(map(SHOWN.__getitem__, self._outcomes), self.delays, strict=True):
            if outcome != LISTED_LATER:
                yield outcome, delay


def take_pictures(report: Report, start: Snapshot, end: Snapshot | None) -> dict[str, Picture]:
    """The picture of each active booster, by its path."""
    pictures = {booster.unit: Picture() for booster in report.active}
    for one in read_detonators(report, start, end):
        if one.group == ACTIVE:
            known = one.before or {}
            pictures[one.booster].add(one.window_id, one.outcome, known.get("delay"), known.get("serial"))
    return pictures
