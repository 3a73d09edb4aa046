"""The warnings that are open in one system, told by events alone (spec page 2, Warnings)."""

from collections.abc import Iterable
from typing import Final

from stateserver.codec.system import WarningRow
from stateserver.domain.change import (
    UNIT_RETIRED,
    WARNING_ACKNOWLEDGED,
    WARNING_CLEARED,
    WARNING_RAISED,
    Change,
    Fields,
    Value,
)
from stateserver.domain.paths import is_at_or_below, path_key
from stateserver.domain.warnings import FAULTS

_ORDER: Final = {field: place for place, field in enumerate(FAULTS)}


class OpenWarnings:
    """Warnings by (unit path, field)."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Fields] = {}

    def __len__(self) -> int:
        return len(self._open)

    def seed(self, unit: str, fields: Fields) -> None:
        """Open what a unit's fields imply. When it was raised, and who saw it, only events can tell."""
        for field, fault in FAULTS.items():
            if fields.get(field) is fault:
                self._open.setdefault((unit, field), _warning(unit, field, raised=None))

    def begin(self, rows: Iterable[WarningRow]) -> None:
        """These are open, and no others."""
        self._open.clear()
        for row in rows:
            self.put(*row)

    def agree_with(self, rows: Iterable[WarningRow]) -> bool:
        """Whether these are the same. Notes aside, which may be cut in rows."""
        told = {row[:2]: row[2:5] for row in rows}
        held = {
            key: tuple(one[name] for name in ("raised", "acknowledged", "actor")) for key, one in self._open.items()
        }
        return told == held

    def put(
        self, unit: str, field: str, raised: int, acknowledged: int | None, actor: str | None, note: str | None
    ) -> None:
        """Take one as it stands."""
        who: Fields = {"acknowledged": acknowledged, "actor": actor, "note": note}
        self._open[unit, field] = _warning(unit, field, raised) | who

    def fold(self, change: Change) -> None:
        """Carry one event over; most concern no warning."""
        unit = change.unit
        if change.kind == UNIT_RETIRED and unit is not None:
            self._open = {key: one for key, one in self._open.items() if not is_at_or_below(key[0], unit)}
        if change.kind not in (WARNING_RAISED, WARNING_CLEARED, WARNING_ACKNOWLEDGED):
            return
        field = change.details["field"]
        assert isinstance(unit, str)
        assert isinstance(field, str)
        if change.kind == WARNING_RAISED:
            self._open[unit, field] = _warning(unit, field, raised=change.at)
        elif change.kind == WARNING_CLEARED:
            self._open.pop((unit, field), None)
        elif (unit, field) in self._open:
            who = {"actor": change.details["actor"], "note": change.details.get("note")}
            self._open[unit, field] = self._open[unit, field] | {"acknowledged": change.at} | who

    def rows(self) -> list[Fields]:
        """The open warnings as in a blast's report (spec page 4), in the order of units, then fields.

        `raised` is null where that lies further back than what could be read.
        """
        return [self._open[key] for key in sorted(self._open, key=_place)]


def _place(key: tuple[str, str]) -> tuple[tuple[int, ...], int]:
    unit, field = key
    return path_key(unit), _ORDER.get(field, len(_ORDER))


def _warning(unit: str, field: str, raised: Value) -> Fields:
    return {"unit": unit, "field": field, "raised": raised, "acknowledged": None, "actor": None, "note": None}
