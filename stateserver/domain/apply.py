"""Applying a record: the one function that moves a system, a pure fold step (spec page 2)."""

from stateserver.domain.applying import Applied, Applying
from stateserver.domain.change import MODE_CHANGED, SEQUENCE_GAP, SEQUENCE_RESTARTED
from stateserver.domain.commands import carry_out, read_command
from stateserver.domain.counts import settle_counts
from stateserver.domain.deadlines import apply_deadlines
from stateserver.domain.firing import close_if_all_told, judge_operation
from stateserver.domain.frames import apply_frame
from stateserver.domain.quick import apply_quickly
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.domain.system import Source, System
from stateserver.protocol.commands import CONTROL_UNIT_STATUS
from stateserver.protocol.frame import Frame, parse
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected


def apply(system: System, record: Record) -> Applied:
    """Apply `record` to `system` in place and return what it caused.

    Raises Rejected for a frame or command that can't be read. Then nothing has changed but the frame counts of
    an open blast and the system's counters.
    """
    if isinstance(record, FrameRecord):
        return _apply_frame_record(system, record)
    if isinstance(record, TickRecord):
        return _apply_tick(system, record)
    return _apply_command(system, record)


def _apply_frame_record(system: System, record: FrameRecord) -> Applied:
    try:
        frame = parse(record.frame, record.mode)
    except Rejected:
        count_frame(system, "rejected")
        raise
    changes = apply_quickly(system, record, frame)
    if changes is not None:
        return Applied(changes, [])
    step = Applying(system, record.created_at, record.source, record.sequence)
    source = system.sources.get(record.source)
    if source is not None and _is_duplicate(source, record):
        count_frame(system, "duplicate")
        return step.result()
    expected = None if source is None else source.last_sequence + 1
    missing = max(0, record.sequence - expected) if expected is not None else 0
    count_frame(system, "received", missing)
    _advance_time(system, record.created_at)
    apply_deadlines(step)
    if expected is not None and record.sequence != expected:
        kind = SEQUENCE_GAP if missing else SEQUENCE_RESTARTED
        step.emit(kind, None, details={"expected": expected, "got": record.sequence})
    _note_sequence(system, record)
    _set_mode(step, record.mode)
    _apply_steps(step, frame)
    apply_deadlines(step)
    return step.result()


def _apply_steps(step: Applying, frame: Frame) -> None:
    spoken = apply_frame(step, frame)
    settle_counts(step)
    if frame.command.number == CONTROL_UNIT_STATUS and not spoken.stale:
        judge_operation(step, spoken.unit)
    close_if_all_told(step)


def _is_duplicate(source: Source, record: FrameRecord) -> bool:
    return record.sequence <= source.last_sequence and record.created_at <= source.created_at_max


def _note_sequence(system: System, record: FrameRecord) -> None:
    source = system.sources.get(record.source)
    if source is None:
        system.sources[record.source] = Source(record.sequence, record.created_at)
    else:
        source.last_sequence = record.sequence
        source.created_at_max = max(source.created_at_max, record.created_at)


def count_frame(system: System, what: str, missing: int = 0) -> None:
    """Count a frame for the system and its open blast: received, and duplicate or rejected where it is that."""
    system.counters["frames"] += 1
    if what != "received":
        system.counters[what] += 1
    if missing:
        system.counters["missing"] += missing
    blast = system.blast
    if blast is not None:
        blast.frames["received"] += 1
        blast.frames["missing"] += missing
        if what != "received":
            blast.frames[what] += 1


def _advance_time(system: System, time: int) -> None:
    if system.time is None or time > system.time:
        system.time = time


def _set_mode(step: Applying, mode: Mode) -> None:
    system = step.system
    if system.mode is mode:
        return
    before, system.mode = system.mode, mode
    if before is not None:
        step.emit(MODE_CHANGED, None, {"mode": before.value}, {"mode": mode.value})
        step.control_changed = True


def _apply_tick(system: System, record: TickRecord) -> Applied:
    step = Applying(system, record.created_at, None, None)
    if system.time is not None and record.created_at <= system.time:
        return step.result()
    system.counters["ticks"] += 1
    _advance_time(system, record.created_at)
    apply_deadlines(step)
    _set_mode(step, record.mode)
    settle_counts(step)
    apply_deadlines(step)
    return step.result()


def _apply_command(system: System, record: CommandRecord) -> Applied:
    command = read_command(record.command)
    step = Applying(system, record.created_at, None, None)
    system.counters["commands"] += 1
    _set_mode(step, record.mode)
    carry_out(step, command)
    settle_counts(step)
    return step.result()
