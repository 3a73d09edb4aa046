"""Page 2's steps of a frame, read plainly: who speaks, what is stale, who is told of, warnings, counts."""

from typing import Any

from tests.oracle.reference_blast import children_of, path_key
from tests.oracle.reference_frame import Fields, Frame
from tests.oracle.reference_operation import close_blast_by_data, judge_operation
from tests.oracle.reference_state import State
from tests.oracle.reference_tables import WARNING_FIELDS


def apply_frame(state: State, frame: Frame, source: str) -> None:
    speaker, first_event = frame.speaker, len(state.changes)
    key_switch_before = state.units.get(speaker, {}).get("key_switch")
    # A unit that was only listed so far, or never seen, has no mover: its first frame is in order.
    in_order = state.movers.get(speaker, source) == source
    heard = _speaker(state, frame, source, in_order=in_order)
    told = [(path, fields) for path, fields in frame.chunks if _chunk(state, speaker, path, fields, in_order=in_order)]
    if frame.clears and heard:
        _clear(state, speaker)
    if speaker[0] == "3" and key_switch_before is True and state.units[speaker]["key_switch"] is False:
        _lose_detonators(state, speaker, {path for path, _ in frame.chunks})
    _warn(state, state.changes[first_event:])
    _answers_after_the_blast(state, told)
    state.recount()
    _take_evidence(state, speaker, told)
    if frame.command == 8 and heard:
        judge_operation(state, speaker)
    close_blast_by_data(state)


def _speaker(state: State, frame: Frame, source: str, *, in_order: bool) -> bool:
    """The speaker's own data; whether they were not stale."""
    speaker = frame.speaker
    if speaker in state.units and not in_order and state.at < state.as_of(speaker):
        state.event("stale_frame", speaker, details={"as_of": state.as_of(speaker)})
        return False
    assert state.clock is not None
    state.spoken[speaker] = state.clock
    state.movers[speaker] = source
    if frame.command == 8 and speaker in state.units:
        # Kept for the operation: the button in the control unit's frame before this one.
        state.held[speaker] = bool(state.units[speaker].get("fire_button"))
    _tell(state, speaker, frame.own | {"communication_status": True}, communicates=True)
    return True


def _chunk(state: State, speaker: str, path: str, fields: Fields, *, in_order: bool) -> bool:
    """A chunk of the payload; whether it was not stale."""
    if not in_order:
        if path in state.units and state.at < state.as_of(path):
            return False
        if speaker in state.cleared and state.at < state.cleared[speaker]:
            return False
    if "detonator_status" in fields:
        fields = fields | {"communication_status": fields["detonator_status"]}
    _tell(state, path, fields, communicates=False)
    _identify(state, path)
    return True


def _tell(state: State, path: str, fields: Fields, *, communicates: bool) -> None:
    if path not in state.units:
        state.add(path, fields, communicates)
        return
    state.units[path]["as_of"] = max(state.as_of(path), state.at)
    state.change(path, fields)


def _identify(state: State, path: str) -> None:
    """Is it another one now than at the start of the blast that is open, or of the last closed one?"""
    unit = state.units[path]
    if state.open_blast is not None:
        state.open_blast.identify(path, unit)
    memory = state.remembered.get(path)
    identity = unit.get("uid" if unit["type"] == 4 else "serial")
    if memory is not None and memory.identity is not None and identity != memory.identity:
        del state.remembered[path]


def _clear(state: State, booster: str) -> None:
    detonators = children_of(state.units, booster)
    for path in detonators:
        state.forget(path)
    state.cleared[booster] = max(state.cleared.get(booster, 0), state.at)
    if state.open_blast is not None:
        state.open_blast.clear(booster)
    if detonators:
        state.event("detonators_cleared", booster, details={"count": len(detonators)})


def _lose_detonators(state: State, booster: str, named: set[str]) -> None:
    for path in children_of(state.units, booster):
        if path not in named and state.units[path].get("detonator_status"):
            state.change(path, {"detonator_status": False, "communication_status": False})


def _warn(state: State, changes: list[dict[str, Any]]) -> None:
    for change in changes:
        for name, bad in WARNING_FIELDS.items():
            if name not in change["after"]:
                continue
            key = change["unit"], name
            if change["after"][name] == bad and key not in state.warnings:
                raised = {"unit": key[0], "field": name, "raised": state.at}
                state.warnings[key] = raised | {"acknowledged": None, "actor": None, "note": None}
                state.event("warning_raised", key[0], details={"field": name})
            elif change["after"][name] != bad and key in state.warnings:
                del state.warnings[key]
                state.event("warning_cleared", key[0], details={"field": name})


def _answers_after_the_blast(state: State, told: list[tuple[str, Fields]]) -> None:
    answering = {path for path, fields in told if fields.get("detonator_status")}
    for path in sorted(answering & state.remembered.keys(), key=path_key):
        memory = state.remembered.pop(path)
        state.event("answers_after_blast", path, details={"blast": memory.blast, "outcome": memory.outcome})


def _take_evidence(state: State, booster: str, told: list[tuple[str, Fields]]) -> None:
    if state.open_blast is None:
        return
    key_switch = bool(state.units[booster].get("key_switch"))
    for path, fields in told:
        if "detonator_status" in fields:
            state.open_blast.hear(path, fields, state.at, key_switch)
