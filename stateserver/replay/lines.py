"""A line of a journal file as a record (spec page 4, Replay of a file)."""

import json
import re
from typing import Any, Final, NamedTuple, NoReturn

import orjson

from stateserver.domain.commands import is_unicode
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord, UnreadableFrame
from stateserver.protocol.frame import from_hex
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Reason, Rejected

WHOLE_MAX: Final = 2**53 - 1
DEFAULT_SOURCE: Final = "file"
_MODES: Final = {mode.value: mode for mode in Mode}
_DIGITS_MAX: Final = len(str(WHOLE_MAX))
_PLAIN: Final = re.compile(r"([0-9]+)[ \t]+(\S.*)")


class _Line(NamedTuple):
    """What a line says, each of its members of the right type."""

    created_at: int
    mode: Mode
    source: str
    sequence: int | None
    packet: str | None
    command: dict[str, Any] | None
    appended_at: int | None


class LineReader:
    """Reads the lines of one file. Numbers the frames of each source where the lines don't."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self._numbers: dict[str, int] = {}
        self._plain: bool | None = None

    def read(self, text: str) -> Record | None:
        """The record of a line, None for a blank one. Raises Rejected (`bad_encoding`).

        A line is a JSON object; in a file whose first line is `created_at hex`, so are all others.
        """
        usual = _read_usual(text) if self._plain is False else None
        if usual is not None:
            return self._frame(usual[0], self.mode, DEFAULT_SOURCE, None, usual[1], None)
        text = text.strip()
        if not text:
            return None
        if self._plain is None:
            self._plain = _PLAIN.fullmatch(text) is not None
        line = self._read_plain(text) if self._plain else self._read_object(text)
        if line.command is not None:
            return CommandRecord(line.created_at, line.mode, json.dumps(line.command).encode(), line.appended_at)
        if line.packet is None:
            return TickRecord(line.created_at, line.mode, line.appended_at)
        return self._frame(line.created_at, line.mode, line.source, line.sequence, line.packet, line.appended_at)

    def _frame(
        self,
        created_at: int,
        mode: Mode,
        source: str,
        sequence: int | None,
        packet: str,
        appended_at: int | None,
    ) -> FrameRecord | UnreadableFrame:
        if sequence is None:
            sequence = self._numbers.get(source, 0) + 1
        # A frame that is rejected takes its number too.
        self._numbers[source] = sequence
        try:
            return FrameRecord(created_at, mode, source, sequence, from_hex(packet), appended_at)
        except Rejected as rejected:
            return UnreadableFrame(created_at, mode, source, sequence, rejected.detail, appended_at)

    def _read_plain(self, text: str) -> _Line:
        plain = _PLAIN.fullmatch(text)
        if plain is None or len(plain[1]) > _DIGITS_MAX:
            raise _bad("no `created_at hex`")
        return _Line(_whole("created_at", int(plain[1])), self.mode, DEFAULT_SOURCE, None, plain[2], None, None)

    def _read_object(self, text: str) -> _Line:
        try:
            said = _DECODER.decode(text)
        except (ValueError, RecursionError):
            raise _bad("not JSON") from None
        if not isinstance(said, dict):
            raise _bad("not a JSON object")
        kind = said.get("kind", "frame")
        if kind not in ("frame", "tick", "command"):
            raise _bad("kind is none of frame, tick, command")
        return _Line(
            created_at=_whole("created_at", said.get("created_at")),
            mode=self._mode(said.get("mode", self.mode)),
            source=_text("source", said.get("source", DEFAULT_SOURCE)),
            sequence=_whole("sequence", said["sequence"], -WHOLE_MAX) if "sequence" in said else None,
            packet=_text("packet", said.get("packet")) if kind == "frame" else None,
            command=_command(said.get("command")) if kind == "command" else None,
            appended_at=_whole("appended_at", said["appended_at"]) if "appended_at" in said else None,
        )

    @staticmethod
    def _mode(said: object) -> Mode:
        mode = _MODES.get(said) if isinstance(said, str) else None
        if mode is None:
            raise _bad("mode is none of " + ", ".join(Mode))
        return mode


def _read_usual(text: str) -> tuple[int, str] | None:
    """`created_at` and `packet` of an object with nothing else, as most lines are; None for all others, right or wrong.

    orjson takes a third of the time of Python's decoder, and nothing that this one refuses, but it knows no whole
    numbers beyond 64 bits: what it is not sure of is read again, and only then judged.
    """
    try:
        said = orjson.loads(text)
    except ValueError:
        return None
    if type(said) is not dict or len(said) != 2:
        return None
    created_at, packet = said.get("created_at"), said.get("packet")
    if type(created_at) is not int or type(packet) is not str or not 0 <= created_at <= WHOLE_MAX:
        return None
    return created_at, packet


def _bad(detail: str) -> Rejected:
    return Rejected(Reason.BAD_ENCODING, detail)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _whole(name: str, said: object, least: int = 0) -> int:
    # True and False are ints to Python, not to JSON.
    if not isinstance(said, int) or isinstance(said, bool) or not least <= said <= WHOLE_MAX:
        raise _bad(f"{name} is no integer from {least} to 2^53 - 1")
    return said


def _text(name: str, said: object) -> str:
    if not isinstance(said, str) or not is_unicode(said):
        raise _bad(f"{name} is not a string")
    return said


def _command(said: object) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise _bad("command is not an object")
    return said
