"""docs/commands.md speaks of every command there is."""

import re
from pathlib import Path

import click

from stateserver.cli import LazyGroup, stateserver

TEXT = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()


def test_each_command_has_a_row_of_exit_statuses() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\|.*\|.*\|$", TEXT, re.MULTILINE)
    assert sorted(rows) == sorted(LazyGroup().list_commands(click.Context(stateserver)))
