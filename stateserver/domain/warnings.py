"""Warnings: faults that people must see, open until the field goes back (spec page 2, Warnings)."""

from collections.abc import Mapping
from typing import Final

from stateserver.domain.applying import Applying
from stateserver.domain.change import WARNING_CLEARED, WARNING_RAISED, Value
from stateserver.domain.system import OpenWarning

# In the order in which one frame's warnings are told, with the value that is a fault.
FAULTS: Final[dict[str, bool]] = {
    "cable_fault": True,
    "earth_leakage": True,
    "low_battery": True,
    "too_low_battery": True,
    "shaft_fault": True,
    "mains": False,
}


def judge_warnings(step: Applying, unit: str, changed: Mapping[str, Value]) -> None:
    """Raise and clear the warnings of `unit` (a path) for the fields that a frame `changed`."""
    warnings = step.system.warnings
    for field, fault in FAULTS.items():
        if field not in changed:
            continue
        known = (unit, field) in warnings
        if changed[field] is fault and not known:
            warnings[unit, field] = OpenWarning(unit, field, raised=step.at)
            step.emit(WARNING_RAISED, unit, details={"field": field})
        elif changed[field] is not fault and known:
            del warnings[unit, field]
            step.emit(WARNING_CLEARED, unit, details={"field": field})
