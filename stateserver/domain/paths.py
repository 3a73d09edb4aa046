"""Unit paths: how a unit is named, and the order of names (spec page 2, Identity)."""


def path_key(path: str) -> tuple[int, ...]:
    """What unit paths are sorted by: by number, component by component."""
    return tuple(int(part) for part in path.split("/"))
