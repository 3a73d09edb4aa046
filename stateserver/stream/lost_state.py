"""Whether a partition's state is all that was made: what the group, `systems` and `changes` say is held against it.

A state begins with a marker before anything is told, and each checkpoint writes it together with rows of `systems` and
with the group's position. So where one of these is ahead of it, some of it is gone; or another has taken the partition
since it was read, and written on. Without transactions they may be ahead for a moment, so there only a state that is
gone whole is noticed.
"""

from typing import Final

from stateserver.codec.schemas import UnreadableValue
from stateserver.codec.system import SystemRow, decode_system
from stateserver.stream.errors import Fenced, StateLost
from stateserver.stream.last_marker import last_marker
from stateserver.stream.place import Place
from stateserver.stream.ports import Clock
from stateserver.stream.state_rows import DamagedRow, Marker

TRIES: Final = 10
AGAIN_AFTER_S: Final = 0.5
"""Of a transaction that has just ended, some partitions show the records a little before others do."""


async def check_nothing_was_told(place: Place, *, transactions: bool) -> None:
    """Of a partition whose state is empty. Raises StateLost where it once was not."""
    topics, partition = place.layout.topics, place.partition
    told = []
    for topic in place.layout.journals:
        done = await place.log.committed(topic, partition) if transactions else None
        if done:
            told.append(f"the group has {topic} done up to offset {done}")
    systems = await _systems(place)
    if systems:
        told.append(f"{topics.systems} tells of {len(systems)} systems")
    if (await place.log.bounds(topics.changes, partition)).end:
        told.append(f"events were told in {topics.changes}")
    if told:
        raise StateLost(place.layout.state, partition, "is empty", ", and ".join(told))


async def check_nothing_is_missing(place: Place, marker: Marker) -> None:
    """Of a state with transactions that stands for `marker`. Raises StateLost where it once stood for more."""
    known = [
        (topic, done)
        for topic in marker.positions.keys() & set(place.layout.journals)
        if (done := await place.log.committed(topic, place.partition)) is not None
    ]
    for topic, done in sorted(known):
        if done > marker.positions[topic]:
            raise StateLost(
                place.layout.state,
                place.partition,
                f"stands for offset {marker.positions[topic]} of {topic}",
                f"the group has it done up to offset {done}",
            )
    if not known:
        await _check_systems(place, marker)


async def check_still_so(place: Place, clock: Clock, seen: Marker | None) -> None:
    """The state still stands for what was `seen` (None: nothing); raises Fenced where another has written on."""
    for _ in range(TRIES):
        try:
            now = await last_marker(place)
        except DamagedRow:
            return
        if now is not None and (seen is None or (now.lineage, now.positions) != (seen.lineage, seen.positions)):
            raise Fenced(place.partition)
        await clock.sleep(AGAIN_AFTER_S)


async def _check_systems(place: Place, marker: Marker) -> None:
    """The group has forgotten, as it does after a while, or is another one: `systems` still tells."""
    ahead = [row for row in await _systems(place) if row.offset >= max(marker.positions.values(), default=0)]
    if ahead:
        raise StateLost(
            place.layout.state,
            place.partition,
            f"stands for {marker.positions}",
            f"{place.layout.topics.systems} tells of system {ahead[0].system!r} at offset {ahead[0].offset}",
        )


async def _systems(place: Place) -> list[SystemRow]:
    """The rows of `systems`."""
    topic, rows = place.layout.topics.systems, dict[bytes, bytes | None]()
    bounds = await place.log.bounds(topic, place.partition)
    async for records in place.log.read(topic, place.partition, bounds.start, bounds.end):
        rows.update((record.key or b"", record.value) for record in records)
    found = []
    for value in rows.values():
        try:
            found.append(decode_system(value or b""))
        except UnreadableValue:
            continue
    return found
