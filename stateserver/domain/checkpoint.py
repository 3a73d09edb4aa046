"""A system's state as rows, to be kept and restored: everything it holds, what moves without events included.

Row keys: "" is the system itself, a unit path a speaking unit with what moves in its windows, `<path>/w` what is in
them, `commands` the known ids of operators' commands, `memory` what is remembered of the last blast, `blast`,
`watched/<booster>` and `timeline/<segment>` the blast under way. Rows follow from the state alone, so two systems that
hold the same have the same rows, and the same hash. The hash of all other rows lies in row "", so that a torn set of
rows is noticed.
"""

import hashlib
import struct
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from stateserver.domain.bank import Bank
from stateserver.domain.blast import Blast
from stateserver.domain.rows import (
    OtherRowFormat,
    read_blast,
    read_commands,
    read_memory,
    read_system,
    read_timeline,
    read_unit,
    read_watched,
    write_blast,
    write_commands,
    write_memory,
    write_system,
    write_timeline,
    write_unit,
    write_watched,
    write_windows,
)
from stateserver.domain.system import COMMANDS_ROW, ITSELF, MEMORY_ROW, Places, System
from stateserver.domain.unit import Unit
from stateserver.errors import StateServerError
from stateserver.protocol.commands import UnitType

SYSTEM_ROW: Final = ""
_WINDOWS: Final = "/w"
_BLAST_ROW: Final = "blast"
_WATCHED: Final = "watched/"
_TIMELINE: Final = "timeline/"
_SEGMENT: Final = 128
_HASH_SIZE: Final = 16
_HASH_SPAN: Final = 1 << 8 * _HASH_SIZE
_NEVER: Final = -1

Rows = dict[str, bytes | None]


class CorruptCheckpoint(StateServerError):
    """Rows that no system can have written."""

    def __init__(self, system: str, why: str) -> None:
        super().__init__(
            f"the checkpoint of system {system!r} is corrupt: {why}", "Rebuild the system from its journal."
        )


def take_rows(system: System) -> Rows:
    """The rows that changed since the last call; None for one that is gone. Always with row "" if any changed."""
    rows: Rows = {}
    system.dirty |= system.moved
    _await_publishing(system)
    system.moved.clear()
    for path in system.dirty:
        unit = system.speakers.get(path)
        if unit is None:
            rows.update({key: None for key in (path, path + _WINDOWS) if key in system.rows})
            continue
        rows[path] = write_unit(unit)
        if unit.bank is not None and unit.bank.is_relisted:
            rows.update(_windows_row(system, unit.bank))
    system.dirty.clear()
    rows.update(_blast_rows(system))
    rows.update(_rows_apart(system))
    for key, row in rows.items():
        _account(system, key, row)
    own = write_system(system, _rows_hash(system))
    own_hash = _hash_row(SYSTEM_ROW, own)
    if system.rows.get(SYSTEM_ROW) != own_hash:
        system.rows[SYSTEM_ROW] = own_hash
        rows[SYSTEM_ROW] = own
    return rows


def restore(name: str, rows: Mapping[str, bytes]) -> System:
    """The system that wrote `rows`. Inverse of `take_rows`; raises CorruptCheckpoint, OtherRowFormat."""
    try:
        return _restore(name, rows)
    except (CorruptCheckpoint, OtherRowFormat):
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, struct.error) as error:
        raise CorruptCheckpoint(name, f"{type(error).__name__}: {error}") from error


def state_hash(system: System) -> bytes:
    """16 bytes that two systems share exactly if they hold the same, as of the last `take_rows`."""
    return system.rows.get(SYSTEM_ROW, 0).to_bytes(_HASH_SIZE, "big")


def take_touched_units(system: System) -> Places:
    """The units that events changed or removed since the last call."""
    touched, system.touched = system.touched, defaultdict(set)
    return touched


def paths_of(speaker: str, windows: set[int]) -> list[str]:
    """The paths of units in the windows of a speaking unit that was retired, of itself too."""
    child = UnitType.DETONATOR if speaker.startswith(f"{UnitType.BOOSTER_TYPE_2.value}/") else UnitType.BOOSTER_TYPE_1
    return [speaker if window == ITSELF else f"{speaker}/{child.value}/{window}" for window in sorted(windows)]


def take_moved_units(system: System, wanted: int | None = None) -> Places:
    """The units whose `as_of` has moved since it was taken by a call before: about `wanted` of them, or all.

    Those first that have waited longest. Whoever publishes units can bring these up to date when there is time: no
    event tells of them.
    """
    _await_publishing(system)
    moved: Places = {}
    taken = 0
    while system.unpublished and (wanted is None or taken < wanted):
        path = next(iter(system.unpublished))
        del system.unpublished[path]
        unit = system.speakers[path]
        windows = _take_moved(unit)
        if windows:
            moved[path] = windows
            taken += len(windows)
    return moved


def _await_publishing(system: System) -> None:
    # In an order that is the same in each process.
    system.unpublished.update(dict.fromkeys(sorted(system.moved)))


def _take_moved(unit: Unit) -> set[int]:
    windows, bank = set[int](), unit.bank
    if unit.published_as_of != unit.as_of:
        unit.published_as_of = unit.as_of
        windows.add(ITSELF)
    if bank is not None and bank.published_as_of != bank.as_of:
        pairs = enumerate(zip(bank.published_as_of, bank.as_of, strict=True))
        windows.update(window for window, (told, now) in pairs if told != now)
        bank.published_as_of = bank.as_of[:]
    return windows


def forget_published(system: System) -> None:
    """Nobody knows whose `as_of` was published: take all units for moved."""
    for unit in system.speakers.values():
        unit.published_as_of = _NEVER
        if unit.bank is not None:
            unit.bank.forget_published()
    system.unpublished = dict.fromkeys(system.speakers)


def _windows_row(system: System, bank: Bank) -> Rows:
    bank.is_relisted = False
    key = bank.parent + _WINDOWS
    if bank.presence:
        return {key: write_windows(bank)}
    return {key: None} if key in system.rows else {}


def _rows_apart(system: System) -> Rows:
    """What has a row of its own because it seldom changes."""
    rows: Rows = {}
    for key in system.written_apart:
        rows[key] = write_commands(system) if key == COMMANDS_ROW else write_memory(system)
    system.written_apart.clear()
    return rows


def _blast_rows(system: System) -> Rows:
    blast = system.blast
    written = [key for key in system.rows if key.startswith((_BLAST_ROW, _WATCHED, _TIMELINE))]
    if blast is None:
        return dict.fromkeys(written)
    rows: Rows = {}
    if not blast.is_written:
        rows = dict.fromkeys(written)
        rows[_BLAST_ROW] = write_blast(blast)
        blast.is_written = True
    for booster, watched in blast.watched.items():
        if watched.is_dirty:
            rows[_WATCHED + booster] = write_watched(watched)
            watched.is_dirty = False
    if blast.events_written < len(blast.timeline):
        for start in range(blast.events_written // _SEGMENT * _SEGMENT, len(blast.timeline), _SEGMENT):
            events = blast.timeline[start : start + _SEGMENT]
            rows[f"{_TIMELINE}{start // _SEGMENT}"] = write_timeline(events)
        blast.events_written = len(blast.timeline)
    return rows


def _hash_row(key: str, row: bytes) -> int:
    digest = hashlib.blake2b(row, digest_size=_HASH_SIZE, key=key.encode())
    return int.from_bytes(digest.digest(), "big")


def _account(system: System, key: str, row: bytes | None) -> None:
    """Keep the hash of row `key`, and their sum, which needs no order, up to date."""
    system.rows_sum -= system.rows.pop(key, 0)
    if row is not None:
        system.rows[key] = _hash_row(key, row)
        system.rows_sum += system.rows[key]


def _rows_hash(system: System) -> bytes:
    return (system.rows_sum % _HASH_SPAN).to_bytes(_HASH_SIZE, "big")


def _restore(name: str, rows: Mapping[str, bytes]) -> System:
    if SYSTEM_ROW not in rows:
        raise CorruptCheckpoint(name, "its own row is missing")
    own = read_system(name, rows[SYSTEM_ROW])
    system = own.system
    for key, row in rows.items():
        if key != SYSTEM_ROW:
            _account(system, key, row)
    if _rows_hash(system) != own.rows_hash:
        raise CorruptCheckpoint(name, "its rows do not belong together")
    system.rows[SYSTEM_ROW] = _hash_row(SYSTEM_ROW, rows[SYSTEM_ROW])
    for key, row in rows.items():
        if key[:1].isdigit() and not key.endswith(_WINDOWS):
            system.speakers[key] = read_unit(row, rows.get(key + _WINDOWS))
    if COMMANDS_ROW in rows:
        system.command_ids = read_commands(rows[COMMANDS_ROW])
    if MEMORY_ROW in rows:
        read_memory(system, rows[MEMORY_ROW])
    system.control = None if own.control is None else system.speakers[own.control]
    if own.blast is not None:
        system.blast = _restore_blast(own.blast, rows)
    # No deadline lies before the beginning of time: the first record looks for the earliest again.
    system.deadline_floor = 0
    return system


def _restore_blast(progress: dict[str, Any], rows: Mapping[str, bytes]) -> Blast:
    watched = {key.removeprefix(_WATCHED): read_watched(row) for key, row in rows.items() if key.startswith(_WATCHED)}
    blast = read_blast(rows[_BLAST_ROW], progress, watched)
    for segment in range(-(-progress["events"] // _SEGMENT)):
        blast.timeline += read_timeline(rows[f"{_TIMELINE}{segment}"])
    blast.events_written = len(blast.timeline)
    blast.is_written = True
    return blast
