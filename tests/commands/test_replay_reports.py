"""Reports of a replay's blasts."""

from pathlib import Path

from click.testing import CliRunner, Result

from stateserver.cli import stateserver
from stateserver.reports.views import VIEWS
from tests.reports.examples import DATA, FIELD, example_blasts

JOURNAL = DATA / "field-2019-07-19" / "journal.jsonl"
BLAST = example_blasts()[FIELD].document["blast"]
STEM = f"site_2019-07-19_121214+0200_{BLAST[:8]}"


def replay(out: Path, *arguments: str, zone: str = "Europe/Oslo") -> Result:
    told = ["replay", str(JOURNAL), "--mode", "AXXIS100", "--system", "site", "--out", str(out), *arguments]
    return CliRunner().invoke(stateserver, told, env={"STATESERVER_TIME_ZONE": zone})


def test_a_replay_writes_the_reports_that_are_asked_for(tmp_path: Path) -> None:
    told = replay(tmp_path, "--reports", "pdf, csv,json")
    assert told.exit_code == 0, told.output
    wanted = [f"{STEM}.{name}" for name in VIEWS if name != "blasts.csv"]
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == sorted([*wanted, "blasts.csv"])
    assert b"Europe/Oslo" in (tmp_path / "reports" / f"{STEM}.csv").read_bytes()
    table = (tmp_path / "reports" / "blasts.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in table] == ["blast", BLAST]


def test_what_a_replay_prints_tells_the_verdicts(tmp_path: Path) -> None:
    told = replay(tmp_path).output
    assert "Blasts:    1 (timer_completed 1)\nVerdicts:  1 (aborted 1)\nMisfires:  100\n" in told


def test_reports_of_the_replay_before_are_gone(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / f"{STEM}.pdf").write_text("")
    assert replay(tmp_path, "--reports", "json").exit_code == 0
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [f"{STEM}.json"]


def test_none_are_written_unasked(tmp_path: Path) -> None:
    assert replay(tmp_path).exit_code == 0
    assert not (tmp_path / "reports").exists()


def test_a_format_that_there_is_not_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    told = replay(tmp_path / "out", "--reports", "pdf,docx")
    assert told.exit_code == 2
    assert "docx" in told.output
    assert not (tmp_path / "out").exists()


def test_a_time_zone_that_there_is_not_is_refused(tmp_path: Path) -> None:
    told = replay(tmp_path, "--reports", "json", zone="Atlantis/Capital")
    assert told.exit_code == 2
    assert "STATESERVER_TIME_ZONE" in told.output
