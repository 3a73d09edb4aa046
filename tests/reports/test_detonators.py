"""Detonators out of two snapshots, with what became of each."""

from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.domain.paths import path_key
from stateserver.reports.detonators import (
    ACTIVE,
    AWAITED,
    LISTED_LATER,
    NOT_IN_BLAST,
    SILENT_BEFORE,
    WrongSnapshot,
    check_snapshots,
    open_snapshot,
    pair_units,
    read_detonators,
)
from stateserver.reports.document import Report
from stateserver.reports.pictures import SHOWN, take_pictures
from tests.reports.examples import ABORTED, FIELD, OPEN, example_blasts

BLASTS = example_blasts()
paths = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 12)).map(lambda t: f"3/{t[0]}/4/{t[1]}" if t[1] else f"3/{t[0]}"),
    unique=True,
).map(lambda found: sorted(found, key=path_key))


def lines_of(units: list[str]) -> bytes:
    return b"".join(orjson.dumps({"unit": unit}) + b"\n" for unit in units)


@pytest.mark.parametrize("name", BLASTS)
def test_outcomes_are_those_that_the_document_counts(name: str) -> None:
    filed = BLASTS[name]
    report = Report.parse(filed.document)
    outcomes = Counter(
        one.outcome for one in read_detonators(report, filed.start, filed.end) if one.group == ACTIVE and one.before
    )
    told = report.detonators
    wanted = {SILENT_BEFORE: told.silent_before}
    if report.closed is None:
        wanted[AWAITED] = told.answering_before
    else:
        wanted |= {FIRED: told.fired or 0, MISSED: told.missed or 0, UNREPORTED: told.unreported or 0}
    assert outcomes == {outcome: count for outcome, count in wanted.items() if count}


@pytest.mark.parametrize("name", BLASTS)
def test_every_detonator_of_both_snapshots_is_there_once_in_path_order(name: str) -> None:
    filed = BLASTS[name]
    found = [one.unit for one in read_detonators(Report.parse(filed.document), filed.start, filed.end)]
    units = {
        unit["unit"]
        for lines in (filed.start, filed.end or b"")
        for unit in map(orjson.loads, open_snapshot(lines))
        if "parent" in unit
    }
    assert found == sorted(units, key=path_key)


@given(paths, paths)
def test_two_snapshots_are_joined_unit_by_unit(start: list[str], end: list[str]) -> None:
    joined = list(pair_units(lines_of(start), lines_of(end)))
    assert [unit for unit, _, _ in joined] == sorted({*start, *end}, key=path_key)
    assert [unit for unit, before, _ in joined if before is not None] == start
    assert [unit for unit, _, after in joined if after is not None] == end


def test_who_was_listed_after_the_start_or_took_no_part_is_told_so() -> None:
    filed = BLASTS[ABORTED]
    found = list(read_detonators(Report.parse(filed.document), filed.start, filed.end))
    later = [one for one in found if one.before is None]
    assert later
    assert {one.outcome for one in later} == {LISTED_LATER}
    filed = BLASTS["AXXIS100-7bceb10b"]
    found = list(read_detonators(Report.parse(filed.document), filed.start, filed.end))
    assert {one.outcome for one in found if one.before is not None} == {NOT_IN_BLAST}


def test_a_snapshot_of_another_blast_is_refused() -> None:
    filed, other = BLASTS[FIELD], BLASTS[ABORTED]
    report = Report.parse(filed.document)
    check_snapshots(report, filed.start, filed.end)
    for start, end in ((other.start, filed.end), (filed.start, other.end), (filed.start, None)):
        with pytest.raises(WrongSnapshot, match=report.blast):
            check_snapshots(report, start, end)


def test_an_open_blast_has_no_end_snapshot() -> None:
    filed = BLASTS[OPEN]
    check_snapshots(Report.parse(filed.document), filed.start, None)
    with pytest.raises(WrongSnapshot):
        check_snapshots(Report.parse(filed.document), filed.start, b"")


@pytest.mark.parametrize("name", BLASTS)
def test_pictures_hold_the_same_detonators(name: str) -> None:
    filed = BLASTS[name]
    report = Report.parse(filed.document)
    pictures = take_pictures(report, filed.start, filed.end)
    found = [one for one in read_detonators(report, filed.start, filed.end) if one.group == ACTIVE]
    assert {one.outcome for one in found} <= set(SHOWN)
    pictured = [(booster, *seen) for booster, picture in pictures.items() for seen in picture.detonators()]
    assert pictured == [(one.booster, one.window_id, one.outcome) for one in found]
