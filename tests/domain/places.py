"""Units that a checkpoint names, as paths."""

from stateserver.domain.checkpoint import paths_of
from stateserver.domain.system import Places


def unit_paths(places: Places) -> set[str]:
    """The paths of units, be they still there or not."""
    return {path for speaker, windows in places.items() for path in paths_of(speaker, windows)}
