"""WebSocket messages ready to be sent: one frame (RFC 6455), made once for everybody who is sent it. Pure."""

from collections.abc import Iterable
from typing import Final, NamedTuple

Pieces = tuple[bytes, ...]
"""JSON in one or more pieces. Large answers stay in pieces that many clients share, and are never put together."""

FINAL_TEXT: Final = 0x81
LENGTH_16: Final = 126
LENGTH_64: Final = 127


class Message(NamedTuple):
    """A text message: its JSON, and the frame that carries it."""

    json: Pieces
    frame: Pieces

    @property
    def size(self) -> int:
        """Of the frame, in bytes."""
        return sum(map(len, self.frame))


def message(*json: bytes) -> Message:
    """The message that says this JSON, which may come in pieces."""
    header = frame_header(sum(map(len, json)))
    return Message(json, (header + json[0],) if len(json) == 1 else (header, *json))


def frame_header(length: int) -> bytes:
    """What goes before `length` bytes of text from a server, which never masks (RFC 6455, 5.2)."""
    if length < LENGTH_16:
        return bytes((FINAL_TEXT, length))
    if length < 1 << 16:
        return bytes((FINAL_TEXT, LENGTH_16)) + length.to_bytes(2, "big")
    return bytes((FINAL_TEXT, LENGTH_64)) + length.to_bytes(8, "big")


def array(items: Iterable[Pieces]) -> Pieces:
    """A JSON array of items that are encoded already."""
    pieces: list[bytes] = []
    for item in items:
        pieces += (b"," if pieces else b"[", *item)
    return (*pieces, b"]") if pieces else (b"[]",)
