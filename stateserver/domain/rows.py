"""How a system, a unit and a blast are written as rows and read back. A row is JSON, for units with columns behind.

Everything is written so that the same state gives the same bytes: keys sorted, sets as sorted lists.
"""

import struct
import sys
from array import array
from typing import Any, Final, NamedTuple

import orjson

from stateserver.domain.bank import Bank
from stateserver.domain.blast import Blast, Watched
from stateserver.domain.canonical import canonical_json
from stateserver.domain.change import Change
from stateserver.domain.system import OpenWarning, Source, System
from stateserver.domain.unit import Unit
from stateserver.protocol.commands import UnitType
from stateserver.protocol.decode import WORD
from stateserver.protocol.modes import Mode

_FORMAT: Final = 1
_LENGTH: Final = struct.Struct("<I")
_LONG_COLUMNS: Final = ("identities", "first_seen", "as_of", "versions")
_LONG: Final = 8

if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("rows hold little-endian columns: this machine is big-endian")


class SystemRow(NamedTuple):
    """What the system's own row says, beside the rows of its units and blast."""

    system: System
    control: str | None
    blast: dict[str, Any] | None
    rows_hash: bytes


def write_system(system: System, rows_hash: bytes) -> bytes:
    """The system's own row."""
    blast = system.blast
    return canonical_json(
        {
            "format": _FORMAT,
            "version": system.version,
            "time": system.time,
            "mode": system.mode,
            "control": None if system.control is None else system.control.path,
            "sources": {name: [source.last_sequence, source.created_at_max] for name, source in system.sources.items()},
            "warnings": [
                [w.unit, w.field, w.raised, w.acknowledged, w.actor, w.note] for _, w in sorted(system.warnings.items())
            ],
            "initiated": sorted(system.initiated),
            "counters": dict(system.counters),
            "blast": None
            if blast is None
            else {
                "firing_complete": blast.firing_complete,
                "aborted": blast.aborted,
                "off_line": blast.off_line,
                "frames": blast.frames,
                "events": len(blast.timeline),
            },
            "rows_hash": rows_hash.hex(),
        }
    )


def read_system(name: str, row: bytes) -> SystemRow:
    """Inverse of `write_system`. Raises ValueError or KeyError where the row is none."""
    said = orjson.loads(row)
    if said["format"] != _FORMAT:
        raise ValueError(f"row format {said['format']}, this release reads {_FORMAT}")
    system = System(name)
    system.version = said["version"]
    system.time = said["time"]
    system.mode = None if said["mode"] is None else Mode(said["mode"])
    system.sources = {name: Source(*source) for name, source in said["sources"].items()}
    system.warnings = {(w[0], w[1]): OpenWarning(*w) for w in said["warnings"]}
    system.initiated = set(said["initiated"])
    system.counters.update(said["counters"])
    return SystemRow(system, said["control"], said["blast"], bytes.fromhex(said["rows_hash"]))


def write_unit(unit: Unit) -> bytes:
    """A speaking unit's row, with the columns of its windows."""
    bank = unit.bank
    meta = canonical_json(
        {
            "type": unit.type.value,
            "serial": unit.serial,
            "first_seen": unit.first_seen,
            "as_of": unit.as_of,
            "last_spoken": unit.last_spoken,
            "last_clear": unit.last_clear,
            "communicating": unit.communicating,
            "reported": unit.reported,
            "counts": unit.counts,
            "operation": unit.operation,
            "label": unit.label,
            "version": unit.version,
            "labels": {} if bank is None else {str(window): label for window, label in bank.labels.items()},
        }
    )
    columns = b"" if bank is None else _write_columns(bank)
    return _LENGTH.pack(len(meta)) + meta + columns


def read_unit(row: bytes) -> Unit:
    """Inverse of `write_unit`. Raises ValueError or KeyError where the row is none."""
    if len(row) < _LENGTH.size:
        raise ValueError("a unit's row is cut off")
    end = _LENGTH.size + _LENGTH.unpack_from(row)[0]
    said = orjson.loads(row[_LENGTH.size : end])
    unit = Unit(UnitType(said["type"]), said["serial"], said["first_seen"])
    unit.as_of = unit.published_as_of = said["as_of"]
    unit.last_spoken = said["last_spoken"]
    unit.last_clear = said["last_clear"]
    unit.communicating = said["communicating"]
    unit.reported = said["reported"]
    unit.counts = said["counts"]
    unit.operation = said["operation"]
    unit.label = said["label"]
    unit.version = said["version"]
    if unit.bank is not None:
        _read_columns(unit.bank, row[end:])
        unit.bank.labels = {int(window): label for window, label in said["labels"].items()}
    return unit


def _write_columns(bank: Bank) -> bytes:
    long_columns = (getattr(bank, name).tobytes() for name in _LONG_COLUMNS)
    return b"".join((bytes(bank.presence), bytes(bank.words), *long_columns))


def _read_columns(bank: Bank, data: bytes) -> None:
    count, rest = divmod(len(data), 1 + WORD + len(_LONG_COLUMNS) * _LONG)
    if rest:
        raise ValueError("a unit's columns are cut off")
    bank.presence = bytearray(data[:count])
    bank.words = bytearray(data[count : count * (1 + WORD)])
    at = count * (1 + WORD)
    for name in _LONG_COLUMNS:
        setattr(bank, name, array("q", data[at : at + count * _LONG]))
        at += count * _LONG
    bank.published_as_of = bank.as_of[:]
    bank.as_of_max = max(bank.as_of, default=0)


def write_blast(blast: Blast) -> bytes:
    """What a blast is from its start on."""
    return canonical_json(
        {
            "id": blast.id,
            "control_unit": blast.control_unit,
            "mode": blast.mode,
            "initiated": blast.initiated,
            "version_opened": blast.version_opened,
            "start": blast.start,
            "watched": list(blast.watched),
        }
    )


def read_blast(row: bytes, progress: dict[str, Any], watched: dict[str, Watched]) -> Blast:
    """Inverse of `write_blast`, with the `progress` that lies in the system's row."""
    said = orjson.loads(row)
    blast = Blast(
        id=said["id"],
        control_unit=said["control_unit"],
        mode=Mode(said["mode"]),
        initiated=said["initiated"],
        version_opened=said["version_opened"],
        start=said["start"],
        watched={booster: watched[booster] for booster in said["watched"]},
    )
    blast.firing_complete = progress["firing_complete"]
    blast.aborted = progress["aborted"]
    blast.off_line = progress["off_line"]
    blast.frames = progress["frames"]
    return blast


def write_watched(watched: Watched) -> bytes:
    """The watched detonators of one booster, and what is known of them."""
    return canonical_json(
        {
            "identities": list(watched.identities.items()),
            "evidence": sorted(watched.evidence.items()),
            "tainted": sorted(watched.tainted),
        }
    )


def read_watched(row: bytes) -> Watched:
    """Inverse of `write_watched`."""
    said = orjson.loads(row)
    watched = Watched(dict(said["identities"]), dict(said["evidence"]), set(said["tainted"]))
    watched.is_dirty = False
    return watched


def write_timeline(events: list[Change]) -> bytes:
    """A stretch of a blast's events."""
    return canonical_json([list(event) for event in events])


def read_timeline(row: bytes) -> list[Change]:
    """Inverse of `write_timeline`."""
    return [Change(*event) for event in orjson.loads(row)]
