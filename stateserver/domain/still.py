"""A still: a system as it stands, in one value, for whoever wants to know how it stood once.

The blast under way is left out: its own documents tell of it. What is needed to go on from a state is in `checkpoint`.
"""

import struct
from typing import Final

from stateserver.domain.rows import (
    read_memory,
    read_system,
    read_unit,
    write_memory,
    write_system,
    write_unit,
    write_windows,
)
from stateserver.domain.system import System
from stateserver.errors import StateServerError

_SIZES: Final = struct.Struct("<II")
"""Bytes of the system's own row and of its memory of the last blast; then, of each speaking unit, of its row and of the
row of what is in its windows."""


class UnreadableStill(StateServerError):
    """Bytes that are no still, or one of a form that this release doesn't read."""

    def __init__(self, system: str, why: str) -> None:
        super().__init__(f"a still of system {system!r} can't be read: {why}", "An earlier one can be used.")


def take_still(system: System) -> bytes:
    """The system as it stands. It is not changed by it, so this may be done at any time."""
    own, memory = write_system(system, b""), write_memory(system)
    parts = [_SIZES.pack(len(own), len(memory)), own, memory]
    for unit in system.speakers_in_order():
        row = write_unit(unit)
        windows = write_windows(unit.bank) if unit.bank is not None and unit.bank.presence else b""
        parts += (_SIZES.pack(len(row), len(windows)), row, windows)
    return b"".join(parts)


def read_still(name: str, value: bytes) -> System:
    """The system, without its blast: to be looked at, no record can be applied to it.

    Raises UnreadableStill, and OtherRowFormat for one of another release.
    """
    try:
        return _read(name, value)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, struct.error) as error:
        raise UnreadableStill(name, f"{type(error).__name__}: {error}") from error


def _read(name: str, value: bytes) -> System:
    own_size, memory_size = _SIZES.unpack_from(value)
    end, at = _SIZES.size + own_size, _SIZES.size + own_size + memory_size
    system = read_system(name, value[_SIZES.size : end]).system
    read_memory(system, value[end:at])
    while at < len(value):
        row_size, windows_size = _SIZES.unpack_from(value, at)
        at += _SIZES.size
        row, windows = value[at : at + row_size], value[at + row_size : at + row_size + windows_size]
        at += row_size + windows_size
        unit = read_unit(row, windows or None)
        system.speakers[unit.path] = unit
    if at != len(value):
        raise ValueError("it is cut off")
    return system
