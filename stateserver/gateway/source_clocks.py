"""The clocks of a system's Packet Servers, as far as they are wrong (spec page 2, Applying a record).

Events tell that a clock was set back, and that one is ahead; that it no longer is, only rows tell.
"""

from typing import Any

from stateserver.codec.system import ClockSetBack, SystemRow
from stateserver.domain.change import CLOCK_AHEAD, CLOCK_SET_BACK, Change


class SourceClocks:
    """Those that are ahead, and the last time that each was set back."""

    def __init__(self) -> None:
        self._ahead: dict[str, int] = {}
        """With the version of what told it."""
        self._set_back: dict[str, ClockSetBack] = {}

    def fold(self, change: Change) -> None:
        """Carry one event over; most concern no clock."""
        if change.source is None:
            return
        if change.kind == CLOCK_AHEAD:
            self._ahead[change.source] = change.version
        elif change.kind == CLOCK_SET_BACK:
            by = change.details["by"]
            assert isinstance(by, int)
            self._set_back[change.source] = ClockSetBack(change.source, change.at, by)

    def refresh(self, row: SystemRow) -> None:
        """Take what a row says; what events have told since stays."""
        if row.clocks_ahead is not None:
            since = {source: version for source, version in self._ahead.items() if version > row.version}
            self._ahead = dict.fromkeys(row.clocks_ahead, row.version) | since
        for told in row.clocks_set_back or ():
            self._set_back.setdefault(told.source, told)

    def ahead(self) -> list[str]:
        """The sources whose clocks are ahead, by name."""
        return sorted(self._ahead)

    def set_back(self) -> list[dict[str, Any]]:
        """`{"source", "at", "by"}` of each that ever was set back: the last time, by the source's name."""
        return [self._set_back[source]._asdict() for source in sorted(self._set_back)]
