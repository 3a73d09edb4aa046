"""Timelines made short."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import pytest

from stateserver.domain.change import Change, Fields
from stateserver.reports.condense import STEPS, condense
from stateserver.reports.document import Report
from stateserver.reports.times import SiteClock
from tests.reports.examples import example_blasts

BLASTS = example_blasts()
UTC = SiteClock(ZoneInfo("UTC"))
OFF_LINE: tuple[Fields, Fields] = ({"communication_status": True}, {"communication_status": False})


class Story:
    """Events, one after the other."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def tell(self, at: int, kind: str, unit: str | None, before: Fields, after: Fields, **details: str) -> None:
        """One more."""
        version = len(self.changes) + 1
        self.changes.append(Change("P1", version, at, kind, unit, before, after, "ps-1", version, False, {**details}))

    def rows(self) -> list[tuple[int, int, int, list[str | None], str]]:
        """First version, last version, how many, whom, and what."""
        return [
            (entry.first.version, entry.last_version, entry.count, entry.units, entry.told())
            for entry in condense(self.changes, UTC)
        ]


def test_boosters_that_go_off_the_line_together_are_one_row() -> None:
    story = Story()
    for serial in range(1, 61):
        story.tell(1_000, "unit_changed", f"3/{serial}", *OFF_LINE)
    story.tell(2_000, "unit_changed", "3/61", *OFF_LINE)
    units: list[str | None] = [f"3/{serial}" for serial in range(1, 61)]
    assert story.rows() == [
        (1, 60, 60, units, "communicating yes → no"),
        (61, 61, 1, ["3/61"], "communicating yes → no"),
    ]


def test_counts_are_told_from_the_first_to_the_last_value() -> None:
    story = Story()
    for serial in (7, 8):
        for count in (20, 15, 10):
            story.tell(count, "unit_changed", f"3/{serial}", {"children": count}, {"children": count - 5})
    assert story.rows() == [(1, 6, 6, ["3/7", "3/8"], "children 20 → 5")]


def test_a_boosters_detonators_are_one_row_each_thing_that_changed_alike() -> None:
    story = Story()
    for window, delay in ((1, 25), (2, 50), (3, 75)):
        after: Fields = {"detonator_status": window == 3, "delay": delay}
        story.tell(window, "unit_changed", f"3/7/4/{window}", {"detonator_status": True, "delay": 0}, after)
    assert story.rows() == [
        (1, 2, 2, ["3/7/4/1", "3/7/4/2"], "answers yes → no; another delay"),
        (3, 3, 1, ["3/7/4/3"], "answers yes → yes; another delay"),
    ]


def test_nothing_is_told_together_across_a_step_of_the_blast() -> None:
    story = Story()
    story.tell(1, "unit_changed", "3/7", {"children": 5}, {"children": 4})
    story.tell(2, "blast_firing_complete", "0/1", {}, {}, blast="x")
    story.tell(3, "unit_changed", "3/7", {"children": 4}, {"children": 3})
    assert [row[4] for row in story.rows()] == ["children 5 → 4", "", "children 4 → 3"]


def test_gaps_of_two_sources_are_two_rows() -> None:
    story = Story()
    for source in ("ps-1", "ps-2"):
        story.tell(1, "sequence_gap", None, {}, {}, missing="1")
        story.changes[-1] = story.changes[-1]._replace(source=source)
    assert len(story.rows()) == 2


def versions(changes: Iterable[Change]) -> list[int]:
    return [change.version for change in changes]


@pytest.mark.parametrize("name", BLASTS)
def test_every_event_is_told_once(name: str) -> None:
    report = Report.parse(BLASTS[name].document)
    whole = list(report.timeline())
    rows = list(condense(whole, UTC))
    assert sum(row.count for row in rows) == len(whole)
    assert {unit for row in rows for unit in row.units} == {change.unit for change in whole}
    steps = [row.first.version for row in rows if row.kind in STEPS]
    assert steps == versions(change for change in whole if change.kind in STEPS)
    assert all(row.first.version <= row.last_version for row in rows)
