"""What a replay says beside its summary: what is likely wrong, and that nothing could be read (on standard error)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from stateserver.commands.replay_summary import Summary

NOTHING_TAKEN_STATUS: Final = 1


def print_notes(notes: Iterable[str]) -> None:
    """A line for each."""
    for note in notes:
        click.echo(f"Note: {note}", err=True)


def end_if_nothing_taken(summary: Summary, out: Path) -> None:
    """End with status 1 where every record was rejected."""
    if summary.nothing_taken is None:
        return
    where, rejected = summary.nothing_taken
    click.echo(
        f"Error: every record was rejected; the first ({where}) for {rejected.reason}: {rejected.detail}\n"
        f"See {out / 'rejected.jsonl'} for all of them.",
        err=True,
    )
    raise click.exceptions.Exit(NOTHING_TAKEN_STATUS)
