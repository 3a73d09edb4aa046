"""The last marker of a state's changelog, which lies near its end, without reading all that lies before it."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Protocol

from stateserver.stream.place import Place
from stateserver.stream.ports import LogRecord
from stateserver.stream.state_rows import MARKER_KEY, Marker, decode_marker

TAIL_RECORDS: Final = 1_000

Reading = Callable[[int, int], AsyncIterator[Sequence[LogRecord]]]
"""All there is in [start, end), in batches."""


class Held(Protocol):
    """What a partition holds: its first offset, and the one its next record will get."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


async def find_last_marker(held: Held, read: Reading) -> Marker | None:
    """The last marker in there; None where there is none. Raises DamagedRow, and what reading raises."""
    start, size = held.end, TAIL_RECORDS
    while start > held.start:
        start, end, size = max(held.start, start - size), start, size * 4
        found: LogRecord | None = None
        async for records in read(start, end):
            found = next((record for record in reversed(records) if record.key == MARKER_KEY), found)
        if found is not None and found.value is not None:
            return decode_marker(found.value)
    return None


async def last_marker(place: Place) -> Marker | None:
    """What a partition's state stands for. Raises as `find_last_marker`."""
    log, topic, partition = place.log, place.layout.state, place.partition
    held = await log.bounds(topic, partition)
    return await find_last_marker(held, lambda start, end: log.read(topic, partition, start, end))
