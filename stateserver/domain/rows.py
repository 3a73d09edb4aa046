"""How a system, a unit and a blast are written as rows and read back. A row is JSON; a unit's is numbers, the JSON of
what it reported, and columns of its windows.

Everything is written so that the same state gives the same bytes: keys sorted, sets as sorted lists.

A speaking unit's row is written whenever it spoke, so it has only what moves then; which units its windows hold, and
who they are, is in a row of its own.
"""

import struct
import sys
from array import array
from itertools import pairwise
from typing import Any, Final, NamedTuple

import orjson

from stateserver.domain.bank import Bank
from stateserver.domain.blast import Blast, Watched
from stateserver.domain.canonical import canonical_json
from stateserver.domain.change import Change
from stateserver.domain.system import AnsweredAfterBlast, OpenWarning, Remembered, Source, System
from stateserver.domain.unit import Unit
from stateserver.errors import StateServerError
from stateserver.protocol.commands import UnitType
from stateserver.protocol.decode import WORD
from stateserver.protocol.modes import Mode

_FORMAT: Final = 3
_UNIT: Final = struct.Struct("<BHqqqqQ?HI")
"""Type, serial, first_seen, as_of, last_spoken, last_clear, version, communicating; windows, and bytes of JSON."""
_WINDOWS: Final = struct.Struct("<HI")
"""Windows, and bytes of JSON."""
_COUNT: Final = struct.Struct("<H")
_RUN: Final = struct.Struct("<Hq")
"""The first window of those that have the same number, and the number."""
_RUNS_MAX: Final = 32
_NO_RUNS: Final = 0xFFFF
_LONG: Final = 8
_SHORT: Final = 4

if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("rows hold little-endian columns: this machine is big-endian")


class OtherRowFormat(StateServerError):
    """Rows that another release wrote. `found` is their format, `reads` the one that this release reads."""

    def __init__(self, found: object, reads: int) -> None:
        super().__init__(f"the rows have format {found}, this release reads {reads}", "Rebuild them from the journal.")
        self.found = found
        self.reads = reads


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
            "clock": system.clock,
            "mode": system.mode,
            "control": None if system.control is None else system.control.path,
            "sources": {name: _write_source(source) for name, source in system.sources.items()},
            "warnings": [
                [w.unit, w.field, w.raised, w.acknowledged, w.actor, w.note] for _, w in sorted(system.warnings.items())
            ],
            "initiated": sorted(system.initiated),
            "counters": dict(system.counters),
            "blast": None if blast is None else _write_progress(blast),
            "rows_hash": rows_hash.hex(),
        }
    )


def _write_source(source: Source) -> list[int | bool | None]:
    return [
        source.last_sequence,
        source.created_at_max,
        source.last_time,
        source.first_created_at,
        source.is_ahead,
        source.accounted,
        source.last_accounted,
    ]


def _write_progress(blast: Blast) -> dict[str, object]:
    """What of a blast moves."""
    return {
        "timers_from": blast.timers_from,
        "opened_at": blast.opened_at,
        "firing_complete": blast.firing_complete,
        "aborted": blast.aborted,
        "ended": blast.ended,
        "ended_at": blast.ended_at,
        "idle": sorted(blast.idle),
        "off_line": blast.off_line,
        "frames": blast.frames,
        "events": len(blast.timeline),
    }


def read_system(name: str, row: bytes) -> SystemRow:
    """Inverse of `write_system`. Raises OtherRowFormat; ValueError or KeyError where the row is none."""
    said = orjson.loads(row)
    if said["format"] != _FORMAT:
        raise OtherRowFormat(said["format"], _FORMAT)
    system = System(name)
    system.version = said["version"]
    system.time = said["time"]
    system.clock = said["clock"]
    system.mode = None if said["mode"] is None else Mode(said["mode"])
    system.sources = {name: Source(*source) for name, source in said["sources"].items()}
    system.warnings = {(w[0], w[1]): OpenWarning(*w) for w in said["warnings"]}
    system.initiated = set(said["initiated"])
    system.counters.update(said["counters"])
    return SystemRow(system, said["control"], said["blast"], bytes.fromhex(said["rows_hash"]))


def write_unit(unit: Unit) -> bytes:
    """A speaking unit's row, with what moves in its windows."""
    bank = unit.bank
    said = canonical_json(
        {
            "reported": unit.reported,
            "counts": unit.counts,
            "operation": unit.operation,
            "label": unit.label,
            "moved_by": unit.moved_by,
            "fires": unit.fires,
        }
    )
    numbers = _UNIT.pack(
        unit.type,
        unit.serial,
        unit.first_seen,
        unit.as_of,
        unit.last_spoken,
        unit.last_clear,
        unit.version,
        unit.communicating,
        0 if bank is None else len(bank.presence),
        len(said),
    )
    if bank is None:
        return numbers + said
    return b"".join((numbers, said, _write_runs(bank.as_of), bank.words, _write_narrowly(bank.versions)))


def write_windows(bank: Bank) -> bytes:
    """Which units a bank's windows hold."""
    labels = canonical_json({str(window): label for window, label in bank.labels.items()})
    numbers = _WINDOWS.pack(len(bank.presence), len(labels))
    return b"".join((numbers, labels, bank.presence, _write_runs(bank.first_seen), _write_narrowly(bank.identities)))


def read_unit(row: bytes, windows: bytes | None) -> Unit:
    """Inverse of `write_unit` and `write_windows`. Raises ValueError, KeyError or struct.error where they are none."""
    kind, serial, first_seen, as_of, last_spoken, last_clear, version, communicating, count, size = _UNIT.unpack_from(
        row
    )
    said = orjson.loads(row[_UNIT.size : _UNIT.size + size])
    unit = Unit(UnitType(kind), serial, first_seen)
    unit.as_of = unit.published_as_of = as_of
    unit.last_spoken = last_spoken
    unit.last_clear = last_clear
    unit.version = version
    unit.communicating = communicating
    unit.reported = said["reported"]
    unit.counts = said["counts"]
    unit.operation = said["operation"]
    unit.label = said["label"]
    unit.moved_by = said["moved_by"]
    unit.fires = said["fires"]
    if unit.bank is not None and count:
        _read_bank(unit.bank, count, row, _UNIT.size + size, windows)
    elif len(row) != _UNIT.size + size + (_COUNT.size if unit.bank is not None else 0):
        raise ValueError("bytes follow a unit's row")
    return unit


def _read_bank(bank: Bank, count: int, row: bytes, at: int, windows: bytes | None) -> None:
    if windows is None:
        raise ValueError(f"{bank.parent} has {count} windows, but no row that says what is in them")
    bank.as_of, at = _read_runs(row, at, count)
    bank.words, at = bytearray(row[at : at + count * WORD]), at + count * WORD
    bank.versions = _read_narrow(row, at, count)
    if _WINDOWS.unpack_from(windows)[0] != count:
        raise ValueError(f"two rows of {bank.parent} differ in how many windows there are")
    at = _WINDOWS.size + _WINDOWS.unpack_from(windows)[1]
    bank.labels = {int(window): label for window, label in orjson.loads(windows[_WINDOWS.size : at]).items()}
    bank.presence, at = bytearray(windows[at : at + count]), at + count
    bank.first_seen, at = _read_runs(windows, at, count)
    bank.identities = _read_narrow(windows, at, count)
    bank.published_as_of = bank.as_of[:]
    bank.as_of_max = max(bank.as_of)


def _write_runs(column: "array[int]") -> bytes:
    """Times, which most often are the same for all that a frame named: where each stretch of equal ones begins."""
    data, size = column.tobytes(), len(column)
    if not size:
        return _COUNT.pack(0)
    # A number that is 0 wherever an entry equals the one before it: its lowest bit that isn't tells the next stretch.
    left = int.from_bytes(data[_LONG:], "little") ^ int.from_bytes(data[:-_LONG], "little")
    start, runs = 0, [_RUN.pack(0, column[0])]
    while left and len(runs) <= _RUNS_MAX:
        ahead = ((left & -left).bit_length() - 1) // (_LONG * 8) + 1
        start += ahead
        left >>= ahead * _LONG * 8
        runs.append(_RUN.pack(start, column[start]))
    if left:
        return _COUNT.pack(_NO_RUNS) + data
    return _COUNT.pack(len(runs)) + b"".join(runs)


def _read_runs(row: bytes, at: int, count: int) -> tuple["array[int]", int]:
    """Inverse of `_write_runs`, and the offset behind it."""
    runs, at = _COUNT.unpack_from(row, at)[0], at + _COUNT.size
    if runs == _NO_RUNS:
        return array("q", row[at : at + count * _LONG]), at + count * _LONG
    end = at + runs * _RUN.size
    stretches = list(_RUN.iter_unpack(row[at:end]))
    column: array[int] = array("q")
    for (start, value), (behind, _) in pairwise([*stretches, (count, 0)]):
        column.extend(array("q", (value,)) * (behind - start))
    if len(column) != count:
        raise ValueError("a column of the wrong length")
    return column, end


def _write_narrowly(column: "array[int]") -> bytes:
    """Longs, the halves apart: as long as the upper ones are all 0, they are left out."""
    halves = memoryview(column).cast("B").cast("I")
    upper = halves[1::2].tobytes()
    lower = halves[::2].tobytes()
    return lower if upper.count(0) == len(upper) else lower + upper


def _read_narrow(row: bytes, at: int, count: int) -> "array[int]":
    """Inverse of `_write_narrowly`: a row's last column."""
    size = count * _SHORT
    lower, upper = row[at : at + size], row[at + size :] or bytes(size)
    if len(lower) != size or len(upper) != size:
        raise ValueError("a column of the wrong length")
    column = bytearray(size * 2)
    halves = memoryview(column).cast("I")
    halves[::2] = memoryview(lower).cast("I")
    halves[1::2] = memoryview(upper).cast("I")
    return array("q", bytes(column))


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
        timers_from=progress["timers_from"],
        version_opened=said["version_opened"],
        start=said["start"],
        watched={booster: watched[booster] for booster in said["watched"]},
        opened_at=progress["opened_at"],
    )
    blast.firing_complete = progress["firing_complete"]
    blast.aborted = progress["aborted"]
    blast.ended = progress["ended"]
    blast.ended_at = progress["ended_at"]
    blast.idle = set(progress["idle"])
    blast.off_line = progress["off_line"]
    blast.frames = progress["frames"]
    return blast


def write_watched(watched: Watched) -> bytes:
    """The watched detonators of one booster, and what is known of them."""
    return canonical_json(
        {
            "identities": list(watched.identities.items()),
            "silent": list(watched.silent.items()),
            "evidence": sorted(watched.evidence.items()),
            "replaced": sorted(watched.replaced),
            "marked": sorted(watched.marked),
            "cleared": watched.cleared,
        }
    )


def read_watched(row: bytes) -> Watched:
    """Inverse of `write_watched`."""
    said = orjson.loads(row)
    return Watched(
        identities=dict(said["identities"]),
        silent=dict(said["silent"]),
        evidence=dict(said["evidence"]),
        replaced=set(said["replaced"]),
        marked=set(said["marked"]),
        cleared=said["cleared"],
        is_dirty=False,
    )


def write_timeline(events: list[Change]) -> bytes:
    """A stretch of a blast's events."""
    return canonical_json([list(event) for event in events])


def read_timeline(row: bytes) -> list[Change]:
    """Inverse of `write_timeline`."""
    return [Change(*event) for event in orjson.loads(row)]


def write_commands(system: System) -> bytes:
    """The ids of operators' commands that are known."""
    return canonical_json(list(system.command_ids))


def read_commands(row: bytes) -> dict[str, None]:
    """Inverse of `write_commands`."""
    return dict.fromkeys(orjson.loads(row))


def write_memory(system: System) -> bytes:
    """What is remembered of the last blast, and who answered after it."""
    return canonical_json(
        {
            "blast": system.remembered_blast,
            "remembered": [
                [booster, sorted([window, *remembered] for window, remembered in windows.items())]
                for booster, windows in sorted(system.remembered.items())
            ],
            "answered": sorted(list(answered) for answered in system.answered.values()),
        }
    )


def read_memory(system: System, row: bytes) -> None:
    """Inverse of `write_memory`."""
    said = orjson.loads(row)
    system.remembered_blast = said["blast"]
    system.remembered = {
        booster: {window: Remembered(outcome, identity) for window, outcome, identity in windows}
        for booster, windows in said["remembered"]
    }
    system.answered = {answered[0]: AnsweredAfterBlast(*answered) for answered in said["answered"]}
