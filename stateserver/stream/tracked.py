"""One system as a worker keeps it: the core's aggregate, and where its records came from."""

from dataclasses import dataclass, field

from stateserver.domain.change import CLOCK_SET_BACK, SEQUENCE_GAP, Change
from stateserver.domain.checkpoint import forget_published
from stateserver.domain.deadlines import next_deadline
from stateserver.domain.records import FrameRecord, Record
from stateserver.domain.system import System
from stateserver.stream.ports import LogRecord
from stateserver.stream.state_rows import Notes

FORWARDED_HEADER = "via"
"""The header that names the way a forwarded record came (spec page 3, Mesh)."""
DUPLICATE = "duplicate"
"""What the core counts duplicate frames by."""


@dataclass(slots=True)
class Tracked:
    """A system and what the worker notes of it; see `Notes`.

    `asked` is the tick under way: its time, and when it was asked for (ms).
    """

    system: System
    topic: str
    offset: int = -1
    appended_at: int | None = None
    frame_time: int | None = None
    frame_appended_at: int | None = None
    forwarded: bool = False
    gaps: dict[str, int] = field(default_factory=dict)
    set_back: dict[str, list[int]] = field(default_factory=dict)
    asked: tuple[int, int] | None = None
    duplicates: int = field(init=False)

    def __post_init__(self) -> None:
        self.duplicates = self.system.counters.get(DUPLICATE, 0)

    def note(self, topic: str, record: LogRecord, opened: Record) -> bool:
        """A record was applied. Returns whether it was a duplicate, which changes nothing."""
        duplicates = self.system.counters.get(DUPLICATE, 0)
        is_duplicate, self.duplicates = duplicates > self.duplicates, duplicates
        self.topic = topic
        self.offset = record.offset
        self.appended_at = opened.appended_at
        if isinstance(opened, FrameRecord) and not is_duplicate:
            self._note_frame(opened.time, record.timestamp)
        headers = record.headers
        self.forwarded = bool(headers) and any(name == FORWARDED_HEADER for name, _ in headers)
        return is_duplicate

    def _note_frame(self, time: int, appended_here: int | None) -> None:
        """Take it for the last one, but where one of a later time came before: that one tells more of the present."""
        known, clock = self.frame_time, self.system.clock
        if known is not None and clock is not None and clock < known:
            time = clock  # it was set back, to this
        elif known is not None and time < known:
            return
        known_here = appended_here is not None and appended_here >= 0
        self.frame_time, self.frame_appended_at = time, appended_here if known_here else None

    def note_sources(self, changes: list[Change]) -> None:
        """Count the frames that these events say are missing, and note whose clock was set back."""
        for change in changes:
            if change.kind == SEQUENCE_GAP and change.source is not None:
                missing = change.details["missing"]
                assert isinstance(missing, int)
                self.gaps[change.source] = self.gaps.get(change.source, 0) + missing
            elif change.kind == CLOCK_SET_BACK and change.source is not None:
                by = change.details["by"]
                assert isinstance(by, int)
                self.set_back[change.source] = [change.at, by]

    def tick_due(self, now_ms: int, lateness_ms: int) -> int | None:
        """The time of the deadline that this silent system is late for, in ms; None where there is none.

        Its present is guessed by its last frame: that one's time, and what has passed since it was appended. Not by
        ticks: after an outage they come late, and whatever else is overdue would seem not to be.
        """
        time, appended_at = self.frame_time, self.frame_appended_at
        if time is None or appended_at is None or self.forwarded:
            return None
        overdue_before = time + (now_ms - appended_at) - lateness_ms
        if overdue_before < self.system.deadline_floor:
            return None
        deadline = next_deadline(self.system)
        return deadline if deadline is not None and deadline <= overdue_before else None

    def notes(self, *, unpublished: bool) -> Notes:
        """To be kept with the core's rows; `unpublished`: some `as_of` has moved since it was published."""
        return Notes(
            self.topic,
            self.offset,
            self.appended_at,
            self.frame_time,
            self.frame_appended_at,
            self.forwarded,
            self.gaps,
            unpublished,
            self.set_back,
        )


def tracked_again(system: System, notes: Notes) -> Tracked:
    """A system as it was when the notes were taken."""
    if notes.unpublished:
        forget_published(system)
    topic, offset, appended_at, frame_time, frame_appended_at, forwarded, gaps, _, set_back = notes
    return Tracked(system, topic, offset, appended_at, frame_time, frame_appended_at, forwarded, gaps, set_back)
