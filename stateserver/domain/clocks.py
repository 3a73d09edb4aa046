"""The clocks of Packet Servers: set back, or ahead of the journal they write to (spec page 2, Applying a record)."""

from typing import Final

from stateserver.domain.applying import Applying
from stateserver.domain.change import CLOCK_AHEAD, CLOCK_SET_BACK
from stateserver.domain.records import FrameRecord
from stateserver.domain.system import Source, System
from stateserver.domain.unit import Unit

TOLERANCE_MS: Final = 5_000
"""What a source's clock may be off before somebody is told."""


def advance_clock(system: System, time: int) -> None:
    """A frame or tick of that time came."""
    if system.time is None or time > system.time:
        system.time = time
    if system.clock is None or time > system.clock:
        system.clock = time


def is_set_back(source: Source | None, time: int) -> bool:
    """Whether the source's clock was set back before it created a frame of that time: its numbers tell the order."""
    return source is not None and time < source.last_time - TOLERANCE_MS


def ahead_by(record: FrameRecord) -> int:
    """By how many ms the clock of a frame's source is ahead, 0 where it is right or nobody can tell."""
    appended_at = record.appended_at
    if appended_at is None or record.created_at <= appended_at + TOLERANCE_MS:
        return 0
    return record.created_at - appended_at


def set_clock_back(step: Applying, by: int) -> None:
    """The clock of the step's source, whose last time is known already, was set back by so many ms.

    The system's clock becomes the highest of its sources' last times. What is reckoned with and lies after it becomes
    it, so that no blast is missed and no data are stale; what was told stays.
    """
    system = step.system
    clock = max(source.last_time for source in system.sources.values())
    system.clock = clock
    for unit in system.speakers.values():
        _set_back(system, unit, clock)
    if system.blast is not None:
        system.blast.set_clock_back(clock)
    system.deadline_floor = 0  # the earliest is to be looked for again
    step.emit(CLOCK_SET_BACK, None, details={"by": by})


def _set_back(system: System, unit: Unit, clock: int) -> None:
    if unit.as_of > clock:
        unit.as_of = clock
        system.moved.add(unit.path)
    if unit.bank is not None and unit.bank.set_clock_back(clock):
        system.moved.add(unit.path)
    if unit.last_spoken > clock or unit.last_clear > clock:
        unit.last_spoken, unit.last_clear = min(unit.last_spoken, clock), min(unit.last_clear, clock)
        system.dirty.add(unit.path)


def judge_ahead(step: Applying, source: Source, record: FrameRecord) -> None:
    """Tell of a source whose clock is ahead, once until a frame of it isn't."""
    by = ahead_by(record)
    if by and not source.is_ahead:
        step.emit(CLOCK_AHEAD, None, details={"by": by})
    source.is_ahead = by > 0
