"""A snapshot while it is written. Events go on meanwhile: what they touch is written again before it is complete.

So it is the system's state at one version, though it was written over many. Only `as_of`, which moves without
events, may be a moment older.
"""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

import orjson

from stateserver.domain.change import DETONATORS_CLEARED, UNIT_EVENTS, UNIT_RETIRED
from stateserver.domain.paths import path_key
from stateserver.gateway import compact_json
from stateserver.gateway.documents import is_within, system_head, unit_document
from stateserver.gateway.messages import Pieces
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.system_model import SystemModel

SLICE_UNITS: Final = 500
"""After so many units everybody else has their turn: some ms."""
SCAN_UNITS: Final = 5_000
ROUNDS_MAX: Final = 8
PIECE_BYTES_MIN: Final = 64 * 1024
_CHANGE_UNITS: Final = UNIT_EVENTS | {DETONATORS_CLEARED, UNIT_RETIRED}


class Written(NamedTuple):
    """A snapshot: its version, whether that was whole, how many units it has, and its JSON."""

    version: int
    whole: bool
    units: int
    json: Pieces


class Draft:
    """Units are grouped by those they belong to: a booster with its detonators is written in one go."""

    def __init__(self, reading: ReadModel, model: SystemModel, prefix: str | None) -> None:
        self._reading = reading
        self._model = model
        self._prefix = prefix
        self._version = model.version
        self._groups: dict[str, set[str]] = {}
        self._written: dict[str, bytes] = {}

    async def write(self) -> Written | None:
        """The snapshot at the model's version; None where the log no longer tells what has changed meanwhile."""
        await self._scan()
        await self._write_groups(sorted(self._groups, key=path_key))
        rounds = 0
        while (touched := self._touched()) and rounds < ROUNDS_MAX and self._are_many(touched):
            await self._write_groups(touched)
            rounds += 1
        if touched is None:
            return None
        for group in touched:
            self._write_group(group)
        return self._complete()

    async def _scan(self) -> None:
        paths = iter(list(self._model.units))
        while some := list(islice(paths, SCAN_UNITS)):
            self._group(some)
            if len(some) == SCAN_UNITS:
                await asyncio.sleep(0)

    def _group(self, paths: Iterable[str]) -> set[str]:
        """Put each path that is wanted to its group. Returns the groups."""
        groups = set()
        for path in paths:
            if self._prefix is None or is_within(path, self._prefix):
                group = _group_of(path)
                groups.add(group)
                self._groups.setdefault(group, set()).add(path)
        return groups

    def _touched(self) -> set[str] | None:
        """The groups in which something has changed since this was last asked; None where that isn't known."""
        since, self._version = self._version, self._model.version
        if since == self._version:
            return set()
        entries = self._model.log.after(since, self._version - since)
        if entries is None or len(entries) < self._version - since:
            return None
        # Others change no unit, and a refused command may name whatever its sender pleased.
        paths = {entry.unit for entry in entries if entry.unit is not None and entry.kind in _CHANGE_UNITS}
        # A unit's detonators may all have gone with it, so its group counts whether or not it is wanted itself.
        return self._group(paths) | {group for path in paths if (group := _group_of(path)) in self._groups}

    def _are_many(self, groups: Iterable[str]) -> bool:
        return sum(len(self._groups[group]) for group in groups) > SLICE_UNITS

    async def _write_groups(self, groups: Iterable[str]) -> None:
        since_turn = 0
        for group in groups:
            self._write_group(group)
            since_turn += len(self._groups[group])
            if since_turn >= SLICE_UNITS:
                since_turn = 0
                await asyncio.sleep(0)

    def _write_group(self, group: str) -> None:
        model = self._model
        paths = sorted((path for path in self._groups[group] if path in model.units), key=path_key)
        self._written[group] = orjson.dumps([unit_document(model, path) for path in paths])[1:-1]

    def _complete(self) -> Written:
        model = self._model
        head = {
            name: value
            for name, value in system_head(self._reading, model).items()
            if name not in ("units", "warnings", "blasts")
        }
        warnings = [row for row in model.warnings.rows() if self._prefix is None or _is_of(row["unit"], self._prefix)]
        tail = {
            "warnings": warnings,
            "blasts": [blast.head() for blast in self._reading.blasts.of_system(model.name)],
        }
        json = (
            compact_json.encode(head)[:-1] + b',"units":[',
            *self._units(),
            b"]," + compact_json.encode(tail)[1:],
        )
        return Written(model.version, model.whole, len(model.units), json)

    def _units(self) -> Iterator[bytes]:
        """All units in path order. Small groups are put together: a thousand pieces would cost more than they save."""
        some: list[bytes] = []
        size, separator = 0, b""
        for group in sorted(self._written, key=path_key):
            rows = self._written[group]
            if not rows:
                continue
            some += (separator, rows)
            size, separator = size + len(rows), b","
            if size >= PIECE_BYTES_MIN:
                yield from _joined(some)
                some, size = [], 0
        if some:
            yield b"".join(some)


def _joined(some: list[bytes]) -> Iterator[bytes]:
    if len(some) == 2:  # one separator, one large group: not copied
        yield from filter(None, some)
    else:
        yield b"".join(some)


def _group_of(path: str) -> str:
    """The unit that a path's unit belongs to: that of its first two components."""
    first = path.find("/")
    second = path.find("/", first + 1)
    return path if second < 0 else path[:second]


def _is_of(unit: object, prefix: str) -> bool:
    return isinstance(unit, str) and is_within(unit, prefix)
