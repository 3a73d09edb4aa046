"""Reports as files."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from stateserver.reports.detonators import WrongSnapshot
from stateserver.reports.files import UnwritableReport, remove_files, write_file, write_files
from tests.reports.examples import FIELD, example_blasts

FILED = example_blasts()[FIELD]
BLAST = FILED.document["blast"]
UTC = ZoneInfo("UTC")


def test_a_folder_gets_all_views_of_the_formats(tmp_path: Path) -> None:
    written = write_files(tmp_path / "new" / "reports", ["csv", "json"], FILED, UTC)
    names = [f"{BLAST}.{view}" for view in ("csv", "summary.csv", "boosters.csv", "timeline.csv", "json")]
    assert [path.name for path in written] == names
    assert sorted(path.name for path in (tmp_path / "new" / "reports").iterdir()) == sorted(names)


def test_no_file_is_left_of_a_report_that_could_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(WrongSnapshot):
        write_file(tmp_path / "report.pdf", "pdf", FILED._replace(start=b""), UTC)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_can_not_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableReport, match="file"):
        write_files(tmp_path / "file", ["json"], FILED, UTC)
    with pytest.raises(UnwritableReport, match="nowhere"):
        write_file(tmp_path / "nowhere" / "report.json", "json", FILED, UTC)


def test_only_reports_are_removed(tmp_path: Path) -> None:
    write_files(tmp_path, ["csv", "json"], FILED, UTC)
    (tmp_path / "mine.csv").write_text("")
    remove_files(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
    remove_files(tmp_path / "not there")
