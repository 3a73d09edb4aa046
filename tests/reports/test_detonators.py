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
    POSSIBLY_LIVE,
    SILENT_BEFORE,
    WrongSnapshot,
    check_snapshots,
    open_snapshot,
    pair_units,
    read_detonators,
    read_labels,
    read_outcomes,
)
from stateserver.reports.document import Report
from stateserver.reports.heard import count_heard
from stateserver.reports.pictures import SHOWN, take_pictures
from tests.reports.examples import ABORTED, DOUBTFUL, FIELD, IBS, MIXED, OPEN, example_blasts

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
    filed = BLASTS[DOUBTFUL]
    found = list(read_detonators(Report.parse(filed.document), filed.start, filed.end))
    assert {one.outcome for one in found if one.group == POSSIBLY_LIVE} == {NOT_IN_BLAST}


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
    pictured = [(booster, *seen) for booster, picture in pictures.active.items() for seen in picture.detonators()]
    assert pictured == [(one.booster, one.window_id, one.outcome) for one in found]


@pytest.mark.parametrize("name", BLASTS)
def test_outcomes_for_other_programs_are_those_of_the_report(name: str) -> None:
    filed = BLASTS[name]
    report = Report.parse(filed.document)
    without_timeline = {key: value for key, value in filed.document.items() if key != "timeline"}
    told = {one.unit: one for one in read_outcomes(without_timeline, filed.start)}
    found = read_detonators(report, filed.start, filed.end)
    wanted = {one.unit: one for one in found if one.group == ACTIVE and one.before is not None}
    assert list(told) == list(wanted)
    for unit, one in told.items():
        detonator = wanted[unit]
        assert (one.outcome, one.why, one.attention) == (detonator.outcome, detonator.why, detonator.attention)
        known = detonator.before or {}
        assert (one.uid, one.serial, one.delay) == tuple(known.get(field) for field in ("uid", "serial", "delay"))


def test_a_detonator_is_known_by_its_window_and_its_uid() -> None:
    filed = BLASTS[MIXED]
    rows = {one.unit: one for one in read_outcomes(filed.document, filed.start)}
    missed = rows["3/7047/4/76"]
    assert (missed.window_id, missed.uid, missed.outcome, missed.delay) == (76, "29.115.175.168", MISSED, 6447)
    assert (rows["3/18178/4/1"].outcome, rows["3/18178/4/1"].why) == (UNREPORTED, "cleared")
    assert rows["3/7047/4/81"].attention == ("not_marked_fired", "bridge_wire_whole")
    ibs = next(read_outcomes(BLASTS[IBS].document, BLASTS[IBS].start))
    assert ibs.uid is None
    assert isinstance(ibs.serial, int)


def test_whoever_was_not_in_the_blast_has_no_outcome() -> None:
    filed = BLASTS[MIXED]
    units = {one.unit for one in read_outcomes(filed.document, filed.start)}
    assert "3/7047/4/2" not in units  # listed during the blast
    filed = BLASTS[DOUBTFUL]
    live = filed.document["possibly_live"][0]["unit"]
    assert not [one for one in read_outcomes(filed.document, filed.start) if one.booster == live]


@pytest.mark.parametrize("name", BLASTS)
def test_those_heard_after_are_as_many_as_the_document_says(name: str) -> None:
    filed = BLASTS[name]
    report = Report.parse(filed.document)
    heard = count_heard(report, filed.start, filed.end)
    for booster in report.every_booster():
        counts = heard.get(booster.unit)
        assert (counts.detonators if counts else 0) == (booster.heard_after or 0)
        if counts is not None and booster.after is not None and counts.detonators == booster.after.detonators:
            assert counts == booster.after


def test_nobody_is_heard_after_while_a_blast_is_open() -> None:
    filed = BLASTS[OPEN]
    found = read_detonators(Report.parse(filed.document), filed.start, None)
    assert {one.heard_after for one in found} == {None}


def test_labels_are_those_at_the_start() -> None:
    start = b'{"label":"H 7","unit":"3/1/4/2"}\n{"unit":"3/1/4/3"}\n{"label":"","unit":"3/1/4/4"}\n'
    assert read_labels(start) == {"3/1/4/2": "H 7"}
