"""The log on Kafka: a producer for all that the worker writes, readers for what it restores from."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, UnknownError

from stateserver.stream.errors import AppendFailed, BrokerUnreachable
from stateserver.stream.kafka_pen import (
    TRANSACTION_MS_MAX,
    PlainPen,
    TransactionalPen,
    all_safe,
    batched,
    offset_after,
)
from stateserver.stream.ports import Bounds, Headers, LogRecord, Pen, Row

logger = logging.getLogger(__name__)

BATCH_BYTES_MAX: Final = 900 << 10
"""Below the 1 MiB that brokers take in one batch by default."""
REQUEST_BYTES_MAX: Final = 17 << 20
"""One record may be as large as a topic's `max.message.bytes` lets it."""
DELIVERY_MS_MAX: Final = 60_000
FETCH_BYTES: Final = 4 << 20
READ_WAIT_MS: Final = 200
FETCH_LIMIT_MS: Final = 10_000


class KafkaLog:
    """`Log` on aiokafka.

    `options` are those that every client is built with, `group` is whose positions pens commit, `pen_name` what
    their transactional ids begin with: all who write the same state must share it.
    """

    def __init__(self, options: dict[str, Any], group: str, pen_name: str) -> None:
        self._options = options
        self._group = group
        self._pen_name = pen_name
        self._producer: AIOKafkaProducer | None = None
        self._surveyor: AIOKafkaConsumer | None = None
        self._surveying = asyncio.Lock()
        self.idempotent = True

    async def start(self) -> None:
        """Connect. Raises BrokerUnreachable.

        The producer is idempotent, so that order and number hold over its retries. The embedded broker does not speak
        that part of the protocol: it refuses at once, and gets a plain producer.
        """
        sender_logger = logging.getLogger("aiokafka.producer.sender")
        sender_logger.disabled = True  # it calls the refusal an error
        try:
            self._producer = await self._started_producer(enable_idempotence=True)
        except UnknownError:
            self.idempotent = False
        finally:
            sender_logger.disabled = False
        if self._producer is None:
            logger.info("the broker takes no idempotent producer: a plain one is used")
            self._producer = await self._started_producer(enable_idempotence=False)
        self._surveyor = self._reader()
        await self._surveyor.start()

    async def _started_producer(self, **kind: Any) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._options,
            **kind,
            acks="all",
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=REQUEST_BYTES_MAX,
            request_timeout_ms=DELIVERY_MS_MAX,
        )
        try:
            await producer.start()
        except BaseException as trouble:
            await producer.stop()
            if isinstance(trouble, KafkaError) and not isinstance(trouble, UnknownError):
                raise self._unreachable(trouble) from trouble
            raise
        return producer

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
        """See `Log`. The embedded broker knows no transactions: there a pen is only a way to write."""
        if not self.idempotent:
            return PlainPen(self.append, partition)
        producer = await self._started_producer(
            transactional_id=f"{self._pen_name}.{partition}", transaction_timeout_ms=TRANSACTION_MS_MAX
        )
        return TransactionalPen(producer, partition, self._group)

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
            raise self._unreachable(trouble) from trouble
        return Bounds(start, end)

    async def _end_by_fetching(self, surveyor: AIOKafkaConsumer, place: TopicPartition, at_least: int) -> int:
        """The embedded broker, asked for the end, tells where its last batch begins; what it fetches tells the end."""
        async with self._surveying:
            surveyor.assign([place])
            surveyor.seek(place, at_least - 1)
            await surveyor.getmany(place, timeout_ms=FETCH_LIMIT_MS)
            return max(at_least, surveyor.highwater(place) or 0)

    def _unreachable(self, trouble: BaseException) -> BrokerUnreachable:
        return BrokerUnreachable(", ".join(self._options["bootstrap_servers"]), str(trouble) or type(trouble).__name__)

    def _reader(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._options,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=READ_WAIT_MS,
        )

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[LogRecord]]:
        """All there is in [start, end), in batches.

        The end is told by the reader's own position, which also passes what is no record: markers of transactions,
        and whatever compaction left out.
        """
        if start >= end:
            return
        place = TopicPartition(topic, partition)
        reader = self._reader()
        await reader.start()
        try:
            reader.assign([place])
            reader.seek(place, start)
            while await reader.position(place) < end:
                found = await reader.getmany(place, timeout_ms=READ_WAIT_MS)
                records = [record for record in found.get(place, ()) if record.offset < end]
                if records:
                    yield records
        finally:
            await reader.stop()
