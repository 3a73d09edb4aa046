"""A frame as named numbers, and items as words that compare at once (spec page 1)."""

from typing import Final, NamedTuple

from stateserver.protocol.commands import BOOSTER_DATA
from stateserver.protocol.frame import Frame

WORD: Final = 4
"""Bytes of an item word: the window id's lowest byte, the flags, the delay in ms (u16 little-endian)."""


class Message(NamedTuple):
    """Everything a frame says, reserved bits included: `encode` makes the same bytes of it."""

    command: int
    serial: int
    head: dict[str, int] | None
    items: list[dict[str, int]]


def decode(frame: Frame) -> Message:
    """What `frame` says, as the numbers that lie in it."""
    command = frame.command
    head = None if command.head is None else command.head.read(frame.payload)
    items = [] if command.item is None else [command.item.read(chunk) for chunk in frame.item_chunks()]
    return Message(command.number, frame.serial, head, items)


def item_words(frame: Frame) -> bytearray:
    """The data items of a frame 3, 5 or 23 as words, one after the other, as the frame orders them."""
    command = frame.command
    assert command.flags is not None, f"frame {command.number} has no data items"
    if command.number == BOOSTER_DATA:
        # Its chunks are what words are modelled on.
        return bytearray(frame.payload[command.chunk :])
    items = frame.items
    words = bytearray(len(frame.windows) * WORD)
    words[0::WORD] = bytes(window & 0xFF for window in frame.windows)
    words[1::WORD] = items[command.flags :: command.chunk]
    if command.delay is not None:
        words[2::WORD] = items[command.delay :: command.chunk]
        words[3::WORD] = items[command.delay + 1 :: command.chunk]
    return words


def item_identities(frame: Frame) -> list[int]:
    """The uids or serials of a list frame's items, in its order."""
    command = frame.command
    assert command.item is not None, f"frame {command.number} has no items"
    field = next(field for field in command.item.fields if field.name == command.identity)
    place = slice(field.offset, field.offset + field.size)
    return [int.from_bytes(chunk[place], field.order) for chunk in frame.item_chunks()]
