"""System ids on the command line."""

from stateserver.codec.topics import system_trouble
from stateserver.errors import StateServerError


class BadSystemName(StateServerError):
    """A system id that can't be one."""


def require_system(*systems: str) -> None:
    """Raises BadSystemName for the first that can be none: before anything is read, made or sent."""
    for system in systems:
        trouble = system_trouble(system)
        if trouble is not None:
            shown = system if len(system) <= 60 else f"{system[:60]}…"
            raise BadSystemName(f"{shown!r} is no system id: it is {trouble}", "Give --system a name without a slash.")
