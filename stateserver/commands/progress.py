"""How far a command has come, as a bar on a terminal; nothing where nobody watches."""

import os
import sys
from typing import Any

from tqdm import tqdm

_COLUMNS_DEFAULT = 80
_LINES_DEFAULT = 24


def progress_bar(total: int | None, unit: str) -> "tqdm[Any]":
    """A bar on standard error that goes to `total`, or counts where that isn't known. A context manager."""
    columns, lines = _terminal_size()
    # disable=None: a bar on a terminal, none elsewhere.
    return tqdm(
        total=total,
        unit=unit,
        unit_scale=True,
        disable=None,
        file=sys.stderr,
        leave=False,
        ncols=columns,
        nrows=lines,
    )


def _terminal_size() -> tuple[int, int]:
    """Columns and lines. Some terminals say 0 (a serial line, a recorder): tqdm would show no bar at all there."""
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return _COLUMNS_DEFAULT, _LINES_DEFAULT
    return size.columns or _COLUMNS_DEFAULT, size.lines or _LINES_DEFAULT
