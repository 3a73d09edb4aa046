"""What a control unit's operation does to blasts: opened, repeated, superseded, ended, closed (spec page 2)."""

from stateserver.domain import operation
from stateserver.domain.applying import Applying
from stateserver.domain.blast import DATA_COMPLETED, OFF_LINE_AFTER_MS, SUPERSEDED, Blast, blast_id
from stateserver.domain.change import (
    BLAST_FIRING_ABORTED,
    BLAST_FIRING_COMPLETE,
    FIRE_BUTTON_REPEATED,
    OPERATION_CHANGED,
)
from stateserver.domain.deadlines import bring_deadline_forward
from stateserver.domain.operation import next_operation
from stateserver.domain.reporting import close, open_blast, tell_stage
from stateserver.domain.unit import Unit, signs_of


def judge_operation(step: Applying, control: Unit, *, was_pressed: bool) -> None:
    """The operation after a frame 8 that isn't stale, then what it means to blasts.

    `was_pressed`: the fire button was down in the control unit's frame before.
    """
    before, signs = control.operation, signs_of(control, was_pressed=was_pressed)
    after = next_operation(before, signs)
    control.fires = signs.fires or (control.fires and before == after)
    if after != before:
        control.operation = after
        step.emit_unit(OPERATION_CHANGED, control, {"operation": before}, {"operation": after})
        if after == operation.FIRING:
            _fire(step, control, fires=signs.fires)
        elif after in (operation.FIRING_COMPLETE, operation.FIRING_ABORTED):
            _end_firing(step, control, after)
    if step.system.blast is not None and not signs.fires:
        step.system.blast.idle.add(control.path)


def close_if_all_told(step: Applying) -> None:
    """Close the blast whose watch list became empty, unless its control unit is firing."""
    blast = step.system.blast
    if blast is None or not blast.watch_list_became_empty:
        return
    if step.system.speakers[blast.control_unit].operation != operation.FIRING:
        close(step, DATA_COMPLETED)


def _fire(step: Applying, control: Unit, *, fires: bool) -> None:
    system = step.system
    blast = system.blast
    if step.at in system.initiated:
        _repeat(step, control, blast_id(system.name, step.at))
        return
    if blast is not None:
        if not _is_over(step, blast, is_new_firing=fires and control.path in blast.idle):
            _repeat(step, control, blast.id)
            return
        close(step, SUPERSEDED)
    open_blast(step, control)
    bring_deadline_forward(system, step.at + OFF_LINE_AFTER_MS)


def _is_over(step: Applying, blast: Blast, *, is_new_firing: bool) -> bool:
    """Whether a press begins another blast, whatever became of this one."""
    assert step.system.clock is not None, "a frame has moved it"
    return blast.aborted is not None or is_new_firing or blast.firing_time_over <= max(step.at, step.system.clock)


def _repeat(step: Applying, control: Unit, blast: str) -> None:
    step.emit(FIRE_BUTTON_REPEATED, control.path, details={"blast": blast})


def _end_firing(step: Applying, control: Unit, how: str) -> None:
    blast = step.system.blast
    if blast is None or blast.control_unit != control.path:
        return
    blast.end_firing(step.at)
    if how == operation.FIRING_COMPLETE and blast.firing_complete is None:
        blast.firing_complete = step.at
        tell_stage(step, BLAST_FIRING_COMPLETE, "firing_complete")
    elif how == operation.FIRING_ABORTED and blast.aborted is None:
        blast.aborted = step.at
        tell_stage(step, BLAST_FIRING_ABORTED, "firing_aborted")
