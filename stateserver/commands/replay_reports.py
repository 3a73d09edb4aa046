"""The reports of a replay's blasts: what `--reports` of `stateserver replay` does."""

import os
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click

from stateserver.commands.progress import progress_bar
from stateserver.reports.files import remove_files, write_blasts_file, write_files
from stateserver.reports.timeline import read_document
from stateserver.reports.views import FORMATS, Filed
from stateserver.settings import load_settings


def chosen_formats(ctx: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The formats of a comma separated list."""
    chosen = tuple(name.strip() for name in value.split(",")) if value else ()
    unknown = [name for name in chosen if name not in FORMATS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(FORMATS)}.", ctx, option)
    return chosen


def write_reports(out: Path, formats: tuple[str, ...]) -> None:
    """Write a report of each blast that a replay wrote to `out` into its folder `reports`, and a table of all.

    Times stand there also in STATESERVER_TIME_ZONE.
    """
    if not formats:
        return
    zone = ZoneInfo(load_settings(os.environ).time_zone)
    remove_files(out / "reports")
    folder = out / "reports"

    def written() -> Iterator[Filed]:
        with progress_bar(None, "report") as bar:
            for filed in _blasts(out):
                write_files(folder, formats, filed, zone, is_one_of_many=True)
                yield filed
                bar.update()

    if "csv" in formats:
        write_blasts_file(folder, written(), zone)
    else:
        deque(written(), maxlen=0)


def _blasts(out: Path) -> Iterator[Filed]:
    """From the files: the blasts of a whole log may be more than memory holds."""
    with (out / "blasts.jsonl").open("rb") as file:
        for line in file:
            document = read_document(line)
            start, end = (out / "snapshots" / f"{document['blast']}.{which}.jsonl" for which in ("start", "end"))
            yield Filed(document, partial(_open, start), partial(_open, end) if end.exists() else None)


def _open(path: Path) -> BinaryIO:
    return path.open("rb")
