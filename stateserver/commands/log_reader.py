"""Reading stretches of partitions beside whoever works on them: in no group, committing nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stateserver.commands.topic_reading import STALLED_S, START_LIMIT_S, CannotRead
from stateserver.kafka.readers import reader
from stateserver.settings import Settings, kafka_client_options, variable

STEP_MS: Final = 500
FETCH_BYTES: Final = 4 << 20


class Record(Protocol):
    """A record as the consumer gives it. `timestamp` is Kafka's own, ms since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Bounds(NamedTuple):
    """The first offset that a partition still has, and the one its next record gets."""

    start: int
    end: int


class LogReader:
    """For `async with`. Raises CannotRead where no broker answers, or what there is doesn't come."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = reader(kafka_client_options(settings), fetch_bytes=FETCH_BYTES, wait_ms=STEP_MS)

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await self._consumer.start()
        except (TimeoutError, KafkaError) as trouble:
            await self._consumer.stop()
            raise CannotRead(f"no broker answers: {trouble}", f"see {variable('brokers')}") from trouble
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def bounds(self, places: Collection[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """What the partitions hold now."""
        consumer = self._consumer
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        filled = [place for place in places if ends[place] > begins[place]]
        if filled:
            # Asked for the end, the embedded broker tells where the last batch begins, and one; fetching tells it.
            consumer.assign(filled)
            for place in filled:
                consumer.seek(place, ends[place] - 1)
            asked_at = time.monotonic()
            while untold := [place for place in filled if consumer.highwater(place) is None]:
                await consumer.getmany(*untold, timeout_ms=STEP_MS)
                if time.monotonic() - asked_at > STALLED_S:
                    raise self._stalled(untold[0])
        return {
            place: Bounds(begins[place], max(ends[place], consumer.highwater(place) if place in filled else 0))
            for place in places
        }

    async def offset_at(self, place: TopicPartition, time_ms: int) -> int | None:
        """The first offset whose record Kafka got at that time or later; None where there is none."""
        found = (await self._consumer.offsets_for_times({place: time_ms}))[place]
        # The embedded broker says "none" by a time of -1.
        return None if found is None or found.timestamp is None or found.timestamp < 0 else int(found.offset)

    async def read(self, place: TopicPartition, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records of [start, end), in batches; `end` is not beyond where the partition ends."""
        consumer = self._consumer
        if start >= end:
            return
        consumer.assign([place])
        consumer.seek(place, start)
        moved_at, position = time.monotonic(), start
        while position < end:
            fetched = await consumer.getmany(place, timeout_ms=STEP_MS)
            records = [record for record in fetched.get(place, ()) if record.offset < end]
            if records:
                yield records
            # It also passes what is no record: markers of transactions, and whatever compaction left out.
            reached = await consumer.position(place)
            if reached > position:
                moved_at, position = time.monotonic(), reached
            elif time.monotonic() - moved_at > STALLED_S:
                raise self._stalled(place)

    @staticmethod
    def _stalled(place: TopicPartition) -> CannotRead:
        return CannotRead(
            f"nothing came of {place.topic} {place.partition} for {STALLED_S:g} s, and there is more",
            f"see {variable('brokers')}",
        )
