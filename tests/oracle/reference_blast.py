"""Page 2's blasts, read plainly: what is sorted at the start, what counts as evidence, what became of detonators."""

import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.oracle.reference_frame import MODES, Fields, Value

Units = dict[str, Fields]
FRAME_COUNTERS = ("received", "duplicate", "rejected", "missing")


def path_key(path: str) -> tuple[int, ...]:
    return tuple(map(int, path.split("/")))


def copied(units: Units) -> Units:
    return {path: dict(unit) for path, unit in units.items()}


def booster_type(mode: str) -> int:
    return 1 if mode == "IBS" else 3


def boosters_of(units: Units, mode: str) -> list[str]:
    """What plays the booster's part in a mode, path order."""
    kind = f"{booster_type(mode)}/"
    return sorted((path for path in units if path.startswith(kind) and path.count("/") == 1), key=path_key)


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
    source_was_ahead: bool = False
    timers_from: int = 0
    """The time its timers go by."""
    completed: int | None = None
    aborted: int | None = None
    ended: int | None = None
    """When firing ended, as it is told."""
    since: int = -1
    """When firing ended (where it has not, initiated), as evidence goes by: a clock that is set back moves it."""
    closed: int | None = None
    how: str | None = None
    end: Units | None = None
    warnings_after: list[dict[str, Any]] | None = None
    left_the_line: bool = False
    was_not_firing: set[str] = field(default_factory=set)
    """Control units whose bit firing was 0 in a frame since the blast opened, the opening one included."""
    evidence: dict[str, bool] = field(default_factory=dict)
    """Of each watched detonator that there is evidence of: whether it still answers."""
    marked_fired: set[str] = field(default_factory=set)
    was_cleared: set[str] = field(default_factory=set)
    was_replaced: set[str] = field(default_factory=set)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    frames: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FRAME_COUNTERS, 0))

    def __post_init__(self) -> None:
        self.since = self.initiated

    @property
    def id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.system}/{self.initiated}"))

    @property
    def firing_over(self) -> int:
        return self.timers_from + MODES[self.mode].firing_time

    @property
    def times_out(self) -> int:
        return self.firing_over + MODES[self.mode].report_time

    # The start.

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
        for path in boosters_of(self.start, self.mode):
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
    def active_detonators(self) -> list[str]:
        return [path for booster in self.sorted_boosters["active"] for path in children_of(self.start, booster)]

    @cached_property
    def watched(self) -> list[str]:
        """Every answering detonator of an active booster, at the start."""
        return [path for path in self.active_detonators if self.start[path].get("detonator_status")]

    # While it is open.

    def end_firing(self, at: int) -> None:
        """Firing complete or aborted: the first of the two counts."""
        if self.ended is None:
            self.ended = self.since = at

    def set_clock_back(self, clock: int) -> None:
        self.timers_from, self.since = min(self.timers_from, clock), min(self.since, clock)

    def hear(self, path: str, data: Fields, created_at: int, key_switch: bool) -> None:
        """What data that aren't stale say of a detonator: evidence, if firing has ended?"""
        if self.ended is None:
            return
        if data.get("booster_fired"):
            self.marked_fired.add(path)
        answers = bool(data["detonator_status"])
        if path in self.watched and created_at >= self.since and (answers or key_switch):
            self.evidence[path] = answers

    def watch_list_became_empty(self) -> bool:
        watched = self.watched
        return bool(watched) and all(path in self.evidence for path in watched)

    def identity(self, unit: Fields) -> Value:
        return unit.get("serial" if self.mode == "IBS" else "uid")

    def identify(self, path: str, unit: Fields) -> None:
        """A detonator of the start is told of: is it another one now? Where none was known, no later one counts."""
        known = self.identity(self.start.get(path, {}))
        if known is not None and self.identity(unit) != known:
            self.was_replaced.add(path)

    def clear(self, booster: str) -> None:
        self.was_cleared.update(children_of(self.start, booster))

    def close(self, at: int, how: str, units: Units, warnings: list[dict[str, Any]]) -> None:
        self.closed, self.how, self.end, self.warnings_after = at, how, copied(units), warnings

    # The outcome.

    def told(self, path: str) -> str | None:
        """What is told of a unit after the blast; None of one that is no detonator of an active booster."""
        if path not in self.active_detonators:
            return None
        if path not in self.watched:
            return "silent_before"
        if path in self.was_cleared or path in self.was_replaced or path not in self.evidence:
            return "unreported"
        return "missed" if self.evidence[path] else "fired"

    def why_unreported(self, path: str) -> str | None:
        if self.told(path) != "unreported":
            return None
        if path in self.was_cleared:
            return "cleared"
        return "replaced" if path in self.was_replaced else "no_evidence"

    def those_told(self, outcome: str) -> list[str]:
        return [path for path in self.active_detonators if self.told(path) == outcome]
