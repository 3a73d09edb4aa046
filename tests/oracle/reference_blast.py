"""Page 2's blasts and page 4's report document and snapshots, read plainly."""

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.oracle.reference_frame import MODES, Fields

Units = dict[str, Fields]
FRAME_COUNTERS = ("received", "duplicate", "rejected", "missing")


def path_key(path: str) -> tuple[int, ...]:
    return tuple(map(int, path.split("/")))


def copied(units: Units) -> Units:
    return {path: dict(unit) for path, unit in units.items()}


def rows(system: str, units: Units) -> list[dict[str, Any]]:
    return [{"system": system, "unit": path} | units[path] for path in sorted(units, key=path_key)]


def snapshot(system: str, units: Units) -> bytes:
    lines = [json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False) for row in rows(system, units)]
    return "".join(line + "\n" for line in lines).encode()


def booster_type(mode: str) -> int:
    return 1 if mode == "IBS" else 3


def children_of(units: Units, parent: str) -> list[str]:
    return sorted((path for path, unit in units.items() if unit.get("parent") == parent), key=path_key)


@dataclass
class Blast:
    """A blast from the start snapshot on; `initiated` and all times in ms."""

    system: str
    mode: str
    control_unit: str
    initiated: int
    start: Units
    warnings: list[dict[str, Any]]
    completed: int | None = None
    aborted: int | None = None
    ended: int | None = None
    closed: int | None = None
    how: str | None = None
    end: Units | None = None
    left_the_line: bool = False
    evidence: dict[str, bool] = field(default_factory=dict)
    unreported: set[str] = field(default_factory=set)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    frames: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FRAME_COUNTERS, 0))

    @property
    def id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.system}/{self.initiated}"))

    @property
    def firing_over(self) -> int:
        return self.initiated + MODES[self.mode].firing_time

    @property
    def times_out(self) -> int:
        return self.firing_over + MODES[self.mode].report_time

    def why_not_active(self, path: str) -> list[str]:
        unit = self.start[path]
        holds = {
            "key_switch_off": not unit.get("key_switch"),
            "not_communicating": not unit["communication_status"],
            "no_detonators": not children_of(self.start, path),
        }
        return [name for name, held in holds.items() if held]

    @cached_property
    def sorted_boosters(self) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {"active": [], "possibly_live": [], "excluded": [], "inactive": []}
        for path in sorted(self.start, key=path_key):
            if path.count("/") == 1 and self.start[path]["type"] == booster_type(self.mode):
                groups[self._group(self.why_not_active(path))].append(path)
        return groups

    @staticmethod
    def _group(why: list[str]) -> str:
        if not why:
            return "active"
        if "no_detonators" not in why:
            return "possibly_live"
        return "excluded" if why == ["no_detonators"] else "inactive"

    @cached_property
    def watched(self) -> list[str]:
        """Every answering detonator of an active booster, at the start."""
        return [path for path in self.active_detonators if self.start[path].get("detonator_status")]

    @cached_property
    def active_detonators(self) -> list[str]:
        return [path for booster in self.sorted_boosters["active"] for path in children_of(self.start, booster)]

    def watch_list_became_empty(self) -> bool:
        watched = self.watched
        return bool(watched) and all(path in self.evidence for path in watched)

    def hear(self, path: str, answers: bool, created_at: int, key_switch: bool) -> None:
        """What a data frame that isn't stale says of a detonator, after firing ended: evidence?"""
        if self.ended is None or created_at < self.ended or path not in self.watched:
            return
        if answers or key_switch:
            self.evidence[path] = answers

    def identify(self, path: str, fields: Fields) -> None:
        """A watched detonator is called by these fields now: by another uid (in IBS, serial) than at the start?"""
        name = "serial" if self.mode == "IBS" else "uid"
        known = self.start.get(path, {}).get(name)
        if known is not None and name in fields and fields[name] != known:
            self.unreported.add(path)

    def clear(self, booster: str) -> None:
        self.unreported.update(children_of(self.start, booster))

    def outcome(self, path: str) -> str:
        if path in self.unreported or path not in self.evidence:
            return "unreported"
        return "missed" if self.evidence[path] else "fired"

    def close(self, at: int, how: str, units: Units) -> None:
        self.closed, self.how, self.end = at, how, copied(units)

    def report(self) -> dict[str, Any]:
        """The report document, as it stands."""
        groups = self.sorted_boosters
        active = [self._active_row(path) for path in groups["active"]]
        others = {name: [self._other_row(path) for path in groups[name]] for name in groups if name != "active"}
        start, end = self._hash(self.start), self._hash(self.end)
        return {
            "blast": self.id,
            "system": self.system,
            "mode": self.mode,
            "control_unit": self.control_unit,
            "initiated": self.initiated,
            "firing_complete": self.completed,
            "aborted": self.aborted,
            "closed": self.closed,
            "how": self.how,
            "durations": {
                "firing": difference(self.ended, self.initiated),
                "reporting": difference(self.closed, self.ended),
                "total": difference(self.closed, self.initiated),
            },
            "boosters": self._booster_totals(active),
            "detonators": self._detonator_totals(),
            "active": active,
            **others,
            "warnings": self.warnings,
            "timeline": self.timeline,
            "versions": {"opened": self.timeline[0]["version"], "closed": self._version_closed()},
            "snapshots": {"start": start, "end": end},
            "frames": self.frames,
        }

    def _version_closed(self) -> int | None:
        return None if self.closed is None else self.timeline[-1]["version"]

    def _hash(self, units: Units | None) -> str | None:
        return None if units is None else hashlib.sha256(snapshot(self.system, units)).hexdigest()

    def _booster_totals(self, active: list[dict[str, Any]]) -> dict[str, int | None]:
        groups = {name: len(paths) for name, paths in self.sorted_boosters.items()}
        fired = sum(row["successful"] for row in active) if self.closed is not None else None
        return {"total": sum(groups.values()), **groups, "fired": fired}

    def _detonator_totals(self) -> dict[str, int | None]:
        detonators, watched = self.active_detonators, self.watched
        totals: dict[str, int | None] = {"total": len(detonators), "answering_before": len(watched)}
        totals["silent_before"] = len(detonators) - len(watched)
        for outcome in ("fired", "missed", "unreported"):
            told = [path for path in watched if self.outcome(path) == outcome]
            totals[outcome] = len(told) if self.closed is not None else None
        return totals

    def _active_row(self, booster: str) -> dict[str, Any]:
        detonators = children_of(self.start, booster)
        watched = [path for path in detonators if path in self.watched]
        silent = [path for path in detonators if path not in watched]
        row: dict[str, Any] = {name: self.start[booster].get(name) for name in ("serial", "label")} | {"unit": booster}
        row |= {"before": counts(self.start, booster), "after": None, "successful": None, "not_fired": None}
        row["silent_before"] = [self._named(path) for path in silent]
        if self.end is not None:
            outcomes = {path: self.outcome(path) for path in watched}
            row["after"] = counts(self.end, booster)
            row["successful"] = bool(watched) and not silent and set(outcomes.values()) == {"fired"}
            row["not_fired"] = [
                self._named(path) | {"outcome": outcome} for path, outcome in outcomes.items() if outcome != "fired"
            ]
        return row

    def _named(self, path: str) -> dict[str, Any]:
        unit = self.start[path]
        return {"window_id": unit["window_id"], "uid": unit.get("uid")}

    def _other_row(self, path: str) -> dict[str, Any]:
        unit = self.start[path]
        row = {"unit": path, "serial": unit["serial"], "label": unit.get("label")}
        return row | {"detonators": len(children_of(self.start, path)), "why": self.why_not_active(path)}


def difference(later: int | None, earlier: int | None) -> int | None:
    return None if later is None or earlier is None else later - earlier


def counts(units: Units, booster: str) -> dict[str, int]:
    """The report's counts C of a booster."""
    detonators = [units[path] for path in children_of(units, booster)]
    names = {"tagged": "tagged", "logged": "logged", "answering": "detonator_status", "programmed": "program"}
    return {"detonators": len(detonators)} | {
        name: sum(bool(unit.get(bit)) for unit in detonators) for name, bit in names.items()
    }
