"""Who answered after a system's last blast, though it told otherwise of them (spec page 2, Afterwards)."""

from collections.abc import Iterable
from typing import Any

from stateserver.codec.system import AnsweredRow
from stateserver.domain.change import ANSWERS_AFTER_BLAST, BLAST_OPENED, UNIT_RETIRED, Change
from stateserver.domain.paths import is_at_or_below, path_key


class AnsweredAfterBlast:
    """Until the next blast opens, or they are retired."""

    def __init__(self) -> None:
        self._answered: dict[str, AnsweredRow] = {}

    def begin(self, rows: Iterable[AnsweredRow]) -> None:
        """These have, and no others."""
        self._answered = {row.unit: row for row in rows}

    def agree_with(self, rows: Iterable[AnsweredRow]) -> bool:
        """Whether these are the same."""
        return self._answered == {row.unit: row for row in rows}

    def fold(self, change: Change) -> None:
        """Carry one event over; most concern nobody here."""
        unit = change.unit
        if change.kind == BLAST_OPENED:
            self._answered.clear()
        elif change.kind == ANSWERS_AFTER_BLAST and unit is not None:
            blast, outcome = change.details["blast"], change.details["outcome"]
            self._answered[unit] = AnsweredRow(unit, str(blast), str(outcome), change.at)
        elif change.kind == UNIT_RETIRED and unit is not None:
            for path in [path for path in self._answered if is_at_or_below(path, unit)]:
                del self._answered[path]

    def rows(self) -> list[dict[str, Any]]:
        """`{"unit", "blast", "outcome", "at"}` of each, in path order."""
        return [self._answered[unit]._asdict() for unit in sorted(self._answered, key=path_key)]
