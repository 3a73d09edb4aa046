"""A capture as it happened: its frames, and the pauses between them."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from stateserver.domain.records import FrameRecord, UnreadableFrame
from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.journal_file import read_lines
from stateserver.replay.lines import LineReader

WHAT_A_LINE_IS: Final = 'Each line is {"created_at": ms, "packet": hex}.'


class BadCapture(StateServerError):
    """A capture that can't be played: a line of it is no frame."""


class Played(NamedTuple):
    """A frame of a system, to be sent `after_s` seconds from the start of the playing."""

    after_s: float
    system: str
    record: FrameRecord


def read_capture(path: str, mode: Mode) -> list[FrameRecord]:
    """The frames of a capture file, all of it read before anything is played. Raises BadCapture, UnreadableJournal."""
    reader = LineReader(mode)
    frames = []
    for number, (line, _) in enumerate(read_lines(path), 1):
        try:
            record = reader.read(line)
        except Rejected as rejected:
            raise BadCapture(f"{path}: line {number}: {rejected.detail}", WHAT_A_LINE_IS) from rejected
        if record is None:
            continue
        if isinstance(record, UnreadableFrame):
            raise BadCapture(f"{path}: line {number}: {record.detail}", WHAT_A_LINE_IS)
        if not isinstance(record, FrameRecord):
            raise BadCapture(f"{path}: line {number} is no frame", "A Packet Server sends frames only.")
        frames.append(record)
    if not frames:
        raise BadCapture(f"{path} holds no frames", "Give a capture with at least one line.")
    return frames


def require_past(path: str, frames: Iterable[FrameRecord], now_ms: int) -> None:
    """Raises BadCapture for a frame that lies after `now_ms` (ms since 1970): nothing is sent before its own time."""
    latest = max(frame.created_at for frame in frames)
    if latest > now_ms:
        raise BadCapture(
            f"{path} holds a frame of the future, created at {latest}",
            "A capture's times are ms since 1970 (UTC), and have gone by. Is this machine's clock right?",
        )


def schedule(frames: Iterable[FrameRecord], system: str, speed: float) -> Iterator[Played]:
    """When to send each frame of `system`, in the order given, the pauses between them divided by `speed`."""
    elapsed_ms, before = 0, None
    for frame in frames:
        # A clock may step back; a pause can't.
        elapsed_ms += 0 if before is None else max(0, frame.created_at - before)
        before = frame.created_at
        yield Played(elapsed_ms / 1000 / speed, system, frame)
