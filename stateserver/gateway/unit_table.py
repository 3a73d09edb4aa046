"""The units of one system, as compact as they lie in their topic: fields are decoded when somebody asks.

A million units as dicts would take gigabytes, and a minute to make. Here a unit is a byte string: its version and its
fields as Avro has them. Units are grouped by what they hang on: `3/158` and all of `3/158/4/…` are one group, in which
each is known by the rest of its path. These rests are few, and shared.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from stateserver.codec.binary import long_bytes, read_long
from stateserver.codec.fields import fields_bytes, read_fields
from stateserver.codec.unit import RawUnit, UnitRow, decode_unit, encode_unit, split_unit
from stateserver.domain.change import Fields
from stateserver.domain.paths import path_key
from stateserver.protocol.commands import UnitType

_RESTS_MAX: Final = 100_000
_rests: dict[str, str] = {}


class UnitTable(Mapping[str, Fields]):
    """Fields by path. What is handed out is a copy: changes go through `put`."""

    def __init__(self) -> None:
        self.latest = 0
        """The highest version that a unit was put with."""
        self._groups: dict[str, dict[str, bytes]] = {}
        self._count = 0
        self._ordered: list[str] | None = None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        """Paths, in no order of their own."""
        for head, group in self._groups.items():
            for rest in group:
                yield f"{head}/{rest}" if rest else head

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.raw(path) is not None

    def __getitem__(self, path: str) -> Fields:
        raw = self.raw(path)
        if raw is None:
            raise KeyError(path)
        return _decode(path, raw)

    def raw(self, path: str) -> bytes | None:
        """A unit as it is held: equal bytes are equal units. None where there is none."""
        head, rest = _split(path)
        group = self._groups.get(head)
        return None if group is None else group.get(rest)

    def version(self, path: str) -> int:
        """The version a unit was put with; 0 for one that isn't there."""
        raw = self.raw(path)
        return 0 if raw is None else read_long(raw, 0)[0]

    def put(self, path: str, version: int, fields: Fields) -> None:
        """Take a unit as it stands."""
        self._put(path, version, long_bytes(version) + fields_bytes(fields))

    def put_raw(self, unit: RawUnit) -> None:
        """Take a row's unit, without a look at its fields."""
        self._put(unit.unit, unit.version, unit.raw)

    def _put(self, path: str, version: int, raw: bytes) -> None:
        head, rest = _split(path)
        group = self._groups.get(head)
        if group is None:
            group = self._groups[head] = {}
            self._ordered = None
        if rest not in group:
            self._count += 1
            rest = _shared(rest)
        group[rest] = raw
        self.latest = max(self.latest, version)

    def drop(self, path: str) -> None:
        """It is gone, if it was there."""
        head, rest = _split(path)
        group = self._groups.get(head)
        if group is not None and group.pop(rest, None) is not None:
            self._count -= 1
            if not group:
                del self._groups[head]
                self._ordered = None

    def below(self, path: str) -> list[str]:
        """The paths of all that hang on a unit."""
        head, rest = _split(path)
        beginning = f"{rest}/" if rest else ""
        return [f"{head}/{one}" for one in self._groups.get(head, ()) if one and one.startswith(beginning)]

    def without(self, kind: UnitType) -> Iterator[str]:
        """The paths of all units but those of one type, in no order of their own."""
        beginning = f"{kind.value}/"
        for head, group in self._groups.items():
            for rest in group:
                if rest.startswith(beginning) and rest.find("/", len(beginning)) < 0:
                    continue  # a window's, as nearly all are
                path = f"{head}/{rest}" if rest else head
                if unit_type(path) != kind:
                    yield path

    def heads(self) -> list[str]:
        """The paths that groups begin with, in path order. Most are units; of a stray child only the place is."""
        if self._ordered is None:
            self._ordered = sorted(self._groups, key=path_key)
        return self._ordered

    def group(self, head: str) -> list[str]:
        """The paths of a group, in path order."""
        rests = sorted(self._groups.get(head, ()), key=_rest_key)
        return [f"{head}/{rest}" if rest else head for rest in rests]

    def copy(self) -> "UnitTable":
        """One of its own, which shares what never changes."""
        other = UnitTable()
        other._groups = {head: dict(group) for head, group in self._groups.items()}
        other._count, other.latest = self._count, self.latest
        return other


def unit_type(path: str) -> int:
    """What its path says that a unit is. Raises ValueError for what is no path."""
    parts = path.split("/")
    return int(parts[-2]) if len(parts) > 1 else -1


def parent_of(path: str) -> str | None:
    """The unit that another hangs on, by its path; None for one that hangs on none."""
    head, rest = _split(path)
    return head if rest else None


def raw_unit(row: UnitRow) -> RawUnit:
    """A unit as it would lie in its topic."""
    return split_unit(encode_unit(row))


def _split(path: str) -> tuple[str, str]:
    """The two components that a group is known by, and the rest."""
    end = path.find("/", path.find("/") + 1)
    return (path, "") if end < 0 else (path[:end], path[end + 1 :])


def _shared(rest: str) -> str:
    if len(_rests) > _RESTS_MAX:
        _rests.clear()
    return _rests.setdefault(rest, rest)


def _rest_key(rest: str) -> tuple[int, ...]:
    return path_key(rest) if rest else ()


def _decode(path: str, raw: bytes) -> Fields:
    _, at = read_long(raw, 0)
    try:
        fields, end = read_fields(raw, at)
        if end == len(raw):
            return fields
    except (LookupError, ValueError):
        pass  # not the usual form: fastavro tells whether it is right
    return decode_unit(RawUnit("", path, 0, raw).value()).fields
