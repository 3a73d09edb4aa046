"""What is given wrongly is said in one line, and what to do in another; the exit status is 2, and nothing is left."""

import json
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from stateserver.broker.ports import LOOPBACK, free_port
from stateserver.cli import stateserver
from stateserver.security.secret_document import write_private_file
from tests.security.rings import ring_document

FIELD = Path(__file__).parents[1] / "data" / "field-2019-07-19" / "journal.jsonl"
RING = json.dumps(ring_document())
NOBODY = f"{LOOPBACK}:1"
REPLAY = ["replay", str(FIELD), "--mode", "AXXIS100", "--system", "site", "--out"]
BLAST = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs: with a file `file`, and `five.json`, whose keys are none."""
    (tmp_path / "file").touch()
    write_private_file(tmp_path / "five.json", '{"keys": 5}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, free_port()))
        listener.listen()
        yield listener.getsockname()[1]


def trouble(arguments: list[str], settings: dict[str, str]) -> str:
    """The line that says what is wrong."""
    told = CliRunner().invoke(stateserver, arguments, env=settings)
    assert told.exit_code == 2, told.output
    assert told.stdout == ""
    # A log has its own lines: when a worker was started, what its Kafka client met with.
    lines = [line for line in told.stderr.splitlines() if not re.match(r"[0-9T:.-]+Z [A-Z]+ ", line)]
    assert len(lines) == 2, told.stderr
    assert lines[0].startswith("Error: ")
    assert lines[1]
    return lines[0]


@pytest.mark.parametrize("place", ["file", "file/data", "/proc/nowhere"])
@pytest.mark.parametrize("command", ["worker", "demo"])
def test_a_data_folder_that_cannot_be_one(folder: Path, place: str, command: str) -> None:
    said = trouble([command], {"STATESERVER_KEYRING": RING, "STATESERVER_DATA_DIR": place})
    assert f"the data folder {place} " in said
    assert ("is a file, not a folder" in said) == (place == "file")
    assert sorted(path.name for path in folder.iterdir()) == ["file", "five.json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["worker"], "STATESERVER_KEYRING: is needed"),
        (["gateway"], "STATESERVER_TOKENS_FILE: is needed"),
        (["cat", "packets", "--open"], "STATESERVER_KEYRING: is needed"),
        (["keys", "list"], "STATESERVER_KEYRING: is needed"),
        (["demo", "--system", "a/b"], "'a/b' is no system id: it is a / in it"),
        (["demo", "--capture", "none.jsonl"], "none.jsonl: No such file or directory"),
        (["demo", "--capture", "five.json"], "five.json: line 1:"),
        (["replay", "none", *REPLAY[2:], "out"], "none: No such file or directory"),
        (["replay", ".", *REPLAY[2:], "out"], ".: Is a directory"),
        ([*REPLAY, "file"], "file: Not a directory"),
        ([*REPLAY, "/proc/nowhere"], "/proc/nowhere: No such file or directory"),
        ([*REPLAY[:-2], "", "--out", "out"], "'' is no system id: it is empty"),
        ([*REPLAY[:-2], "north\udcff", "--out", "out"], "not Unicode"),
        (["keys", "list", "file"], "the key ring at file has mode"),
        (["keys", "list", "five.json"], "the key ring has no keys"),
        (["keys", "new", "--systems", "a/b"], "names a system that cannot be: it is a / in it"),
        (["keys", "new", "--out", "none/ring.json"], "cannot write none/ring.json"),
        (["keys", "new", "--out", "file"], "file is there already"),
        (["keys", "new", "--id", "x", "--uses", "FRAME", "--add", "five.json"], "the key ring has no keys"),
        (["keys", "token", "--id", "x", "--role", "viewer", "--add", "five.json"], "the keys of the token file at"),
        (["keys", "token", "--id", "x", "--role", "viewer", "--add", "none"], "cannot read the token file at none"),
        (["keys", "jwt", "new", "--id", "x", "--signing", "s", "--add", "five.json"], "the keys of the file of token"),
        (
            [
                "keys",
                "jwt",
                "issue",
                "--signing",
                "five.json",
                *["--issuer", "i", "--subject", "s", "--role", "viewer"],
            ],
            "no sign",
        ),
    ],
)
def test_what_is_missing_or_no_such_thing(folder: Path, arguments: list[str], said: str) -> None:
    assert said in trouble(arguments, {})


@pytest.mark.parametrize(
    "arguments",
    [["worker"], ["cat", "changes"], ["report", BLAST], ["replay", "--from-topic", "--out", "out"], ["simulate"]],
)
def test_no_broker(folder: Path, arguments: list[str]) -> None:
    settings = {"STATESERVER_BROKERS": NOBODY, "STATESERVER_KEYRING": RING, "STATESERVER_DATA_DIR": "data"}
    said = trouble(arguments, settings)
    assert NOBODY in said
    assert "AddressFamily" not in said


def test_a_port_for_metrics_that_is_taken(folder: Path, taken_port: int) -> None:
    settings = {"STATESERVER_KEYRING": RING, "STATESERVER_METRICS_PORT": f"{taken_port}", "STATESERVER_BROKERS": NOBODY}
    assert f"port {taken_port}" in trouble(["worker"], settings)


def test_a_disk_that_fills_up_while_a_replay_writes(tmp_path: Path) -> None:
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    command = [sys.executable, "-m", "stateserver", *REPLAY, str(tmp_path / "out")]
    told = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=small,
    )
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == (
        f"Error: {tmp_path / 'out'}: File too large\nGive --out a folder that has room and that may be written to.\n"
    )
