"""The names of reports' files: by system, local time and the beginning of the blast's id, safe on any file system."""

import re
import unicodedata
from typing import Final

from stateserver.reports.times import SiteClock

SYSTEM_BYTES_MAX: Final = 120
"""Of UTF-8: with time, id and ending, and what a program adds while it writes, a name stays below 255 bytes."""

_KEPT: Final = "-_"
_STEM: Final = r".+_(\d{4}-\d\d-\d\d_\d{6}[+-]\d{4,6}|\d+ms)_[0-9a-f]{8}"


def file_stem(system: str, initiated: int, blast: str, clock: SiteClock) -> str:
    """`Upper_Pit_2019-07-19_121214+0200_0cd3eb41`."""
    return f"{_safe(system)}_{clock.stamp(initiated)}_{blast[:8]}"


def is_file_name(name: str, views: str) -> bool:
    """Whether it is a name of a report's file, of one of these views (an expression)."""
    return re.fullmatch(rf"{_STEM}\.({views})", name) is not None


def _safe(system: str) -> str:
    """The id as far as a file's name may hold it: letters and digits of any script, marks, - and _; _ for the rest."""
    kept = "".join(character if _may_stay(character) else "_" for character in unicodedata.normalize("NFC", system))
    whole = kept.encode()[:SYSTEM_BYTES_MAX].decode(errors="ignore")
    return whole.strip("_") or "system"


def _may_stay(character: str) -> bool:
    return character in _KEPT or unicodedata.category(character)[0] in "LMN"
