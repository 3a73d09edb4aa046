"""Operators' commands: read, and carried out or refused (spec pages 2 and 4)."""

import json
from typing import Any, Final, NamedTuple, NoReturn

from stateserver.domain.applying import Applying
from stateserver.domain.bank import DETONATORS
from stateserver.domain.change import COMMAND_REFUSED, UNIT_LABELLED, UNIT_RETIRED, WARNING_ACKNOWLEDGED, Fields
from stateserver.domain.memory import forget_retired
from stateserver.domain.paths import is_at_or_below
from stateserver.domain.records import CommandRecord
from stateserver.domain.system import ITSELF, System
from stateserver.domain.unit import Unit
from stateserver.protocol.commands import UnitType
from stateserver.protocol.reasons import Reason, Rejected

ACKNOWLEDGE_WARNING: Final = "acknowledge_warning"
LABEL_UNIT: Final = "label_unit"
RETIRE_UNIT: Final = "retire_unit"
AGE_MS_MAX: Final = 60_000
"""An older one was recorded by somebody, or lay about: it does nothing."""
LABEL_CODE_POINTS_MAX: Final = 80

_NEEDED: Final = {
    ACKNOWLEDGE_WARNING: ("unit", "field", "actor"),
    LABEL_UNIT: ("unit", "label", "actor"),
    RETIRE_UNIT: ("unit", "actor"),
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
    id: str | None


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
        members.get("id"),
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


def apply_command(step: Applying, record: CommandRecord, command: OperatorCommand) -> None:
    """Carry out a command, or refuse it with an event that says why. One that came before changes nothing."""
    if record.appended_at is not None and record.created_at < record.appended_at - AGE_MS_MAX:
        _refuse(step, command, "too_old")
    elif command.id is None or step.system.note_command(command.id):
        _carry_out(step, command)


def _carry_out(step: Applying, command: OperatorCommand) -> None:
    found = step.system.find(command.unit)
    if found is None:
        _refuse(step, command, "unknown_unit")
    elif command.action == LABEL_UNIT:
        _label(step, command)
    elif command.action == RETIRE_UNIT:
        _retire(step, command)
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


def _retire(step: Applying, command: OperatorCommand) -> None:
    system = step.system
    found = system.find(command.unit)
    assert found is not None, "a refused command retires nobody"
    unit, window = found
    if unit.type is UnitType.CONTROL_UNIT or (window is not None and unit.windows_bank.kind is DETONATORS):
        _refuse(step, command, "not_retirable")
        return
    if system.blast is not None:
        _refuse(step, command, "blast_open")
        return
    count = 0 if window is not None or unit.bank is None else len(unit.bank)
    _forget_unit(system, unit, window)
    forget_retired(system, command.unit)
    for key in [key for key in system.warnings if is_at_or_below(key[0], command.unit)]:
        del system.warnings[key]
    details: Fields = {"count": count, "actor": command.actor}
    if command.note is not None:
        details["note"] = command.note
    step.emit(UNIT_RETIRED, command.unit, details=details)
    step.control_changed = True
    if window is not None:
        step.parents_changed.add(unit.path)


def _forget_unit(system: System, unit: Unit, window: int | None) -> None:
    """Take a speaking unit with all in its windows, or what is in one of them, out of the system."""
    system.dirty.add(unit.path)
    if window is not None:
        system.touched[unit.path].add(window)
        unit.windows_bank.remove(window)
        return
    gone = [] if unit.bank is None else unit.bank.windows()
    system.touched[unit.path].update((ITSELF, *gone))
    del system.speakers[unit.path]
    system.moved.discard(unit.path)
    system.unpublished.pop(unit.path, None)
