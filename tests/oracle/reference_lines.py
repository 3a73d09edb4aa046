"""Page 4, read plainly: a line of a journal file is a record, blank, or rejected."""

import json
from typing import Any, NamedTuple, TypeGuard

from tests.oracle.reference_frame import MODES, Reject

NEEDED = {
    "acknowledge_warning": ("unit", "field", "actor"),
    "label_unit": ("unit", "label", "actor"),
    "retire_unit": ("unit", "actor"),
}
COMMAND_MEMBERS = ("action", "unit", "field", "label", "actor", "note", "id")


class Record(NamedTuple):
    """A record of the journal, `created_at` as sent; `kind` is frame, tick or command.

    Only frames have a source and a sequence.
    """

    kind: str
    created_at: int
    appended_at: int | None
    mode: str
    source: str = ""
    sequence: int = 0
    packet: str = ""
    command: dict[str, Any] = {}  # noqa: RUF012

    @property
    def time(self) -> int:
        """The record's time, page 2: nothing was created after it was appended."""
        return self.created_at if self.appended_at is None else min(self.created_at, self.appended_at)


class Lines:
    """Reads line after line: a source's frames are numbered by their lines."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.numbers: dict[str, int] = {}

    def read(self, line: str) -> Record | None:
        """The line's record, None for a blank line; Reject(bad_encoding) where it is neither."""
        if not line.strip():
            return None
        row = parse(line)
        if not isinstance(row, dict):
            raise Reject("bad_encoding")
        created_at, appended_at = row.get("created_at"), row.get("appended_at", 0)
        mode, source, sequence = row.get("mode", self.mode), row.get("source", "file"), row.get("sequence", 1)
        if not (is_whole(created_at) and is_whole(appended_at) and is_whole(sequence, 1 - 2**53)):
            raise Reject("bad_encoding")
        if not (is_string(mode) and mode in MODES and is_string(source)):
            raise Reject("bad_encoding")
        return self._record(row, (created_at, row.get("appended_at"), mode), source)

    def _record(self, row: dict[str, Any], when: tuple[int, int | None, str], source: str) -> Record:
        kind = row.get("kind", "frame")
        if kind == "tick":
            return Record("tick", *when)
        if kind == "command" and isinstance(row.get("command"), dict):
            return Record("command", *when, command=row["command"])
        if kind == "frame" and is_string(row.get("packet")):
            sequence = row.get("sequence", self.numbers.get(source, 0) + 1)
            self.numbers[source] = sequence
            return Record("frame", *when, source, sequence, row["packet"])
        raise Reject("bad_encoding")


def parse(line: str) -> Any:
    def no_constant(name: str) -> None:
        raise ValueError(name)

    try:
        return json.loads(line, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise Reject("bad_encoding") from None


def is_whole(value: Any, least: int = 0) -> TypeGuard[int]:
    """The page gives these limits for created_at; a sequence, which has none there, may be as far below 0 too."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**53


def is_string(value: Any) -> TypeGuard[str]:
    """Strings are Unicode: a lone surrogate is none."""
    return isinstance(value, str) and not any(0xD800 <= ord(character) <= 0xDFFF for character in value)


def check_command(command: dict[str, Any]) -> None:
    """Raise Reject(bad_command) for one that is none."""
    if any(command.get(name) is not None and not is_string(command[name]) for name in COMMAND_MEMBERS):
        raise Reject("bad_command")
    if command.get("action") not in NEEDED:
        raise Reject("bad_command")
    if any(command.get(name) is None for name in NEEDED[command["action"]]):
        raise Reject("bad_command")
    if len(command.get("label") or "") > 80:
        raise Reject("bad_command")
