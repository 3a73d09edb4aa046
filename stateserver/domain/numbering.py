"""What a source's numbers tell: frames that came twice, that never came, and a numbering begun anew (spec page 2)."""

from typing import NamedTuple

from stateserver.domain.records import FrameRecord
from stateserver.domain.system import Source, System

FIRST: int = 1
"""A source numbers its frames from here on."""


class Numbering(NamedTuple):
    """Where a frame stands among those of its source. `expected`: the next number; None for its first frame."""

    expected: int | None
    got: int
    missing: int

    @property
    def is_restart(self) -> bool:
        """Whether the source counts anew."""
        return self.expected is not None and self.got < self.expected


def is_duplicate(source: Source | None, record: FrameRecord) -> bool:
    """Whether a frame that can be read has been applied before."""
    if source is None or record.sequence > source.last_sequence or record.created_at > source.created_at_max:
        return False
    # A source that was started again begins with number 1, whatever its clock says.
    return record.sequence != FIRST or record.created_at == source.first_created_at


def judge_number(source: Source | None, record: FrameRecord) -> Numbering:
    """Where a frame that is no duplicate stands."""
    got = record.sequence
    if source is None:
        return Numbering(None, got, 0)
    expected = source.last_sequence + 1
    accounted = source.accounted if source.last_accounted < got else 0
    return Numbering(expected, got, max(0, got - expected - accounted))


def note_applied(system: System, record: FrameRecord) -> Source:
    """The frame was applied: its source goes on from it. Returns the source."""
    source = system.sources.get(record.source)
    if source is None:
        source = system.sources[record.source] = Source(record.sequence, record.created_at, record.time)
    else:
        is_restart = record.sequence <= source.last_sequence
        highest = record.created_at if is_restart else max(source.created_at_max, record.created_at)
        source.created_at_max, source.last_sequence, source.last_time = highest, record.sequence, record.time
        source.accounted = source.last_accounted = 0
    if record.sequence == FIRST:
        source.first_created_at = record.created_at
    return source


def account_for(system: System, source_name: str, sequence: int) -> None:
    """A frame that was rejected for its own reasons did come: it isn't missing."""
    source = system.sources.get(source_name)
    if source is None or sequence <= source.last_sequence:
        return
    if source.accounted and sequence <= source.last_accounted:
        return
    source.accounted += 1
    source.last_accounted = sequence
