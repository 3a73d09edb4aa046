"""Offsets, times and partitions on the command line of `stateserver replay`.

An offset is a whole number. So is a time, in ms since 1970 (UTC), which no number of records reaches; or it is
written as ISO 8601 has it, with its zone. Times are Kafka's own: when a record was appended.
"""

from datetime import datetime
from typing import Final, NamedTuple

import click

TIMES_FROM: Final = 10**12
"""Whole numbers from here on are times: of September 2001, when there was no Kafka to have a record of it."""


class Bound(NamedTuple):
    """Where a range begins or ends. `text` as it was given."""

    value: int
    is_time: bool
    text: str


class BoundType(click.ParamType):
    """An offset or a time on the command line."""

    name = "offset or time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Bound:
        """The bound. Raises BadParameter."""
        if isinstance(value, Bound):
            return value
        text = str(value)
        if text.isascii() and text.isdigit():
            return Bound(int(text), int(text) >= TIMES_FROM, text)
        return Bound(self._milliseconds(text, param, ctx), is_time=True, text=text)

    def _milliseconds(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{text!r} is neither an offset (a number below 10^12) nor a time (ms since 1970, or like"
                " 2026-11-24T18:00:00Z).",
                param,
                ctx,
            )
        if moment.tzinfo is None:
            self.fail(f"{text!r} has no zone: write Z for UTC, or an offset such as +02:00, behind it.", param, ctx)
        return round(moment.timestamp() * 1000)


class PartitionsType(click.ParamType):
    """Numbers and stretches of numbers: `0,2-4`."""

    name = "numbers"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers, in order. Raises BadParameter."""
        if isinstance(value, tuple):
            return value
        numbers: set[int] = set()
        for part in str(value).split(","):
            first, dash, last = part.strip().partition("-")
            ends = [first, last] if dash else [first]
            if not all(end.isascii() and end.isdigit() and len(end) < 7 for end in ends):
                self.fail(f"{part.strip()!r} is no partition: give numbers like 0,2-4.", param, ctx)
            numbers.update(range(int(first), int(ends[-1]) + 1))
        return tuple(sorted(numbers))
