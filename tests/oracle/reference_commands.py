"""Page 2's commands, read plainly."""

from typing import Any

from tests.oracle.reference_blast import children_of
from tests.oracle.reference_frame import Fields, Value
from tests.oracle.reference_lines import Record
from tests.oracle.reference_state import State
from tests.oracle.reference_tables import COMMAND_MAY_LIE, KNOWN_IDS


def apply_command(state: State, record: Record) -> None:
    command = record.command
    if record.appended_at is not None and record.appended_at - record.created_at > COMMAND_MAY_LIE:
        _refuse(state, command, "too_old")
        return
    if command.get("id") is not None:
        if command["id"] in state.command_ids:
            return
        state.command_ids = [*state.command_ids, command["id"]][-KNOWN_IDS:]
    why = _why_not(state, command)
    if why is not None:
        _refuse(state, command, why)
    elif command["action"] == "label_unit":
        _label(state, command)
    elif command["action"] == "retire_unit":
        _retire(state, command)
    else:
        _acknowledge(state, command)


def _why_not(state: State, command: dict[str, Any]) -> str | None:
    """The first that holds of what forbids a command."""
    action, path = command["action"], command["unit"]
    if path not in state.units:
        return "unknown_unit"
    if action == "acknowledge_warning" and (path, command["field"]) not in state.warnings:
        return "no_open_warning"
    if action == "retire_unit" and state.units[path]["type"] in {0, 4}:
        return "not_retirable"
    if action == "retire_unit" and state.open_blast is not None:
        return "blast_open"
    return None


def _refuse(state: State, command: dict[str, Any], why: str) -> None:
    field: Value = command.get("field")
    details = {"action": command["action"], "why": why, "actor": command["actor"]}
    state.event("command_refused", command["unit"], details=details | ({} if field is None else {"field": field}))


def _label(state: State, command: dict[str, Any]) -> None:
    path, label = command["unit"], command["label"] or None
    before = state.units[path].pop("label", None)
    if label is not None:
        state.units[path]["label"] = label
    if label != before:
        state.event("unit_labelled", path, {"label": before}, {"label": label}, {"actor": command["actor"]})


def _acknowledge(state: State, command: dict[str, Any]) -> None:
    warning = state.warnings[command["unit"], command["field"]]
    if warning["acknowledged"] is not None:
        return
    warning |= {"acknowledged": state.at, "actor": command["actor"], "note": command.get("note")}
    details = {"field": warning["field"]} | _who(command)
    state.event("warning_acknowledged", warning["unit"], details=details)


def _retire(state: State, command: dict[str, Any]) -> None:
    path = command["unit"]
    below = children_of(state.units, path)
    for gone in [*below, path]:
        state.forget(gone)
    state.event("unit_retired", path, details=_who(command) | {"count": len(below)})


def _who(command: dict[str, Any]) -> Fields:
    note = command.get("note")
    return {"actor": command["actor"]} | ({} if note is None else {"note": note})
