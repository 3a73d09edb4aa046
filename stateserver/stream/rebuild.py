"""`stateserver rebuild`: what was told of a partition is withdrawn, and whoever works on it next tells it anew.

The remedy where state was lost, where what was told and what the journal says are two things, and where a key that was
missing is there again. The partition's pen is taken, so its worker is fenced and started again; it finds a partition of
which nothing was told, and folds the journal from its beginning (see `withdrawal`).
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from stateserver.security.keyring import KeyRing
from stateserver.stream.errors import CannotRebuild, Fenced, KeysMissing
from stateserver.stream.last_marker import last_marker
from stateserver.stream.missing_keys import no_longer_opened
from stateserver.stream.place import Place
from stateserver.stream.ports import Pen
from stateserver.stream.state_rows import DamagedRow, Marker
from stateserver.stream.withdrawal import begin_anew, check_deletion, finish, journal_beginnings, latest_era, live_keys

logger = logging.getLogger(__name__)


class Withdrawn(NamedTuple):
    """What was withdrawn of a partition: how many systems were told of; and how many records are to be folded again."""

    partition: int
    systems: int
    records: int


async def check_rebuild(
    place: Place, ring: KeyRing, passed: Callable[[int], object] = lambda _: None, *, forget: bool = False
) -> None:
    """Whether a partition can be told anew; nothing is changed. `passed` is told how many records were looked at.

    `forget`: what the key ring no longer opens may be forgotten. Raises CannotRebuild, KeysMissing, DeletionRefused,
    and what the log raises.
    """
    marker = await _marker(place)
    await journal_beginnings(place, marker)
    await check_deletion(place)
    if not forget:
        applied = await _done(place) if marker is None else marker.positions
        era = await latest_era(place) if marker is None else marker.era
        missing = await no_longer_opened(place, ring, applied, era, passed)
        if missing:
            raise KeysMissing(place.partition, missing)


async def rebuild_partition(place: Place, now_ms: int) -> Withdrawn:
    """Withdraw what was told of it; to be checked before. Raises CannotRebuild, and what the log raises."""
    systems = len(await live_keys(place, place.layout.topics.systems))
    pen = await place.log.take_pen(place.partition)
    try:
        marker = await _withdraw(place, pen, now_ms)
    finally:
        await pen.close()
    ends = await _journal_ends(place)
    return Withdrawn(place.partition, systems, sum(ends[topic] - start for topic, start in marker.positions.items()))


async def _withdraw(place: Place, pen: Pen, now_ms: int) -> Marker:
    marker = await _marker(place)
    try:
        if marker is None or marker.withdraws is None:
            marker = await begin_anew(place, pen, marker, now_ms)
    except Fenced as trouble:
        raise CannotRebuild(
            f"a worker took partition {place.partition} back before anything was withdrawn", "run it again"
        ) from trouble
    try:
        await finish(place, pen, marker)
    except Fenced:
        logger.info("partition %d: a worker has it already, and goes on with what was begun", place.partition)
    return marker


async def _marker(place: Place) -> Marker | None:
    """What the state stands for; None where it is lost, or so damaged that nobody can say."""
    try:
        return await last_marker(place)
    except DamagedRow:
        return None


async def _done(place: Place) -> dict[str, int]:
    """How far the journal was applied, as far as the group knows; all of it where it doesn't."""
    done = {topic: await place.log.committed(topic, place.partition) for topic in place.layout.journals}
    return await _journal_ends(place) | {topic: offset for topic, offset in done.items() if offset is not None}


async def _journal_ends(place: Place) -> dict[str, int]:
    return {topic: (await place.log.bounds(topic, place.partition)).end for topic in place.layout.journals}
