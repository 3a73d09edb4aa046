"""Lists of units, chosen and cut into pages, without a look at more units than a page needs."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

from stateserver.domain.change import Fields
from stateserver.domain.paths import path_key
from stateserver.gateway.refusals import BadRequest
from stateserver.gateway.unit_table import UnitTable, parent_of, unit_type

LOOKED_AT_MAX: Final = 20_000
"""Units that one page may look into, so that nobody waits for a search through a million."""


class Choice(NamedTuple):
    """Which units: None where it doesn't matter."""

    type: int | None = None
    parent: str | None = None
    communicating: bool | None = None
    label: str | None = None
    """Part of the label, upper or lower case alike."""

    def by_path(self, path: str) -> bool:
        """Does its place agree?"""
        return (self.type is None or unit_type(path) == self.type) and (
            self.parent is None or parent_of(path) == self.parent
        )

    @property
    def by_fields(self) -> bool:
        """Must the fields be looked at?"""
        return self.communicating is not None or self.label is not None

    def takes(self, fields: Fields) -> bool:
        """Do its fields agree?"""
        if self.communicating is not None and (fields.get("communication_status") is True) is not self.communicating:
            return False
        return self.label is None or self.label.casefold() in str(fields.get("label", "")).casefold()


class UnitPage(NamedTuple):
    """Units in path order, and the path to go on after; None at the end."""

    units: list[tuple[str, Fields]]
    next: str | None


def page_of(units: UnitTable, wanted: Choice, after: str | None, limit: int) -> UnitPage:
    """Up to `limit` units that follow a path: fewer where that would take long. Raises BadRequest for no path."""
    found: list[tuple[str, Fields]] = []
    looked_at, last = 0, None
    for path in _paths(units, wanted, after):
        if not wanted.by_path(path):
            continue
        if len(found) == limit or looked_at == LOOKED_AT_MAX:
            return UnitPage(found, last)
        looked_at, last = looked_at + 1, path
        fields = units[path]
        if not wanted.by_fields or wanted.takes(fields):
            found.append((path, fields))
    return UnitPage(found, None)


def _paths(units: UnitTable, wanted: Choice, after: str | None) -> Iterator[str]:
    behind = None if after is None else _place(after)
    heads = units.heads()
    if wanted.parent is not None:
        heads = [wanted.parent]
    elif behind is not None:
        heads = heads[bisect_left(heads, behind[:2], key=path_key) :]
    for head in heads:
        for path in units.group(head):
            if behind is None or path_key(path) > behind:
                yield path


def _place(after: str) -> tuple[int, ...]:
    try:
        return path_key(after)
    except ValueError:
        raise BadRequest(f"{after!r} is no unit's path", "a path looks like 3/158 or 3/158/4/37") from None
