"""The reports of a replay's blasts: what `--reports` of `stateserver replay` does."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from stateserver.commands.progress import progress_bar
from stateserver.replay.folding import Folding
from stateserver.reports.files import remove_files, write_files
from stateserver.reports.views import FORMATS, Filed
from stateserver.settings import load_settings


def chosen_formats(ctx: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The formats of a comma separated list."""
    chosen = tuple(name.strip() for name in value.split(",")) if value else ()
    unknown = [name for name in chosen if name not in FORMATS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(FORMATS)}.", ctx, option)
    return chosen


def write_reports(out: Path, formats: tuple[str, ...], folding: Folding) -> None:
    """Write a report of each blast into the folder `reports` of `out`, with times also in STATESERVER_TIME_ZONE."""
    if not formats:
        return
    zone = ZoneInfo(load_settings(os.environ).time_zone)
    remove_files(out / "reports")
    documents = folding.documents()
    with progress_bar(len(documents), "report") as bar:
        for document in documents:
            start, end = (folding.snapshots.get((document["blast"], which)) for which in ("start", "end"))
            assert start is not None, "a blast that opened has a start"
            write_files(out / "reports", formats, Filed(document, start, end), zone)
            bar.update()
