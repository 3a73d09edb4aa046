"""What becomes due as a system's time passes (spec page 2, Deadlines)."""

from typing import Final, NamedTuple

from stateserver.domain import reporting
from stateserver.domain.applying import Applying
from stateserver.domain.blast import OFF_LINE_AFTER_MS, TIMER_COMPLETED
from stateserver.domain.change import UNIT_CHANGED
from stateserver.domain.counts import settle_counts
from stateserver.domain.system import FAR_FUTURE, System
from stateserver.domain.unit import Unit

COMMUNICATION_LOST_AFTER_MS: Final = 600_000

# At one instant, in this order.
_COMMUNICATION_LOST: Final = 0
_OFF_LINE: Final = 1
_REPORT_TIME: Final = 2


class Deadline(NamedTuple):
    """Something due at `time` (ms since 1970). Sorted as deadlines are applied."""

    time: int
    what: int
    order: tuple[int, int] = (0, 0)
    unit: str = ""


def next_deadline(system: System) -> int | None:
    """The time of the earliest pending deadline in ms since 1970, None where nothing is pending."""
    deadline = _earliest(system)
    return None if deadline is None else deadline.time


def bring_deadline_forward(system: System, time: int) -> None:
    """Something will be due at `time`."""
    system.deadline_floor = min(system.deadline_floor, time)


def apply_deadlines(step: Applying) -> None:
    """Apply all that is due at or before the system's clock, earliest first, each at its own time."""
    system = step.system
    if system.clock is None or system.clock < system.deadline_floor:
        return
    record_time = step.at
    while (deadline := _earliest(system)) is not None and deadline.time <= system.clock:
        step.at, step.deadline = deadline.time, True
        _apply(step, deadline)
        settle_counts(step)
    step.at, step.deadline = record_time, False
    system.deadline_floor = FAR_FUTURE if deadline is None else deadline.time


def _earliest(system: System) -> Deadline | None:
    pending = [
        Deadline(unit.last_spoken + COMMUNICATION_LOST_AFTER_MS, _COMMUNICATION_LOST, unit.order, unit.path)
        for unit in system.speakers.values()
        if unit.communicating
    ]
    blast = system.blast
    if blast is not None:
        if not blast.off_line:
            pending.append(Deadline(blast.timers_from + OFF_LINE_AFTER_MS, _OFF_LINE))
        pending.append(Deadline(blast.report_time_over, _REPORT_TIME))
    return min(pending, default=None)


def _apply(step: Applying, deadline: Deadline) -> None:
    system, blast = step.system, step.system.blast
    if deadline.what == _COMMUNICATION_LOST:
        _lose_communication(step, system.speakers[deadline.unit])
    elif blast is not None and deadline.what == _OFF_LINE:
        blast.off_line = True
        for unit in system.boosters(blast.mode):
            if unit.communicating:
                _lose_communication(step, unit)
    else:
        reporting.close(step, TIMER_COMPLETED)


def _lose_communication(step: Applying, unit: Unit) -> None:
    unit.communicating = False
    step.control_changed = True
    step.emit_unit(UNIT_CHANGED, unit, {"communication_status": True}, {"communication_status": False})
