"""The three kinds of record a system's journal is made of (spec page 2)."""

from typing import NamedTuple

from stateserver.protocol.modes import Mode


class FrameRecord(NamedTuple):
    """A frame from the equipment. `created_at` in ms since 1970; `sequence` is the source's own number of it."""

    created_at: int
    mode: Mode
    source: str
    sequence: int
    frame: bytes


class TickRecord(NamedTuple):
    """Nothing but a time, in ms since 1970: it makes deadlines due while the equipment is silent."""

    created_at: int
    mode: Mode


class CommandRecord(NamedTuple):
    """An operator's command, as the JSON that was sealed. `created_at` in ms since 1970."""

    created_at: int
    mode: Mode
    command: bytes


Record = FrameRecord | TickRecord | CommandRecord
