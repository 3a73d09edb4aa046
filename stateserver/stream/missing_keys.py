"""Whether the key ring still opens what it once opened: a journal that is folded again with less would forget."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from stateserver.codec.era import era_of
from stateserver.codec.rejected import decode_rejected
from stateserver.codec.schemas import UnreadableValue
from stateserver.protocol.reasons import Reason, Rejected
from stateserver.security.envelope import open_record
from stateserver.security.keyring import KeyRing
from stateserver.stream.place import Place

OF_THE_RING: Final = frozenset({Reason.UNKNOWN_KEY, Reason.KEY_NOT_ALLOWED, Reason.BAD_SEAL})
"""What a record is rejected with for what the ring has, or lacks."""


async def no_longer_opened(
    place: Place, ring: KeyRing, applied: Mapping[str, int], era: int, passed: Callable[[int], object]
) -> Counter[str]:
    """How many of the records before `applied` (offsets by topic) the ring doesn't open, and why, though it once did.

    Those that `rejected` tells of it never did, in that era. `passed` is told how many records were looked at.
    """
    known, missing = await _rejected(place, era), Counter[str]()
    for topic, end in applied.items():
        start = (await place.log.bounds(topic, place.partition)).start
        async for records in place.log.read(topic, place.partition, start, end):
            for record in records:
                try:
                    open_record(ring, record.key, record.value, record.timestamp)
                except Rejected as rejection:
                    if rejection.reason in OF_THE_RING and (topic, record.offset) not in known:
                        missing[rejection.detail] += 1
            passed(len(records))
    return missing


async def _rejected(place: Place, era: int) -> set[tuple[str, int]]:
    """Which records were rejected in that era, for whatever reason: by topic and offset."""
    topic, known = place.layout.topics.rejected, set[tuple[str, int]]()
    bounds = await place.log.bounds(topic, place.partition)
    async for records in place.log.read(topic, place.partition, bounds.start, bounds.end):
        for record in records:
            if era_of(record.headers) != era:
                continue
            try:
                row = decode_rejected(record.value or b"")
            except UnreadableValue:
                continue
            known.add((row.topic, row.offset))
    return known
