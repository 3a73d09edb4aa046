"""What is known of boosters after a blast: counts of those detonators that were heard of since firing ended."""

from collections import Counter
from typing import Final

from stateserver.reports.detonators import Detonator, Snapshot, read_detonators
from stateserver.reports.document import Report
from stateserver.reports.rows import Counts

_FIELDS: Final = {
    "tagged": "tagged",
    "logged": "logged",
    "answering": "detonator_status",
    "programmed": "program",
}


class HeardCounts:
    """Counts by booster, detonator by detonator."""

    def __init__(self) -> None:
        self._counted: dict[str, Counter[str]] = {}

    def add(self, one: Detonator) -> None:
        """Take the next detonator."""
        if not one.heard_after or one.after is None:
            return
        counted = self._counted.setdefault(one.booster, Counter())
        counted["detonators"] += 1
        for name, field in _FIELDS.items():
            counted[name] += bool(one.after.get(field))

    def counts(self) -> dict[str, Counts]:
        """By booster; one of which nobody was heard is not there."""
        return {booster: Counts(*(told[name] for name in Counts._fields)) for booster, told in self._counted.items()}


def count_heard(report: Report, start: Snapshot, end: Snapshot | None) -> dict[str, Counts]:
    """Counts after the blast by booster, of those heard of since firing ended."""
    heard = HeardCounts()
    for one in read_detonators(report, start, end):
        heard.add(one)
    return heard.counts()
