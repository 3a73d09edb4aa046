"""When a record of the journal was appended, here or where it was appended first (spec page 4, Topics)."""

from collections.abc import Sequence
from typing import Final

APPENDED_AT: Final = "appended_at"
"""The header in which a forwarded record carries the timestamp of its first journal, ms since 1970, decimal."""
_DIGITS_MAX: Final = 16


def appended_at(timestamp: int | None, headers: Sequence[tuple[str, bytes | None]]) -> int | None:
    """When a record was first appended, ms since 1970, by its Kafka timestamp and headers; None where nobody knows.

    A header that is no such number is taken for none.
    """
    for name, value in headers or ():
        if name == APPENDED_AT and value is not None and value.isdigit() and len(value) <= _DIGITS_MAX:
            return int(value)
    return timestamp if timestamp is not None and timestamp >= 0 else None
