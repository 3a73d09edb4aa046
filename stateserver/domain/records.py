"""The kinds of record a system's journal is made of (spec page 2)."""

from typing import NamedTuple

from stateserver.protocol.modes import Mode


def record_time(created_at: int, appended_at: int | None) -> int:
    """A record's time: nothing was created after it was appended (spec page 2). All in ms since 1970."""
    return created_at if appended_at is None or created_at <= appended_at else appended_at


class FrameRecord(NamedTuple):
    """A frame from the equipment. `created_at` in ms since 1970; `sequence` is the source's own number of it.

    `appended_at` is the Kafka timestamp in ms, None where there is none; so in the other records.
    """

    created_at: int
    mode: Mode
    source: str
    sequence: int
    frame: bytes
    appended_at: int | None = None

    @property
    def time(self) -> int:
        """The record's time in ms since 1970."""
        return record_time(self.created_at, self.appended_at)


class UnreadableFrame(NamedTuple):
    """A frame that came, but not as bytes: a line of a file whose packet isn't hex."""

    created_at: int
    mode: Mode
    source: str
    sequence: int
    detail: str
    appended_at: int | None = None

    @property
    def time(self) -> int:
        """The record's time in ms since 1970."""
        return record_time(self.created_at, self.appended_at)


class TickRecord(NamedTuple):
    """Nothing but a time, in ms since 1970: it makes deadlines due while the equipment is silent."""

    created_at: int
    mode: Mode
    appended_at: int | None = None

    @property
    def time(self) -> int:
        """The record's time in ms since 1970."""
        return record_time(self.created_at, self.appended_at)


class CommandRecord(NamedTuple):
    """An operator's command, as the JSON that was sealed. `created_at` in ms since 1970."""

    created_at: int
    mode: Mode
    command: bytes
    appended_at: int | None = None

    @property
    def time(self) -> int:
        """The record's time in ms since 1970."""
        return record_time(self.created_at, self.appended_at)


Record = FrameRecord | UnreadableFrame | TickRecord | CommandRecord
"""A record of the journal."""
