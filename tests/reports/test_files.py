"""Reports as files."""

import csv
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from stateserver.reports.detonators import WrongSnapshot
from stateserver.reports.files import UnwritableReport, remove_files, write_blasts_file, write_file, write_files
from tests.reports.examples import FIELD, OPEN, PERFECT, example_blasts

FILED = example_blasts()[FIELD]
STEM = "site_2019-07-19_121214+0200_0cd3eb41"
OSLO = ZoneInfo("Europe/Oslo")
CSV = ("csv", "summary.csv", "boosters.csv", "timeline.csv", "warnings.csv", "blasts.csv")


def test_a_folder_gets_all_views_of_the_formats(tmp_path: Path) -> None:
    written = write_files(tmp_path / "new" / "reports", ["csv", "json"], FILED, OSLO)
    names = [f"{STEM}.{view}" for view in (*CSV, "json")]
    assert [path.name for path in written] == names
    assert sorted(path.name for path in (tmp_path / "new" / "reports").iterdir()) == sorted(names)


def test_one_of_many_blasts_leaves_its_row_to_the_table_of_all(tmp_path: Path) -> None:
    blasts = [example_blasts()[name] for name in (FIELD, PERFECT, OPEN)]
    written = [
        path.name for filed in blasts for path in write_files(tmp_path, ["csv"], filed, OSLO, is_one_of_many=True)
    ]
    assert len(written) == len(set(written)) == 3 * (len(CSV) - 1)
    path = write_blasts_file(tmp_path / "new", blasts, OSLO)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert path.name == "blasts.csv"
    assert [(row["blast"], row["verdict"]) for row in rows] == [
        (filed.document["blast"], filed.document["verdict"] or "") for filed in blasts
    ]


def test_no_file_is_left_of_a_report_that_could_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(WrongSnapshot):
        write_file(tmp_path / "report.pdf", "pdf", FILED._replace(start=b""), OSLO)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_can_not_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableReport, match="file"):
        write_files(tmp_path / "file", ["json"], FILED, OSLO)
    with pytest.raises(UnwritableReport, match="nowhere"):
        write_file(tmp_path / "nowhere" / "report.json", "json", FILED, OSLO)


def test_only_reports_are_removed(tmp_path: Path) -> None:
    write_files(tmp_path, ["csv", "json"], FILED, OSLO)
    write_blasts_file(tmp_path, [FILED], OSLO)
    (tmp_path / "mine.csv").write_text("")
    remove_files(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
    remove_files(tmp_path / "not there")
