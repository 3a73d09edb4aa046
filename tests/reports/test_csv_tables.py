"""The tables of a blast as CSV."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from typing import BinaryIO
from zoneinfo import ZoneInfo

import pytest

from stateserver.reports.csv_tables import write_boosters, write_detonators, write_summary, write_timeline
from stateserver.reports.detonators import WrongSnapshot, read_detonators
from stateserver.reports.document import Report
from stateserver.reports.times import SiteClock
from tests.reports.examples import ABORTED, FIELD, IBS, OPEN, example_blasts
from tests.reports.folded import MadeUp

BLASTS = example_blasts()
CLOCK = SiteClock(ZoneInfo("Europe/Oslo"))
MISREAD = re.compile(r"\d{1,4}([/-]\d{1,4}){1,2}")


def rows_of(write: Callable[[BinaryIO], None]) -> list[dict[str, str]]:
    out = io.BytesIO()
    write(out)
    return list(csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline="")))


def detonators_of(name: str) -> list[dict[str, str]]:
    filed = BLASTS[name]
    report = Report.parse(filed.document)
    return rows_of(lambda out: write_detonators(report, filed.start, filed.end, CLOCK, out))


@pytest.mark.parametrize("name", BLASTS)
def test_there_is_one_row_a_detonator_with_what_became_of_it(name: str) -> None:
    filed = BLASTS[name]
    report = Report.parse(filed.document)
    rows = detonators_of(name)
    found = list(read_detonators(report, filed.start, filed.end))
    assert [(row["unit"], row["outcome"]) for row in rows] == [(one.unit, one.outcome) for one in found]
    assert {row["document_sha256"] for row in rows} <= {report.sha256}


@pytest.mark.parametrize("name", BLASTS)
def test_no_cell_is_one_that_a_spreadsheet_takes_for_a_date(name: str) -> None:
    filed = BLASTS[name]
    report = Report.parse(filed.document)
    tables = [
        detonators_of(name),
        rows_of(lambda out: write_boosters(report, out)),
        rows_of(lambda out: write_timeline(report, CLOCK, out)),
        rows_of(lambda out: write_summary(report, CLOCK, out)),
    ]
    assert not [cell for table in tables for row in table for cell in row.values() if MISREAD.fullmatch(cell)]


def test_a_row_tells_before_and_after() -> None:
    row = next(row for row in detonators_of(ABORTED) if row["outcome"] == "fired")
    assert (row["answers_before"], row["answers_after"]) == ("yes", "no")
    assert row["outcome_in_words"] == "no longer answers, presumed fired"
    assert row["booster"] == f"Booster {row['booster_serial']}"
    assert row["booster_group"] == "active"
    assert row["delay_ms_before"].isdigit()
    assert row["initiated_utc"] == "2019-06-09T15:41:14.648Z"
    assert row["initiated (Europe/Oslo)"] == "2019-06-09T17:41:14.648+02:00"


def test_an_ibs_system_tells_of_its_type_1_boosters() -> None:
    row = detonators_of(IBS)[0]
    assert row["booster"].startswith("Section controller")
    assert row["serial_before"] == "31870"
    assert "uid_before" not in row


def test_a_blast_still_open_leaves_blank_what_nobody_knows() -> None:
    row = next(row for row in detonators_of(OPEN))
    assert row["answers_after"] == row["last_heard_after_utc"] == ""


def test_snapshots_of_another_blast_are_refused() -> None:
    report = Report.parse(BLASTS[FIELD].document)
    with pytest.raises(WrongSnapshot):
        write_detonators(report, BLASTS[ABORTED].start, BLASTS[ABORTED].end, CLOCK, io.BytesIO())


@pytest.mark.parametrize("name", BLASTS)
def test_boosters_add_up_to_the_document(name: str) -> None:
    document = BLASTS[name].document
    rows = rows_of(lambda out: write_boosters(Report.parse(document), out))
    groups = Counter(row["booster_group"].replace(" ", "_") for row in rows)
    told = document["boosters"]
    assert {group: groups[group] for group in ("active", "possibly_live", "excluded", "inactive")} == {
        group: told[group] for group in ("active", "possibly_live", "excluded", "inactive")
    }
    if told["fired"] is not None:
        assert sum(row["successful"] == "yes" for row in rows) == told["fired"]
        for outcome in ("fired", "missed", "unreported"):
            assert sum(int(row[outcome] or 0) for row in rows) == document["detonators"][outcome]


@pytest.mark.parametrize("name", [FIELD, ABORTED, OPEN, IBS])
def test_the_timeline_has_every_event(name: str) -> None:
    document = BLASTS[name].document
    rows = rows_of(lambda out: write_timeline(Report.parse(document), CLOCK, out))
    assert [(int(row["version"]), row["event"]) for row in rows] == [
        (change["version"], change["kind"]) for change in document["timeline"]
    ]
    assert rows[0]["ms_since_initiated"] == "0"


def test_the_summary_has_all_hashes_and_counts() -> None:
    filed = BLASTS[FIELD]
    report = Report.parse(filed.document)
    rows = rows_of(lambda out: write_summary(report, CLOCK, out))
    told = {(row["about"], row["what"]): row["value"] for row in rows}
    assert len(told) == len(rows)
    assert told["sha256", "document"] == report.sha256
    assert told["sha256", "start snapshot"] == filed.document["snapshots"]["start"]
    assert told["detonators", "unreported"] == "99"
    assert told["blast", "control unit"] == "Control unit 23"
    assert told["times", "aborted (Europe/Oslo)"] == "2019-07-19T12:12:33.559+02:00"


def test_what_people_wrote_does_nothing_in_a_spreadsheet() -> None:
    filed = MadeUp(1, 2, labels={"3/1000": "=cmd|' /C calc'!A0", "3/1000/4/1": "@SUM(A1)"}, system="-1+1").fold()
    report = Report.parse(filed.document)
    rows = rows_of(lambda out: write_detonators(report, filed.start, filed.end, CLOCK, out))
    assert {row["booster_label"] for row in rows} == {"'=cmd|' /C calc'!A0"}
    assert {row["system"] for row in rows} == {"'-1+1"}
    assert rows[0]["label"] == "'@SUM(A1)"
