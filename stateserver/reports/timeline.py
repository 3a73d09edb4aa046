"""A report document whose timeline stays JSON until somebody asks: of a large blast it is nearly all of it.

A quarter of a million events are 70 MB as they lie in the document, and five times that decoded.
"""

import re
from array import array
from collections.abc import Iterator
from typing import Any, Final

import orjson

from stateserver.domain.blast import JsonObject

_KEY: Final = b'"timeline":['
"""A quotation mark that stands in a text has a backslash before it, so this is nowhere but where the member begins."""

_TEXT: Final = rb'"(?:[^"\\]++|\\.)*+"'
_MAP: Final = rb"\{(?:[^\"{}]++|" + _TEXT + rb")*+\}"
_EVENT: Final = re.compile(rb"\{(?:[^\"{}]++|" + _TEXT + b"|" + _MAP + rb")*+\}", re.DOTALL)
_COMMA: Final = ord(",")
_END: Final = ord("]")


class Timeline:
    """Events in order, decoded anew each time they are gone through."""

    def __init__(self, content: bytes, start: int) -> None:
        """`content` from `start` on: events with a comma between two, up to the end of their array."""
        self._content = content
        self._start = start
        self._ends = array("Q")
        self.end = self._find_ends()

    def _find_ends(self) -> int:
        """Where the array ends; -1 where there is no such array of events."""
        content, at = self._content, self._start
        if content[at : at + 1] == b"]":
            return at
        while found := _EVENT.match(content, at):
            at = found.end()
            self._ends.append(at)
            following = content[at] if at < len(content) else None
            if following == _END:
                return at
            if following != _COMMA:
                break
            at += 1
        return -1

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[JsonObject]:
        content, start = memoryview(self._content), self._start
        for end in self._ends:
            yield orjson.loads(content[start:end])
            start = end + 1


def read_document(content: bytes) -> Any:
    """A JSON document with a Timeline in the place of a list, or as it is where it can't be read so.

    Raises orjson.JSONDecodeError, which is a ValueError.
    """
    if content.count(_KEY) != 1:
        return orjson.loads(content)
    start = content.index(_KEY) + len(_KEY)
    timeline = Timeline(content, start)
    if timeline.end < 0:
        return orjson.loads(content)
    document = orjson.loads(content[:start] + content[timeline.end :])
    if not isinstance(document, dict) or document.get("timeline") != []:
        return orjson.loads(content)
    document["timeline"] = timeline
    return document
