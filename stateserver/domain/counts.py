"""Counts of a parent's children: counted afresh, never up and down (spec page 2, What a unit holds)."""

from typing import Final

from stateserver.domain.applying import Applying
from stateserver.domain.change import UNIT_CHANGED
from stateserver.domain.system import System
from stateserver.domain.unit import Unit
from stateserver.protocol.commands import UnitType
from stateserver.protocol.modes import Mode

COUNTED: Final = {
    UnitType.DETONATOR: {
        "children_logged": "logged",
        "children_tagged": "tagged",
        "children_programmed": "program",
        "children_answering": "detonator_status",
    },
    UnitType.BOOSTER_TYPE_1: {"children_answering": "detonator_status"},
}
"""The counts of the units in a parent's windows, by the bit that is counted."""


def count_children(system: System, unit: Unit) -> dict[str, int]:
    """A fresh count of what hangs on `unit`; empty where it is no parent."""
    if unit.type is UnitType.CONTROL_UNIT:
        return _count_of_control_unit(system) if unit is system.control else {}
    bank = unit.bank
    if bank is None:
        return {}
    words = bank.number()
    counts = {"children": len(bank)}
    for name, flag in COUNTED[bank.kind.type].items():
        counts[name] = bank.kind.count(words, flag)
    return counts


def _count_of_control_unit(system: System) -> dict[str, int]:
    child_type = UnitType.SECTION_CONTROLLER if system.mode is Mode.IBS else UnitType.BOOSTER_TYPE_2
    children = [unit for unit in system.speakers.values() if unit.type is child_type]
    return {
        "children": len(children),
        "children_communicating": sum(unit.communicating for unit in children),
        "children_armed": sum(unit.is_armed for unit in children),
    }


def settle_counts(step: Applying) -> None:
    """Tell of the counts that differ now: a parent at a time in path order, the control unit last."""
    system = step.system
    parents = sorted((system.speakers[path] for path in step.parents_changed), key=lambda unit: unit.order)
    for unit in parents:
        _settle(step, unit)
    if step.control_changed and system.control is not None:
        _settle(step, system.control)
    step.parents_changed.clear()
    step.control_changed = False


def _settle(step: Applying, unit: Unit) -> None:
    fresh = count_children(step.system, unit)
    changed = [name for name, count in fresh.items() if unit.counts[name] != count]
    if not changed:
        return
    before, unit.counts = unit.counts, fresh
    step.emit_unit(
        UNIT_CHANGED, unit, {name: before[name] for name in changed}, {name: fresh[name] for name in changed}
    )
