"""One system as a worker keeps it: the core's aggregate, and where its records came from."""

from dataclasses import dataclass, field

from stateserver.domain.change import SEQUENCE_GAP, Change
from stateserver.domain.checkpoint import forget_published
from stateserver.domain.deadlines import next_deadline
from stateserver.domain.records import CommandRecord, Record
from stateserver.domain.system import System
from stateserver.stream.ports import LogRecord
from stateserver.stream.state_rows import Notes

FORWARDED_HEADER = "via"
"""The header that names the way a forwarded record came (spec page 3, Mesh)."""


@dataclass(slots=True)
class Tracked:
    """A system and what the worker notes of it; see `Notes`.

    `asked` is the tick under way: its time, and when it was asked for (ms).
    """

    system: System
    topic: str
    offset: int = -1
    appended_at: int | None = None
    time_appended_at: int | None = None
    forwarded: bool = False
    gaps: dict[str, int] = field(default_factory=dict)
    asked: tuple[int, int] | None = None

    def note(self, topic: str, record: LogRecord, opened: Record) -> None:
        """A record was applied."""
        self.topic = topic
        self.offset = record.offset
        self.appended_at = opened.appended_at
        if opened.time == self.system.clock and not isinstance(opened, CommandRecord):
            self.time_appended_at = self.appended_at
        headers = record.headers
        self.forwarded = bool(headers) and any(name == FORWARDED_HEADER for name, _ in headers)

    def note_gaps(self, changes: list[Change]) -> None:
        """Count the frames that these events say are missing."""
        for change in changes:
            if change.kind == SEQUENCE_GAP and change.source is not None:
                missing = change.details["missing"]
                assert isinstance(missing, int)
                self.gaps[change.source] = self.gaps.get(change.source, 0) + missing

    def tick_due(self, now_ms: int, lateness_ms: int) -> int | None:
        """The time of the deadline that this silent system is late for, in ms; None where there is none.

        Its present is guessed by the record that carried its time: that time, and what passed since it was appended.
        """
        time, appended_at = self.system.clock, self.time_appended_at
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
            self.time_appended_at,
            self.forwarded,
            self.gaps,
            unpublished,
        )


def tracked_again(system: System, notes: Notes) -> Tracked:
    """A system as it was when the notes were taken."""
    topic, offset, appended_at, time_appended_at, forwarded, gaps, unpublished = notes
    if unpublished:
        forget_published(system)
    return Tracked(system, topic, offset, appended_at, time_appended_at, forwarded, gaps)
