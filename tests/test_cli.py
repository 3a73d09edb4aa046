import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from stateserver import __version__
from stateserver.cli import COMMANDS, LazyGroup, stateserver
from stateserver.errors import StateServerError


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stateserver", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_it_tells_its_version() -> None:
    told = run("--version")
    assert told.returncode == 0
    assert told.stdout.strip().endswith(__version__)


def test_an_unknown_command_is_refused() -> None:
    refused = run("fire")
    assert refused.returncode == 2
    assert "No such command 'fire'" in refused.stderr


@pytest.mark.parametrize("name", LazyGroup().list_commands(click.Context(stateserver)))
def test_each_command_has_help(name: str) -> None:
    shown = CliRunner().invoke(stateserver, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage" in shown.output


def test_listed_are_commands_that_page_4_names() -> None:
    listed = LazyGroup().list_commands(click.Context(stateserver))
    assert "check" in listed
    assert set(listed) <= set(COMMANDS)


def test_a_trouble_of_ours_is_one_line_and_what_to_do_without_a_traceback() -> None:
    @click.group(cls=LazyGroup, invoke_without_command=True)
    def broken() -> None:
        raise StateServerError("the journal can't be read", "see the permissions")

    shown = CliRunner().invoke(broken)
    assert shown.exit_code == 2
    assert shown.stderr == "Error: the journal can't be read\nsee the permissions\n"


def test_help_loads_no_kafka_client() -> None:
    script = (
        "import sys; from click.testing import CliRunner; from stateserver.cli import stateserver;"
        "CliRunner().invoke(stateserver, ['--help']); print('aiokafka' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout == "False\n"


def test_standard_output_without_room_is_one_line_too() -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [sys.executable, "-m", "stateserver", "keys", "new"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (told.returncode, told.stderr) == (
        2,
        "Error: can't write: No space left on device\nMake room, or write elsewhere.\n",
    )


def test_whoever_has_read_enough_ends_it_without_a_word() -> None:
    command = f"{sys.executable} -m stateserver simulate --frames 20000 --out - | head -1"
    told = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    assert len(told.stdout.splitlines()) == 1
    assert told.stderr == ""


def test_ctrl_c_is_no_failure_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stateserver.commands.replay.read_lines", interrupted)
    told = CliRunner().invoke(stateserver, ["replay", "x", "--mode", "IBS", "--system", "s", "--out", "/dev/full"])
    assert told.exit_code == 2, "the folder is looked at first"
    with CliRunner().isolated_filesystem():
        told = CliRunner().invoke(stateserver, ["replay", "x", "--mode", "IBS", "--system", "s", "--out", "out"])
    assert (told.exit_code, told.stderr) == (130, "Stopped.\n")
