"""Units that a checkpoint names, as paths."""

from stateserver.domain.system import ITSELF, Places
from stateserver.protocol.commands import UnitType


def unit_paths(places: Places) -> set[str]:
    """The paths of units, be they still there or not."""
    return {_path(speaker, window) for speaker, windows in places.items() for window in windows}


def _path(speaker: str, window: int) -> str:
    if window == ITSELF:
        return speaker
    is_section = speaker.startswith(f"{UnitType.SECTION_CONTROLLER.value}/")
    child = UnitType.BOOSTER_TYPE_1 if is_section else UnitType.DETONATOR
    return f"{speaker}/{child.value}/{window}"
