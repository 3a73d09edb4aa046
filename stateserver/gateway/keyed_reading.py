"""Reading one partition for the records of one key alone."""

import time
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from stateserver.codec.era import FIRST_ERA, era_of

STEP_MS: Final = 250
STALLED_S: Final = 10.0


class KeyedReader:
    """`consumer` is used by one of these at a time; what is read is what is committed, and of that era."""

    def __init__(
        self, consumer: AIOKafkaConsumer, topic: str, partition: int, key: bytes, era: int = FIRST_ERA
    ) -> None:
        self._consumer = consumer
        self._place = TopicPartition(topic, partition)
        self._key = key
        self._era = era
        self.begin = 0
        self.end = 0

    async def open(self) -> None:
        """Find what the partition holds now: [begin, end). Raises TimeoutError where nothing is told of it."""
        place, consumer = self._place, self._consumer
        # First of all: the client knows of no topic but those that are assigned.
        consumer.assign([place])
        begins, ends = await consumer.beginning_offsets([place]), await consumer.end_offsets([place])
        self.begin, self.end = begins[place], ends[place]
        if self.end > self.begin:
            # Asked for the end, the embedded broker tells where the last batch begins, and one; fetching tells it.
            consumer.seek(place, self.end - 1)
            asked_at = time.monotonic()
            while consumer.highwater(place) is None:
                await consumer.getmany(place, timeout_ms=STEP_MS)
                self._check(asked_at)
            stable = consumer.last_stable_offset(place)
            told = consumer.highwater(place) if stable is None or stable < 0 else stable
            self.end = max(self.end, told or 0)

    async def offset_at(self, time_ms: int) -> int:
        """The first offset whose record Kafka got at that time (ms since 1970) or later; `end` where there is none."""
        found = (await self._consumer.offsets_for_times({self._place: time_ms}))[self._place]
        # The embedded broker says "none" by a time of -1.
        return self.end if found is None or found.timestamp is None or found.timestamp < 0 else int(found.offset)

    def seek(self, offset: int) -> None:
        """Go on from there."""
        self._consumer.seek(self._place, offset)

    async def next(self, end: int) -> Sequence[Any]:
        """The key's records in what comes next below `end`, some at least; none where there is nothing more."""
        moved_at, position = time.monotonic(), await self._consumer.position(self._place)
        while position < end:
            fetched = await self._consumer.getmany(self._place, timeout_ms=STEP_MS)
            found = [record for record in fetched.get(self._place, ()) if record.offset < end and self._is_ours(record)]
            if found:
                return found
            # It also passes what is no record: markers of transactions.
            reached = await self._consumer.position(self._place)
            if reached > position:
                moved_at, position = time.monotonic(), reached
            self._check(moved_at)
        return ()

    def _is_ours(self, record: Any) -> bool:
        return record.key == self._key and era_of(record.headers) == self._era

    def _check(self, since: float) -> None:
        if time.monotonic() - since > STALLED_S:
            place = self._place
            raise TimeoutError(f"nothing came of {place.topic} {place.partition} for {STALLED_S:g} s")
