"""CSV that opens right in a spreadsheet, and can't do anything in it.

UTF-8 with a byte order mark, without which Excel takes it for the machine's old code page; CRLF; every text
that a spreadsheet would read as a formula, a date or a number made plain text.
"""

import csv
import io
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import BinaryIO, Final

from stateserver.domain.change import Value

Row = Iterable[Value]

# A formula begins at the start of a cell. Where the list separator is a semicolon a comma file is cut anew at
# semicolons, tabs and line ends, quoted or not: so each of them begins a cell as well. Excel also takes the
# full-width forms of the signs for the signs.
_FORMULA: Final = re.compile(r"(?:\A|(?<=[;\t\r\n]))(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")

# What people write as a label and a spreadsheet reads as a date, a time or a number: 3/67, 1-2, 7:30, 007, 1E5.
_TURNED_INTO_SOMETHING: Final = re.compile(r"\d{1,4}([/:-]\d{1,4}){1,2}|0\d+|\d+[eE]\d+")

# What pandas and spreadsheets take for a yes and a no, where "yes" would be text to both.
_YES_NO: Final = {True: "TRUE", False: "FALSE"}


@lru_cache(maxsize=65536)  # the same few texts stand in row after row
def plain_text(text: str) -> str:
    """The text, with an apostrophe wherever a spreadsheet would make something else of it."""
    return f"'{text}" if _TURNED_INTO_SOMETHING.fullmatch(text) else _FORMULA.sub("'", text)


def write_csv(header: Iterable[str], rows: Iterable[Row], out: BinaryIO) -> None:
    """Write a table. None becomes an empty cell, booleans TRUE and FALSE."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=False)
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(map(_cells, rows))
    text.flush()
    text.detach()


def _cells(row: Row) -> list[str | int | None]:
    return [
        plain_text(value) if type(value) is str else _YES_NO[value] if type(value) is bool else value for value in row
    ]
