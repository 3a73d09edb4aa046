"""The log on Kafka: a producer for all that the worker writes, readers for what it restores from."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidRequestError,
    KafkaError,
    PolicyViolationError,
    TopicAuthorizationFailedError,
)

from stateserver.kafka.admins import admin
from stateserver.kafka.readers import reader
from stateserver.kafka.writers import start_transactional, start_writer
from stateserver.stream.errors import AppendFailed, BrokerUnreachable, DeletionRefused
from stateserver.stream.kafka_pen import (
    TRANSACTION_MS_MAX,
    PlainPen,
    TransactionalPen,
    all_safe,
    batched,
    offset_after,
)
from stateserver.stream.ports import Bounds, Headers, LogRecord, Pen, Row

BATCH_BYTES_MAX: Final = 900 << 10
"""Below the 1 MiB that brokers take in one batch by default."""
REQUEST_BYTES_MAX: Final = 17 << 20
"""One record may be as large as a topic's `max.message.bytes` lets it."""
DELIVERY_MS_MAX: Final = 60_000
FETCH_BYTES: Final = 4 << 20
READ_WAIT_MS: Final = 200
FETCH_LIMIT_MS: Final = 10_000
REFUSALS: Final = (
    ClusterAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidRequestError,
    PolicyViolationError,
    TopicAuthorizationFailedError,
)
"""What a broker says that doesn't delete records for us, however often it is asked."""
_WRITING: Final[dict[str, Any]] = {
    "acks": "all",
    "max_batch_size": BATCH_BYTES_MAX,
    "max_request_size": REQUEST_BYTES_MAX,
    "request_timeout_ms": DELIVERY_MS_MAX,
}


class KafkaLog:
    """`Log` on aiokafka.

    `options` are those that every client is built with, `group` is whose positions pens commit, `pen_name` what
    their transactional ids begin with: all who write the same state must share it. `transaction_ms_max` is how long a
    pen may take to write.
    """

    def __init__(
        self, options: dict[str, Any], group: str, pen_name: str, *, transaction_ms_max: int = TRANSACTION_MS_MAX
    ) -> None:
        self._options = options
        self._group = group
        self._pen_name = pen_name
        self._transaction_ms_max = transaction_ms_max
        self._producer: AIOKafkaProducer | None = None
        self._surveyor: AIOKafkaConsumer | None = None
        self._surveying = asyncio.Lock()
        self.idempotent = True

    async def start(self) -> None:
        """Connect. Raises BrokerUnreachable.

        The producer is idempotent, so that order and number hold over its retries; on the embedded broker alone, which
        refuses it, a plain one is used.
        """
        try:
            self._producer, self.idempotent = await start_writer(self._options, **_WRITING)
            self._surveyor = self._reader()
            await self._surveyor.start()
        except (KafkaError, OSError) as trouble:
            await self.stop()
            raise BrokerUnreachable(self._options, trouble) from trouble

    async def stop(self) -> None:
        """Let go of the broker; what was appended is out already."""
        for client in (self._producer, self._surveyor):
            if client is not None:
                await client.stop()

    async def append(self, topic: str, partition: int, rows: Sequence[Row], headers: Headers = ()) -> int:
        """Write rows, in order, after all that was appended before; see `Log`."""
        assert self._producer is not None, "start() comes first"
        assert rows
        # Asked for a topic's end, the embedded broker tells where its last batch begins, and one: make that true.
        batches = batched(self._producer, rows, headers, last_alone=not self.idempotent)
        try:
            under_way = [await self._producer.send_batch(batch, topic, partition=partition) for batch in batches]
            await all_safe(under_way)
        except (KafkaError, OSError) as trouble:
            raise AppendFailed(topic, partition, trouble) from trouble
        return offset_after(under_way[-1], batches[-1].record_count())

    async def take_pen(self, partition: int) -> Pen:
        """See `Log`. The embedded broker knows no transactions: there a pen is only a way to write.

        Raises BrokerUnreachable.
        """
        if not self.idempotent:
            return PlainPen(self.append, partition)
        transactional_id = f"{self._pen_name}.{partition}"
        try:
            producer = await start_transactional(
                self._options, transactional_id, transaction_timeout_ms=self._transaction_ms_max, **_WRITING
            )
        except (KafkaError, OSError) as trouble:
            raise BrokerUnreachable(self._options, trouble) from trouble
        return TransactionalPen(producer, partition, self._group, self._transaction_ms_max)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """What the partition holds now."""
        assert self._surveyor is not None, "start() comes first"
        place = TopicPartition(topic, partition)
        try:
            starts, ends = await asyncio.gather(
                self._surveyor.beginning_offsets([place]), self._surveyor.end_offsets([place])
            )
            start, end = starts[place], ends[place]
            if not self.idempotent and end > start:
                end = await self._end_by_fetching(self._surveyor, place, end)
        except (KafkaError, OSError) as trouble:
            raise BrokerUnreachable(self._options, trouble) from trouble
        return Bounds(start, end)

    async def committed(self, topic: str, partition: int) -> int | None:
        """What the group was told; see `Log`. Raises BrokerUnreachable."""
        place = TopicPartition(topic, partition)
        consumer = AIOKafkaConsumer(**self._options, group_id=self._group, enable_auto_commit=False)
        try:
            await consumer.start()
            consumer.assign([place])
            told: int | None = await consumer.committed(place)
        except (KafkaError, OSError) as trouble:
            raise BrokerUnreachable(self._options, trouble) from trouble
        finally:
            await consumer.stop()
        return told

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Delete records; see `Log`. The embedded broker can't, and refuses."""
        place = TopicPartition(topic, partition)
        async with self._admin() as client:
            try:
                await client.delete_records({place: RecordsToDelete(before_offset=offset)})
            except REFUSALS as refusal:
                raise DeletionRefused(topic, partition, refusal) from refusal

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        """How many partitions there are; see `Log`. Raises BrokerUnreachable."""
        async with self._admin() as client:
            # Never asked for by name: some brokers make any topic that they are asked about.
            described = await client.describe_topics()
        counts = {one["topic"]: len(one["partitions"]) for one in described if not one["error_code"]}
        return {topic: counts.get(topic, 0) for topic in topics}

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        try:
            async with admin(self._options, request_timeout_ms=DELIVERY_MS_MAX) as client:
                yield client
        except (KafkaError, OSError) as trouble:  # a TimeoutError is an OSError
            raise BrokerUnreachable(self._options, trouble) from trouble

    async def _end_by_fetching(self, surveyor: AIOKafkaConsumer, place: TopicPartition, at_least: int) -> int:
        """The embedded broker, asked for the end, tells where its last batch begins; what it fetches tells the end."""
        async with self._surveying:
            surveyor.assign([place])
            surveyor.seek(place, at_least - 1)
            await surveyor.getmany(place, timeout_ms=FETCH_LIMIT_MS)
            return max(at_least, surveyor.highwater(place) or 0)

    def _reader(self) -> AIOKafkaConsumer:
        return reader(self._options, fetch_bytes=FETCH_BYTES, wait_ms=READ_WAIT_MS)

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[LogRecord]]:
        """All there is in [start, end), in batches.

        The end is told by the reader's own position, which also passes what is no record: markers of transactions,
        and whatever compaction left out.
        """
        if start >= end:
            return
        place = TopicPartition(topic, partition)
        consumer = self._reader()
        await consumer.start()
        try:
            consumer.assign([place])
            consumer.seek(place, start)
            while await consumer.position(place) < end:
                found = await consumer.getmany(place, timeout_ms=READ_WAIT_MS)
                records = [record for record in found.get(place, ()) if record.offset < end]
                if records:
                    yield records
        finally:
            await consumer.stop()
