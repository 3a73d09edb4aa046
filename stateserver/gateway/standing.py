"""What of a system events tell once and for long: open warnings, who answered after its blast, clocks that are wrong.

Read from the first event on, or from a row: events from before it are in it, however far they lie back.
"""

from collections.abc import Iterable

from stateserver.codec.system import SystemRow
from stateserver.domain.change import Change, Fields
from stateserver.gateway.answered_after import AnsweredAfterBlast
from stateserver.gateway.open_warnings import OpenWarnings
from stateserver.gateway.source_clocks import SourceClocks


class Standing:
    """`row` None: it begins before the first event."""

    def __init__(self, row: SystemRow | None) -> None:
        self.warnings = OpenWarnings()
        self.answered = AnsweredAfterBlast()
        self.clocks = SourceClocks()
        self._knows_warnings = self._knows_answered = row is None
        if row is not None:
            self.refresh(row, at_present=True)

    def seed(self, units: Iterable[tuple[str, Fields]]) -> None:
        """Open the warnings that units' fields imply, where nothing else tells of them: by a row of an older worker."""
        if not self._knows_warnings:
            for path, fields in units:
                self.warnings.seed(path, fields)

    def fold(self, change: Change) -> None:
        """Carry the next event over."""
        self.warnings.fold(change)
        self.answered.fold(change)
        self.clocks.fold(change)

    def look_back(self, change: Change) -> None:
        """An event from before the row that was begun with: it tells what the row doesn't."""
        if not self._knows_warnings:
            self.warnings.fold(change)
        if not self._knows_answered:
            self.answered.fold(change)

    def refresh(self, row: SystemRow, *, at_present: bool) -> bool:
        """Take a row, of the version that this stands at, or behind it. False where it contradicts the events."""
        self.clocks.refresh(row)
        agrees = True
        if not at_present:
            return agrees
        if row.warnings is not None:
            if self._knows_warnings:
                agrees = self.warnings.agree_with(row.warnings)
            else:
                self._knows_warnings = True
                self.warnings.begin(row.warnings)
        if row.answered_after_blast is not None:
            if self._knows_answered:
                agrees = agrees and self.answered.agree_with(row.answered_after_blast)
            else:
                self._knows_answered = True
                self.answered.begin(row.answered_after_blast)
        return agrees
