"""Reports as files in a folder, `<system>_<local time>_<short id>.<view>`, and one table of all blasts."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

from stateserver.errors import StateServerError
from stateserver.reports.csv_overview import write_blasts
from stateserver.reports.document import Report
from stateserver.reports.names import file_stem, is_file_name
from stateserver.reports.times import SiteClock
from stateserver.reports.views import BLASTS_VIEW, FORMATS, VIEWS, Filed

_VIEWS: Final = "|".join(map(re.escape, VIEWS))


class UnwritableReport(StateServerError):
    """The file of a report can't be written."""


def remove_files(folder: Path) -> None:
    """Remove what reports lie in the folder, if there is one. Raises UnwritableReport."""
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name == BLASTS_VIEW or is_file_name(path.name, _VIEWS):
                path.unlink()
    except OSError as error:
        raise UnwritableReport(f"{folder}: {error.strerror}", "Give a folder that can be written to.") from error


def write_file(path: Path, view: str, filed: Filed, zone: ZoneInfo) -> None:
    """Write a view. The file is there whole, or not at all. Raises UnwritableReport."""
    _write(path, lambda file: VIEWS[view].write(filed, zone, file))


def write_blasts_file(folder: Path, blasts: Iterable[Filed], zone: ZoneInfo) -> Path:
    """Write the table of all these blasts into the folder, a row each; its path. Raises UnwritableReport."""
    _make(folder)
    path = folder / BLASTS_VIEW
    reports = (Report.parse(filed.document) for filed in blasts)
    _write(path, lambda file: write_blasts(reports, SiteClock(zone), file))
    return path


def _write(path: Path, write: Callable[[BinaryIO], None]) -> None:
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        try:
            with unfinished.open("wb") as file:
                write(file)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableReport(f"{path}: {error.strerror}", "Give a folder that can be written to.") from error


def write_files(
    folder: Path, formats: Iterable[str], filed: Filed, zone: ZoneInfo, *, is_one_of_many: bool = False
) -> list[Path]:
    """Write all views of these formats into the folder, which is made if need be; their paths.

    One of many blasts has no table of blasts of its own: see write_blasts_file.
    """
    _make(folder)
    written = []
    document = filed.document
    stem = file_stem(document["system"], document["initiated"], document["blast"], SiteClock(zone))
    for view in (view for name in formats for view in FORMATS[name]):
        if is_one_of_many and view == BLASTS_VIEW:
            continue
        path = folder / f"{stem}.{view}"
        write_file(path, view, filed, zone)
        written.append(path)
    return written


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableReport(f"{folder}: {error.strerror}", "Give a folder that can be written to.") from error
