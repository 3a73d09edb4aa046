"""When a partition's systems are taken a still of, so that how they stood once can be told quickly.

A still costs about a millisecond for a thousand units, and reading a change some ten microseconds. So a system has
one after so many events of its own, and one after so many events of its partition, if it had any since. One that has
nothing new gets one all the same after so many of the others': so that looking for it, among them, comes to an end.

What was taken is remembered by nobody: after a restart every system gets one, a few at each cut.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from stateserver.codec.still import Still
from stateserver.domain.still import take_still
from stateserver.domain.system import System
from stateserver.stream.tracked import Tracked

OWN_EVENTS_MAX: Final = 20_000
PARTITION_EVENTS_MAX: Final = 100_000
ROWS_MAX: Final = 1_000
"""Stills of others, after which a system has another one whatever happens."""
STILLS_A_CUT_MAX: Final = 4
"""Nothing else happens while they are taken."""
UNITS_AN_EVENT: Final = 4
"""A system of so many units a wanted event waits longer: its still is as large as they are many."""


class _Taken(NamedTuple):
    """The last still of a system, and how many had been taken in all by then."""

    version: int
    number: int


class Stills:
    """Of one partition."""

    def __init__(self) -> None:
        self._taken: dict[str, _Taken] = {}
        self._number = 0
        self._since: dict[str, int] = {}
        self._untaken: dict[str, None] = {}
        self._changes_offset: int | None = None

    def await_all(self, systems: Iterable[str]) -> None:
        """These have none that we know of."""
        self._untaken.update(dict.fromkeys(systems))

    def take(self, systems: Mapping[str, Tracked], moved: Iterable[str], changes_offset: int | None) -> list[Still]:
        """At a cut: stills of those that are due. `moved` are the systems that records were applied to since the last
        cut; all events after this one lie in `changes` from that offset on (None: nobody knows, so there are none).
        """
        before, self._changes_offset = self._changes_offset, changes_offset
        due = self._own_events_are_many(systems, moved, before if before is not None else changes_offset)
        if changes_offset is None:
            return []
        due += [name for name in self._waiting(changes_offset) if name not in due]
        return [self._still(systems[name].system, changes_offset) for name in due[:STILLS_A_CUT_MAX]]

    def _own_events_are_many(
        self, systems: Mapping[str, Tracked], moved: Iterable[str], offset: int | None
    ) -> list[str]:
        due = []
        for name in moved:
            taken = self._taken.get(name)
            if taken is None:
                self._untaken[name] = None
                continue
            system = systems[name].system
            fresh = system.version - taken.version
            if fresh:
                self._since.setdefault(name, offset or 0)
            if fresh >= OWN_EVENTS_MAX and fresh >= OWN_EVENTS_MAX + _units(system) // UNITS_AN_EVENT:
                due.append(name)
        return due

    def _waiting(self, changes_offset: int) -> list[str]:
        due = list(self._untaken)[:STILLS_A_CUT_MAX]
        for name, since in self._since.items():
            if len(due) >= STILLS_A_CUT_MAX or changes_offset - since < PARTITION_EVENTS_MAX:
                break
            due.append(name)
        for name, taken in self._taken.items():
            if len(due) >= STILLS_A_CUT_MAX or self._number - taken.number < ROWS_MAX:
                break
            due.append(name)
        return list(dict.fromkeys(due))

    def _still(self, system: System, changes_offset: int) -> Still:
        name = system.name
        self._untaken.pop(name, None)
        self._since.pop(name, None)
        self._taken.pop(name, None)  # the order is that in which they were taken
        self._number += 1
        self._taken[name] = _Taken(system.version, self._number)
        return Still(name, system.version, system.time, system.mode, changes_offset, take_still(system))


def _units(system: System) -> int:
    return sum(1 if unit.bank is None else 1 + len(unit.bank.presence) for unit in system.speakers.values())
