"""What goes wrong with files is said, with exit status 2."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stateserver.cli import stateserver


def replay(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    result = CliRunner().invoke(stateserver, ["replay", *arguments], input=stdin)
    return result.exit_code, result.output


def test_a_missing_file(tmp_path: Path) -> None:
    status, said = replay(str(tmp_path / "none"), "--mode", "IBS", "--system", "s", "--out", str(tmp_path / "out"))
    assert (status, "No such file" in said) == (2, True)


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    file.write_bytes(b'{"created_at": 1, "kind": "tick"}\n\xff\n')
    status, said = replay(str(file), "--mode", "IBS", "--system", "s", "--out", str(tmp_path / "out"))
    assert (status, "line 2 is not UTF-8" in said) == (2, True)


@pytest.mark.parametrize("system", ["", "a/b"])
def test_a_system_that_can_be_none(tmp_path: Path, system: str) -> None:
    status, said = replay("-", "--mode", "IBS", "--system", system, "--out", str(tmp_path / "out"))
    assert (status, "is no system id" in said) == (2, True)


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("")
    status, _ = replay("-", "--mode", "IBS", "--system", "s", "--out", str(file))
    assert status == 2


def test_standard_input_and_a_summary(tmp_path: Path) -> None:
    lines = b'\xef\xbb\xbf{"created_at": 1, "packet": "aaaa0a08001705c07116"}\r\n\r\n{"created_at": 2, "packet": ""}\n'
    status, said = replay("-", "--mode", "AXXIS100", "--system", "s", "--out", str(tmp_path / "out"), stdin=lines)
    assert status == 0
    assert "Rejected:  1 (too_short 1)" in said
    assert len((tmp_path / "out" / "changes.jsonl").read_text().splitlines()) == 2


def test_a_progress_bar_on_a_terminal_and_none_elsewhere(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text('{"created_at": 1, "packet": "aaaa0a08001705c07116"}\n')
    arguments = [str(journal), "--mode", "AXXIS100", "--system", "s", "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "stateserver", "replay", *arguments]
    # A new pseudo terminal says that it has no columns: a bar must show there too.
    ours, theirs = pty.openpty()
    on_terminal = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, check=True, timeout=60)
    shown = os.read(ours, 10_000)
    os.close(theirs)
    os.close(ours)
    in_a_pipe = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert b"0%|" in shown
    assert in_a_pipe.stderr == b""
    assert b"Frames:    1" in on_terminal.stdout
    assert b"Frames:    1" in in_a_pipe.stdout
