"""Operators' commands: read, and carried out or refused (spec pages 2 and 4)."""

import json
from typing import Any, Final, NamedTuple, NoReturn

from stateserver.domain.applying import Applying
from stateserver.domain.change import COMMAND_REFUSED, UNIT_LABELLED, WARNING_ACKNOWLEDGED, Fields
from stateserver.domain.system import ITSELF
from stateserver.protocol.reasons import Reason, Rejected

ACKNOWLEDGE_WARNING: Final = "acknowledge_warning"
LABEL_UNIT: Final = "label_unit"
LABEL_CODE_POINTS_MAX: Final = 80

_NEEDED: Final = {
    ACKNOWLEDGE_WARNING: ("unit", "field", "actor"),
    LABEL_UNIT: ("unit", "label", "actor"),
}
_MEMBERS: Final = ("action", "unit", "field", "label", "actor", "note", "id")


class OperatorCommand(NamedTuple):
    """A command that can be read. What it doesn't need may be None."""

    action: str
    unit: str
    actor: str
    field: str | None
    label: str | None
    note: str | None


def read_command(text: bytes) -> OperatorCommand:
    """The command in its JSON. Raises Rejected (`bad_command`)."""
    members = _read_object(text)
    action = members.get("action")
    if not isinstance(action, str) or action not in _NEEDED:
        raise Rejected(Reason.BAD_COMMAND, "no such action")
    for name in _NEEDED[action]:
        if not isinstance(members.get(name), str):
            raise Rejected(Reason.BAD_COMMAND, f"{name} is not a string")
    for name in _MEMBERS:
        _check_text(name, members.get(name))
    return OperatorCommand(
        action,
        members["unit"],
        members["actor"],
        members.get("field"),
        members.get("label"),
        members.get("note"),
    )


def _read_object(text: bytes) -> dict[str, Any]:
    try:
        command = json.loads(text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Rejected(Reason.BAD_COMMAND, "not JSON in UTF-8") from None
    if not isinstance(command, dict):
        raise Rejected(Reason.BAD_COMMAND, "not a JSON object")
    return command


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_text(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str) or not is_unicode(value):
        raise Rejected(Reason.BAD_COMMAND, f"{name} is not a string")
    if name == "label" and len(value) > LABEL_CODE_POINTS_MAX:
        raise Rejected(Reason.BAD_COMMAND, f"label longer than {LABEL_CODE_POINTS_MAX}")


def is_unicode(text: str) -> bool:
    """Whether `text` can be written in UTF-8: a lone surrogate can't."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def carry_out(step: Applying, command: OperatorCommand) -> None:
    """Carry out a command, or refuse it with an event that says why."""
    found = step.system.find(command.unit)
    if found is None:
        _refuse(step, command, "unknown_unit")
    elif command.action == LABEL_UNIT:
        _label(step, command)
    else:
        _acknowledge(step, command)


def _refuse(step: Applying, command: OperatorCommand, why: str) -> None:
    details: Fields = {"action": command.action, "why": why, "actor": command.actor}
    if command.field is not None:
        details["field"] = command.field
    step.emit(COMMAND_REFUSED, command.unit, details=details)


def _acknowledge(step: Applying, command: OperatorCommand) -> None:
    assert command.field is not None, "an acknowledgement names a field"
    warning = step.system.warnings.get((command.unit, command.field))
    if warning is None:
        _refuse(step, command, "no_open_warning")
        return
    if warning.acknowledged is not None:
        return
    warning.acknowledged, warning.actor, warning.note = step.at, command.actor, command.note
    details: Fields = {"field": command.field, "actor": command.actor}
    if command.note is not None:
        details["note"] = command.note
    step.emit(WARNING_ACKNOWLEDGED, command.unit, details=details)


def _label(step: Applying, command: OperatorCommand) -> None:
    found = step.system.find(command.unit)
    assert found is not None, "a refused command gets no label"
    unit, window = found
    label = command.label or None
    if window is None or unit.bank is None:
        before, unit.label = unit.label, label
    else:
        before = unit.bank.labels.pop(window, None)
        if label is not None:
            unit.bank.labels[window] = label
    if before == label:
        return
    version = step.emit(UNIT_LABELLED, command.unit, {"label": before}, {"label": label}, {"actor": command.actor})
    if window is None or unit.bank is None:
        unit.version = version
    else:
        unit.bank.versions[window] = version
        unit.bank.is_relisted = True
    step.system.dirty.add(unit.path)
    step.system.touched[unit.path].add(ITSELF if window is None else window)
