"""What `replay` says on standard error of a journal that is likely wrong, and how it ends. Its files stay the same."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stateserver.cli import stateserver

FIELD = Path(__file__).parents[1] / "data" / "field-2019-07-19"
JOURNAL = (FIELD / "journal.jsonl").read_text()


def replay(file: Path, out: Path, mode: str = "AXXIS100") -> Result:
    return CliRunner().invoke(stateserver, ["replay", str(file), "--mode", mode, "--system", "site", "--out", str(out)])


def rejected(out: Path) -> list[tuple[int, str]]:
    rows = (json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines())
    return [(row["line"], row["reason"]) for row in rows]


def test_a_good_journal_is_not_talked_about(tmp_path: Path) -> None:
    told = replay(FIELD / "journal.jsonl", tmp_path / "out")
    assert (told.exit_code, told.stderr) == (0, "")


def test_a_packed_one_gives_the_same_files(tmp_path: Path) -> None:
    packed = tmp_path / "journal.jsonl.gz"
    packed.write_bytes(gzip.compress(JOURNAL.encode()))
    told = replay(packed, tmp_path / "out")
    assert (told.exit_code, told.stderr) == (0, "")
    replay(FIELD / "journal.jsonl", tmp_path / "same")
    files = sorted(path.relative_to(tmp_path / "same") for path in (tmp_path / "same").rglob("*.jsonl"))
    assert len(files) == 6
    for file in files:
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "same" / file).read_bytes()


def test_where_every_record_is_rejected_it_ends_with_1_and_says_where_to_look(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    file.write_text(JOURNAL.replace("created_at", "createdAt"))
    told = replay(file, tmp_path / "out")
    assert told.exit_code == 1
    note, error, look = told.stderr.splitlines()
    assert note == (
        "Note: 38 lines, the first of them line 1: `createdAt` in place of `created_at`. Rename it to `created_at`."
    )
    assert error.startswith("Error: every record was rejected; the first (line 1) for bad_encoding: ")
    assert str(tmp_path / "out" / "rejected.jsonl") in look
    assert rejected(tmp_path / "out") == [(line, "bad_encoding") for line in range(1, 39)]


def test_where_one_record_is_read_it_ends_with_0(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    file.write_text(JOURNAL.replace("created_at", "createdAt", 37))
    told = replay(file, tmp_path / "out")
    assert told.exit_code == 0
    assert told.stderr.startswith("Note: 37 lines, the first of them line 1:")
    assert len(rejected(tmp_path / "out")) == 37


def test_an_array_of_records_stays_bad_encoding(tmp_path: Path) -> None:
    file = tmp_path / "journal.json"
    file.write_text(json.dumps([json.loads(line) for line in JOURNAL.splitlines()]))
    told = replay(file, tmp_path / "out")
    assert told.exit_code == 1
    assert "Note: line 1: one JSON array" in told.stderr
    assert rejected(tmp_path / "out") == [(1, "bad_encoding")]


def test_utf_16_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    file.write_bytes(JOURNAL.encode("utf-16"))
    told = replay(file, tmp_path / "out")
    assert told.exit_code == 2
    assert told.stderr.splitlines() == [
        f"Error: {file} is UTF-16, not UTF-8",
        "Give it as UTF-8, as by: iconv -f UTF-16 -t UTF-8 FILE",
    ]


@pytest.mark.parametrize("mode", ["IBS", "AXXIS100"])
def test_another_mode_is_named(tmp_path: Path, mode: str) -> None:
    told = replay(FIELD / "journal.jsonl", tmp_path / "out", mode)
    assert told.exit_code == 0
    assert ("Is --mode right?" in told.stderr) == (mode == "IBS")


def test_an_empty_file_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").touch()
    told = replay(tmp_path / "journal.jsonl", tmp_path / "out")
    assert told.exit_code == 0
    assert told.stderr == "Note: there is no record in it. Give a file with a line for each.\n"
