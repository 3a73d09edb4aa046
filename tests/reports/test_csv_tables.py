"""The tables of a blast as CSV."""

import csv
import io
import re
from collections import Counter
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from stateserver.reports.detonators import WrongSnapshot, read_detonators
from stateserver.reports.document import Report
from stateserver.reports.times import SiteClock
from stateserver.reports.views import CSV_TYPE, VIEWS, Filed
from tests.reports.examples import ABORTED, DOUBTFUL, FIELD, IBS, MIXED, OPEN, PERFECT, example_blasts
from tests.reports.folded import MadeUp

BLASTS = example_blasts()
OSLO = ZoneInfo("Europe/Oslo")
TABLES = [view for view, told in VIEWS.items() if told.media_type == CSV_TYPE]
MISREAD = re.compile(r"\d{1,4}([/-]\d{1,4}){1,2}")
SOME = [FIELD, PERFECT, ABORTED, DOUBTFUL, MIXED, IBS, OPEN]


def table_of(view: str, filed: Filed, zone: ZoneInfo = OSLO) -> bytes:
    out = io.BytesIO()
    VIEWS[view].write(filed, zone, out)
    return out.getvalue()


@cache
def example(view: str, name: str) -> bytes:
    """An example's table."""
    return table_of(view, BLASTS[name])


def read(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline="")))


def rows_of(view: str, name: str) -> list[dict[str, str]]:
    return read(example(view, name))


def frame_of(view: str, name: str, *times: str) -> Any:
    """As a data scientist reads it."""
    return pd.read_csv(io.BytesIO(example(view, name)), parse_dates=list(times))


def header_of(view: str, name: str) -> bytes:
    return example(view, name).split(b"\r\n", 1)[0]


@pytest.mark.parametrize("view", TABLES)
def test_the_header_is_the_same_in_every_site(view: str) -> None:
    headers = {header_of(view, name) for name in BLASTS}
    elsewhere = table_of(view, BLASTS[IBS], ZoneInfo("Asia/Kathmandu")).split(b"\r\n", 1)[0]
    assert headers == {elsewhere}


@pytest.mark.parametrize("view", TABLES)
@pytest.mark.parametrize("name", BLASTS)
def test_every_row_names_its_blast(view: str, name: str) -> None:
    assert {row["blast"] for row in rows_of(view, name)} <= {BLASTS[name].document["blast"]}


@pytest.mark.parametrize("view", TABLES)
@pytest.mark.parametrize("name", SOME)
def test_no_cell_is_one_that_a_spreadsheet_takes_for_a_date_by_mistake(view: str, name: str) -> None:
    assert not [cell for row in rows_of(view, name) for cell in row.values() if MISREAD.fullmatch(cell)]


@pytest.mark.parametrize("name", BLASTS)
def test_there_is_one_row_a_detonator_with_what_became_of_it(name: str) -> None:
    filed = BLASTS[name]
    report = Report.parse(filed.document)
    rows = rows_of("csv", name)
    found = list(read_detonators(report, filed.start, filed.end))
    assert [(row["unit"], row["outcome"], row["why"] or None) for row in rows] == [
        (one.unit, one.outcome, one.why) for one in found
    ]
    assert [row["attention"] for row in rows] == [", ".join(one.attention) for one in found]
    assert {row["document_sha256"] for row in rows} <= {report.sha256}


@pytest.mark.parametrize("name", BLASTS)
def test_misfires_are_as_many_as_the_document_says(name: str) -> None:
    misfires = Counter(row["is_misfire"] for row in rows_of("csv", name))
    told = BLASTS[name].document["detonators"]["misfires"]
    assert misfires["TRUE"] == (told or 0)
    assert told is not None or set(misfires) <= {""}


def test_a_row_tells_before_and_after() -> None:
    row = next(row for row in rows_of("csv", PERFECT) if row["outcome"] == "fired")
    assert (row["answers_before"], row["answers_after"], row["heard_after"]) == ("TRUE", "FALSE", "TRUE")
    assert row["outcome_in_words"] == "no longer answers, presumed fired"
    assert row["booster"] == f"Booster {row['booster_serial']}"
    assert row["booster_group"] == "active"
    assert row["delay_ms_before"].isdigit()
    assert row["initiated_utc"] == "2019-06-09 12:05:41.569"
    assert row["initiated_local"] == "2019-06-09 14:05:41.569"
    assert (row["initiated_utc_offset_minutes"], row["time_zone"]) == ("120", "Europe/Oslo")


def test_nothing_is_told_of_after_of_those_who_were_not_heard_after() -> None:
    rows = rows_of("csv", FIELD)
    assert {row["heard_after"] for row in rows if row["booster_group"] == "active"} == {"FALSE"}
    after = [name for name in rows[0] if name.endswith("_after") and name != "heard_after"]
    assert {row[name] for row in rows for name in after} == {""}
    assert {row["last_heard_after_utc"] != "" for row in rows} == {True}


def test_an_ibs_system_tells_of_its_type_1_boosters() -> None:
    row = rows_of("csv", IBS)[0]
    assert row["booster"].startswith("Section controller")
    assert row["serial_before"].isdigit()
    assert row["uid_before"] == ""


def test_a_blast_still_open_leaves_blank_what_nobody_knows() -> None:
    row = rows_of("csv", OPEN)[0]
    assert row["answers_after"] == row["last_heard_after_utc"] == row["is_misfire"] == row["heard_after"] == ""


@pytest.mark.parametrize("view", ["csv", "boosters.csv", "timeline.csv", "warnings.csv"])
def test_snapshots_of_another_blast_are_refused(view: str) -> None:
    with pytest.raises(WrongSnapshot):
        table_of(view, BLASTS[FIELD]._replace(start=BLASTS[ABORTED].start, end=BLASTS[ABORTED].end))


@pytest.mark.parametrize("name", BLASTS)
def test_boosters_add_up_to_the_document(name: str) -> None:
    document = BLASTS[name].document
    rows = rows_of("boosters.csv", name)
    groups = Counter(row["booster_group"].replace(" ", "_") for row in rows)
    told = document["boosters"]
    names = ("active", "possibly_live", "excluded", "inactive")
    assert {group: groups[group] for group in names} == {group: told[group] for group in names}
    if told["fired"] is not None:
        assert sum(row["successful"] == "TRUE" for row in rows) == told["fired"]
        for outcome in ("fired", "missed", "unreported", "silent_before", "misfires"):
            assert sum(int(row[outcome] or 0) for row in rows) == document["detonators"][outcome]
    boosters = {row["unit"]: row for group in names for row in document[group]}
    for row, booster in zip(rows, boosters.values(), strict=True):
        assert row["heard_after"] == ("" if booster["heard_after"] is None else str(booster["heard_after"]))
        assert int(row["answering_after"] or 0) <= (booster["after"] or {"answering": 0})["answering"]


@pytest.mark.parametrize("name", SOME)
def test_the_timeline_has_every_event(name: str) -> None:
    document = BLASTS[name].document
    rows = rows_of("timeline.csv", name)
    assert [(int(row["version"]), row["event"]) for row in rows] == [
        (change["version"], change["kind"]) for change in document["timeline"]
    ]
    assert rows[0]["ms_since_initiated"] == "0"


def test_the_summary_has_all_hashes_and_counts() -> None:
    filed = BLASTS[FIELD]
    rows = rows_of("summary.csv", FIELD)
    told = {(row["about"], row["what"]): row["value"] for row in rows}
    assert len(told) == len(rows)
    assert told["sha256", "document"] == Report.parse(filed.document).sha256
    assert told["sha256", "start snapshot"] == filed.document["snapshots"]["start"]
    assert told["detonators", "unreported"] == "99"
    assert told["detonators", "misfires"] == "100"
    assert told["blast", "verdict"] == "aborted"
    assert told["blast", "verdict in words"] == "Aborted: 100 misfires"
    assert told["attention 1", "in words"] == "detonator error"
    assert told["blast", "control unit"] == "Control unit 23"
    assert told["times", "aborted_local"] == "2019-07-19 12:12:33.559"
    assert told["software", "State Server"].count(".") >= 1


@pytest.mark.parametrize("name", BLASTS)
def test_warnings_are_those_of_the_start_and_of_the_end(name: str) -> None:
    document = BLASTS[name].document
    rows = rows_of("warnings.csv", name)
    wanted = [("start", one["field"]) for one in document["warnings"]]
    wanted += [("end", one["field"]) for one in document["warnings_after"] or ()]
    assert [(row["when"], row["field"]) for row in rows] == wanted


@pytest.mark.parametrize("name", BLASTS)
def test_a_table_of_blasts_has_a_row_of_each(name: str) -> None:
    document = BLASTS[name].document
    (row,) = rows_of("blasts.csv", name)
    assert row["verdict"] == (document["verdict"] or "")
    assert row["detonators_misfires"] == str(document["detonators"]["misfires"] or (0 if document["closed"] else ""))
    whats = dict.fromkeys(one["what"] for one in document["attention"] or ())
    assert row["attention"] == ", ".join(whats)
    assert bool(row["superseded_by"]) is (document["how"] == "superseded")


@pytest.mark.parametrize("name", [FIELD, PERFECT, MIXED])
def test_pandas_reads_times_as_times_and_yes_and_no_as_such(name: str) -> None:
    detonators = frame_of("csv", name, "initiated_utc", "initiated_local", "last_heard_before_utc")
    assert str(detonators["initiated_utc"].dtype).startswith("datetime64")
    assert str(detonators["last_heard_before_utc"].dtype).startswith("datetime64")
    document = BLASTS[name].document
    assert detonators["initiated_utc"].iloc[0] == pd.Timestamp(document["initiated"], unit="ms")
    offset = pd.Timedelta(minutes=int(detonators["initiated_utc_offset_minutes"].iloc[0]))
    assert (detonators["initiated_local"] - offset == detonators["initiated_utc"]).all()
    assert detonators["is_misfire"].dtype == bool
    assert detonators["is_misfire"].sum() == document["detonators"]["misfires"]
    before = detonators["answers_before"].dropna()
    assert set(map(type, before)) <= {bool}
    timeline = frame_of("timeline.csv", name, "at_utc", "at_local")
    assert str(timeline["at_utc"].dtype).startswith("datetime64")
    assert timeline["deadline"].dtype == bool


def test_pandas_reads_a_table_of_blasts_whatever_is_still_open() -> None:
    tables = [example("blasts.csv", name).decode("utf-8-sig").split("\r\n", 1) for name in (PERFECT, OPEN, FIELD)]
    whole = "\r\n".join([tables[0][0], *(rows.rstrip("\r\n") for _, rows in tables)])
    blasts = pd.read_csv(io.StringIO(whole), parse_dates=["initiated_utc", "closed_utc", "aborted_utc"])
    assert [str(blasts[name].dtype)[:10] for name in ("initiated_utc", "closed_utc", "aborted_utc")] == [
        "datetime64"
    ] * 3
    assert list(blasts["closed_utc"].isna()) == [False, True, False]
    assert blasts["detonators_misfires"].sum() == 100


def test_what_people_wrote_does_nothing_in_a_spreadsheet() -> None:
    filed = MadeUp(1, 2, labels={"3/1000": "=cmd|' /C calc'!A0", "3/1000/4/1": "@SUM(A1)"}, system="-1+1").fold()
    rows = read(table_of("csv", filed))
    assert {row["booster_label"] for row in rows} == {"'=cmd|' /C calc'!A0"}
    assert {row["system"] for row in rows} == {"'-1+1"}
    assert rows[0]["label"] == "'@SUM(A1)"
    assert "'@SUM(A1)" in {row["label"] for row in read(table_of("timeline.csv", filed))}


def test_times_of_a_wrong_clock_are_written_as_they_are() -> None:
    clock = SiteClock(OSLO)
    assert clock.offset_minutes(2**53 - 1) is None
