"""Page 2's operation of a control unit and how a blast opens and ends by it, read plainly."""

from tests.oracle.reference_blast import Blast, copied
from tests.oracle.reference_state import State
from tests.oracle.reference_tables import OPERATIONS


def judge_operation(state: State, path: str) -> None:
    unit = state.units[path]
    before, firing_bit = unit.get("operation"), bool(unit["firing"])
    assert before is None or isinstance(before, str)
    after = _next(state, path, before)
    if after is not None:
        unit["operation"] = after
        state.seen_firing.discard(path)
        state.event("operation_changed", path, {"operation": before}, {"operation": after})
    if firing_bit and unit["operation"] == "firing":
        state.seen_firing.add(path)
    if after == "firing":
        _press(state, path)
    elif after in {"firing_complete", "firing_aborted"}:
        _end_firing(state, path, after)
    if not firing_bit and state.open_blast is not None:
        state.open_blast.was_not_firing.add(path)


def _next(state: State, path: str, before: str | None) -> str | None:
    """The operation that it becomes; None where it stays."""
    unit = state.units[path]
    buttons = unit["key_switch"], unit["fire_button"]
    if buttons == (True, True) and not unit["firing"]:
        if before == "firing" and path in state.seen_firing:
            return "firing_complete"
        if before in {"firing_complete", "firing_aborted"} and state.held.get(path):
            return None
    return OPERATIONS.get((before, *buttons))  # type: ignore[arg-type]


def _press(state: State, path: str) -> None:
    here = [blast for blast in state.blasts if blast.initiated == state.at]
    if here:
        state.event("fire_button_repeated", path, details={"blast": here[0].id})
        return
    blast = state.open_blast
    if blast is not None and not _superseded(state, blast, path):
        state.event("fire_button_repeated", path, details={"blast": blast.id})
        return
    if blast is not None:
        state.close_blast(blast, "superseded")
    state.remembered.clear()
    assert state.mode is not None
    assert state.clock is not None
    opened = Blast(state.name, state.mode, path, state.at, copied(state.units), state.open_warnings())
    opened.timers_from = state.clock
    opened.source_was_ahead = any(source.ahead for source in state.sources.values())
    state.blasts.append(opened)
    state.event("blast_opened", path, details={"blast": opened.id})


def _superseded(state: State, blast: Blast, path: str) -> bool:
    assert state.clock is not None
    a_new_firing = bool(state.units[path]["firing"]) and path in blast.was_not_firing
    return blast.aborted is not None or blast.firing_over <= state.clock or a_new_firing


def _end_firing(state: State, path: str, operation: str) -> None:
    blast = state.open_blast
    if blast is None or blast.control_unit != path:
        return
    if operation == "firing_complete" and blast.completed is None:
        blast.completed = state.at
        state.event("blast_firing_complete", path, details={"blast": blast.id})
    if operation == "firing_aborted" and blast.aborted is None:
        blast.aborted = state.at
        state.event("blast_firing_aborted", path, details={"blast": blast.id})
    blast.end_firing(state.at)


def close_blast_by_data(state: State) -> None:
    blast = state.open_blast
    if blast is None or not blast.watch_list_became_empty():
        return
    if state.units[blast.control_unit]["operation"] != "firing":
        state.close_blast(blast, "data_completed")
