"""`stateserver simulate` into a file: what it writes is a journal that `replay` takes whole."""

import hashlib
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from stateserver.cli import stateserver
from stateserver.protocol.modes import Mode


def run(*arguments: str) -> str:
    result = CliRunner().invoke(stateserver, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def simulate(out: Path, mode: Mode, *arguments: str) -> str:
    asked = ["--mode", mode, "--start", "1700000000000", "--frames", "400", "--boosters", "3", "--blast-every", "2"]
    run("simulate", *asked, "--out", str(out), *arguments)
    return hashlib.sha256(out.read_bytes()).hexdigest()


def replay(file: Path, mode: Mode, out: Path) -> str:
    return run("replay", str(file), "--mode", mode, "--system", "site", "--out", str(out))


@pytest.mark.parametrize("mode", Mode)
def test_a_replay_takes_all_of_it(tmp_path: Path, mode: Mode) -> None:
    simulate(tmp_path / "journal.jsonl", mode)
    said = replay(tmp_path / "journal.jsonl", mode, tmp_path / "out")
    assert "Frames:    400\n" in said
    assert "Rejected:  0\n" in said
    assert "data_completed" in said


def test_on_a_bad_line_frames_are_rejected_repeated_and_lost(tmp_path: Path) -> None:
    simulate(tmp_path / "journal.jsonl", Mode.HYDRA, "--trouble", "0.2")
    said = replay(tmp_path / "journal.jsonl", Mode.HYDRA, tmp_path / "out")
    assert "(bad_crc" in said
    assert not {"Duplicate: 0", "Missing:   0"} & set(said.splitlines())


def test_the_same_seed_writes_the_same_file(tmp_path: Path) -> None:
    one, again, other = (
        simulate(tmp_path / name, Mode.IBS, "--seed", seed) for name, seed in (("1", "5"), ("2", "5"), ("3", "6"))
    )
    assert one == again != other


def test_a_file_ends_with_the_present(tmp_path: Path) -> None:
    began = time.time_ns() // 1_000_000
    said = run("simulate", "--frames", "300", "--out", str(tmp_path / "journal.jsonl"))
    ended = time.time_ns() // 1_000_000
    assert said == "Wrote 300 frames.\n"
    lines = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert began <= max(json.loads(line)["created_at"] for line in lines) <= ended


@pytest.mark.parametrize(
    ("out", "said"), [("none/journal.jsonl", "No such file or directory"), ("/dev/full", "No space left on device")]
)
def test_a_file_that_cannot_be_written(out: str, said: str) -> None:
    told = CliRunner().invoke(stateserver, ["simulate", "--frames", "300", "--out", out])
    assert told.exit_code == 2
    assert told.stderr == f"Error: {out}: {said}\nGive --out a file to write.\n"
