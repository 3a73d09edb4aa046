"""Reports as files in a folder, `<blast>.<view>`."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from stateserver.errors import StateServerError
from stateserver.reports.views import FORMATS, VIEWS, Filed

_NAME: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\." + f"({'|'.join(map(re.escape, VIEWS))})")


class UnwritableReport(StateServerError):
    """The file of a report can't be written."""


def remove_files(folder: Path) -> None:
    """Remove what reports lie in the folder, if there is one. Raises UnwritableReport."""
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            if _NAME.fullmatch(path.name):
                path.unlink()
    except OSError as error:
        raise UnwritableReport(f"{folder}: {error.strerror}", "Give a folder that can be written to.") from error


def write_file(path: Path, view: str, filed: Filed, zone: ZoneInfo) -> None:
    """Write a view. The file is there whole, or not at all. Raises UnwritableReport."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        try:
            with unfinished.open("wb") as file:
                VIEWS[view].write(filed, zone, file)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableReport(f"{path}: {error.strerror}", "Give a folder that can be written to.") from error


def write_files(folder: Path, formats: Iterable[str], filed: Filed, zone: ZoneInfo) -> list[Path]:
    """Write all views of these formats into the folder, which is made if need be; their paths."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableReport(f"{folder}: {error.strerror}", "Give a folder that can be written to.") from error
    written = []
    for view in (view for name in formats for view in FORMATS[name]):
        path = folder / f"{filed.document['blast']}.{view}"
        write_file(path, view, filed, zone)
        written.append(path)
    return written
