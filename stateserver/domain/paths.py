"""Unit paths: how a unit is named, and the order of names (spec page 2, Identity)."""


def path_key(path: str) -> tuple[int, ...]:
    """What unit paths are sorted by: by number, component by component."""
    return tuple(int(part) for part in path.split("/"))


def is_at_or_below(path: str, unit: str) -> bool:
    """Whether `path` is that of `unit`, or of one in its windows."""
    return path == unit or path.startswith(f"{unit}/")
