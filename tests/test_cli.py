import subprocess
import sys

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
