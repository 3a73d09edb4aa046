"""Applying a record: the one function that moves a system, a pure fold step (spec page 2)."""

from stateserver.domain.applying import Applied, Applying
from stateserver.domain.change import MODE_CHANGED, SEQUENCE_GAP, SEQUENCE_RESTARTED
from stateserver.domain.clocks import advance_clock, is_set_back, judge_ahead, set_clock_back
from stateserver.domain.commands import apply_command, read_command
from stateserver.domain.counts import settle_counts
from stateserver.domain.deadlines import apply_deadlines
from stateserver.domain.firing import close_if_all_told, judge_operation
from stateserver.domain.frames import apply_frame
from stateserver.domain.numbering import Numbering, account_for, is_duplicate, judge_number, note_applied
from stateserver.domain.quick import apply_quickly
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord, UnreadableFrame
from stateserver.domain.system import System
from stateserver.protocol.commands import CONTROL_UNIT_STATUS
from stateserver.protocol.frame import Frame, parse
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Reason, Rejected


def apply(system: System, record: Record) -> Applied:
    """Apply `record` to `system` in place and return what it caused.

    Raises Rejected for a frame or command that can't be read. Then nothing has changed but the frame counts of
    an open blast, the system's counters, and that the frame did come.
    """
    if isinstance(record, FrameRecord):
        return _apply_frame_record(system, record)
    if isinstance(record, TickRecord):
        return _apply_tick(system, record)
    if isinstance(record, CommandRecord):
        return _apply_command(system, record)
    return _refuse_unreadable(system, record)


def _refuse_unreadable(system: System, record: UnreadableFrame) -> Applied:
    account_for(system, record.source, record.sequence)
    raise Rejected(Reason.BAD_HEX, record.detail)


def _apply_frame_record(system: System, record: FrameRecord) -> Applied:
    try:
        frame = parse(record.frame, record.mode)
    except Rejected:
        account_for(system, record.source, record.sequence)
        count_frame(system, "rejected")
        raise
    created_at, appended_at = record.created_at, record.appended_at
    # As record.time says, without the call: this is asked of every frame.
    time = created_at if appended_at is None or created_at <= appended_at else appended_at
    changes = apply_quickly(system, record, time, frame)
    if changes is not None:
        return tuple.__new__(Applied, (changes, []))
    step = Applying(system, time, record.source, record.sequence)
    source = system.sources.get(record.source)
    if is_duplicate(source, record):
        count_frame(system, "duplicate")
        return step.result()
    numbering = judge_number(source, record)
    count_frame(system, "received", numbering.missing)
    set_back_by = source.last_time - time if source is not None and is_set_back(source, time) else 0
    if not set_back_by:
        advance_clock(system, time)
        apply_deadlines(step)
    _note_source(step, record, set_back_by)
    _tell_numbering(step, numbering)
    _set_mode(step, record.mode)
    _apply_steps(step, frame)
    apply_deadlines(step)
    return step.result()


def _note_source(step: Applying, record: FrameRecord, set_back_by: int) -> None:
    source = note_applied(step.system, record)
    if set_back_by:
        source.created_at_max = record.created_at
        set_clock_back(step, set_back_by)
    judge_ahead(step, source, record)


def _tell_numbering(step: Applying, numbering: Numbering) -> None:
    details = {"expected": numbering.expected, "got": numbering.got}
    if numbering.missing:
        step.emit(SEQUENCE_GAP, None, details={**details, "missing": numbering.missing})
    elif numbering.is_restart:
        step.emit(SEQUENCE_RESTARTED, None, details={**details})


def _apply_steps(step: Applying, frame: Frame) -> None:
    spoken = apply_frame(step, frame)
    settle_counts(step)
    if frame.command.number == CONTROL_UNIT_STATUS and not spoken.stale:
        judge_operation(step, spoken.unit, was_pressed=spoken.was_pressed)
    close_if_all_told(step)


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


def _set_mode(step: Applying, mode: Mode) -> None:
    system = step.system
    if system.mode is mode:
        return
    before, system.mode = system.mode, mode
    if before is not None:
        for unit in system.speakers.values():
            unit.heads.clear()  # the same bytes may say something else
        step.emit(MODE_CHANGED, None, {"mode": before.value}, {"mode": mode.value})
        step.control_changed = True


def _apply_tick(system: System, record: TickRecord) -> Applied:
    time = record.time
    step = Applying(system, time, None, None)
    if system.clock is not None and time <= system.clock:
        return step.result()
    system.counters["ticks"] += 1
    advance_clock(system, time)
    apply_deadlines(step)
    _set_mode(step, record.mode)
    settle_counts(step)
    apply_deadlines(step)
    return step.result()


def _apply_command(system: System, record: CommandRecord) -> Applied:
    command = read_command(record.command)
    step = Applying(system, record.time, None, None)
    system.counters["commands"] += 1
    apply_command(step, record, command)
    settle_counts(step)
    return step.result()
