"""Where in `changes` the events of a system were seen: what narrows a search for others. Pure, and bounded."""

from bisect import bisect_right
from collections import OrderedDict
from typing import Final, NamedTuple

SYSTEMS_MAX: Final = 1_000
PLACES_A_SYSTEM_MAX: Final = 1_000


class Between(NamedTuple):
    """From offset `low`, a system's next event is a version that was asked for, or an earlier one.

    From `high` on, all that is new is later. None: nothing is known.
    """

    low: int | None
    high: int | None


class KnownPlaces:
    """Places by system. Offsets are those of the system's partition."""

    def __init__(self) -> None:
        self._systems: OrderedDict[str, list[tuple[int, int]]] = OrderedDict()

    def note(self, system: str, version: int, offset: int) -> None:
        """The event of that version lies at that offset."""
        places = self._systems.setdefault(system, [])
        self._systems.move_to_end(system)
        if len(self._systems) > SYSTEMS_MAX:
            self._systems.popitem(last=False)
        at = bisect_right(places, (version, offset))
        if at and places[at - 1][0] == version:
            return
        # A worker that died repeats events further on: only what grows in both is of use.
        if (at and places[at - 1][1] >= offset) or (at < len(places) and places[at][1] <= offset):
            return
        places.insert(at, (version, offset))
        if len(places) > PLACES_A_SYSTEM_MAX:
            del places[1:-1:2]

    def between(self, system: str, version: int) -> Between:
        """Where to look for the first event after `version`."""
        places = self._systems.get(system, [])
        at = bisect_right(places, version, key=lambda place: place[0])
        return Between(places[at - 1][1] if at else None, places[at][1] if at < len(places) else None)

    def forget(self) -> None:
        """The topic is not what it was."""
        self._systems.clear()
