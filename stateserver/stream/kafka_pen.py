"""Pens on Kafka: checkpoints as transactions, or sheet after sheet where the broker has none."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from stateserver.errors import StateServerError
from stateserver.stream.errors import AppendFailed, Fenced
from stateserver.stream.ports import Headers, Row, Sheet

TRANSACTION_MS_MAX: Final = 60_000
"""A checkpoint that takes longer is given up, and the broker strikes it out."""
CLOSE_S_MAX: Final = 1.0


async def all_safe(under_way: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for batches that were sent; raises the first failure once the fate of all is known."""
    await asyncio.wait(under_way)
    for failure in [sent.exception() for sent in under_way]:
        if failure is not None:
            raise failure


def _looked_at(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


def offset_after(sent: asyncio.Future[Any], count: int) -> int:
    """The offset after the last record of a batch that is safe."""
    return int(sent.result().offset) + count


Append = Callable[[str, int, Sequence[Row], Headers], Awaitable[int]]


def batched(
    producer: AIOKafkaProducer, rows: Sequence[Row], headers: Headers, *, last_alone: bool = False
) -> list[Any]:
    """Rows as closed batches, each as large as the producer takes it; the last row in one of its own if asked."""
    batch, carried = producer.create_batch(), list(headers)
    batches, last = [batch], len(rows) - 1
    for at, (key, value, own) in enumerate(rows):
        alone = last_alone and at == last and at > 0
        headed = [*carried, *own] if own else carried
        if alone or batch.append(key=key, value=value, timestamp=None, headers=headed) is None:
            batch = producer.create_batch()
            batches.append(batch)
            batch.append(key=key, value=value, timestamp=None, headers=headed)
    for each in batches:
        each.close()
    return batches


class TransactionalPen:
    """`Pen` by a transactional id of the partition's own: the broker fences whoever had it before.

    A failed write is its last: whether the broker struck it out is not known before the pen is taken anew.
    """

    commits = True

    def __init__(
        self, producer: AIOKafkaProducer, partition: int, group: str, limit_ms: int = TRANSACTION_MS_MAX
    ) -> None:
        self._producer = producer
        self._partition = partition
        self._group = group
        self._limit_ms = limit_ms
        self._trouble: StateServerError | None = None

    async def write(self, sheets: Sequence[Sheet], positions: Mapping[tuple[str, int], int]) -> dict[str, int]:
        if self._trouble is not None:
            raise self._trouble
        try:
            async with asyncio.timeout(self._limit_ms / 1000):
                return await self._write([sheet for sheet in sheets if sheet.rows], positions)
        except ProducerFenced as trouble:
            raise self._failed(Fenced(self._partition)) from trouble
        except (KafkaError, OSError) as trouble:  # a TimeoutError is an OSError
            raise self._failed(AppendFailed(sheets[-1].topic, self._partition, trouble)) from trouble

    def _failed(self, trouble: StateServerError) -> StateServerError:
        self._trouble = trouble
        # Nobody will wait for its end any more: that it failed is told here, not once more when it is collected.
        end = self._producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001
        end.add_done_callback(_looked_at)
        return trouble

    async def _write(self, sheets: Sequence[Sheet], positions: Mapping[tuple[str, int], int]) -> dict[str, int]:
        producer = self._producer
        await producer.begin_transaction()
        under_way, lasts = [], {}
        for topic, rows, headers in sheets:
            for batch in batched(producer, rows, headers):
                sent = await producer.send_batch(batch, topic, partition=self._partition)
                sent.add_done_callback(_looked_at)
                under_way.append(sent)
                lasts[topic] = (sent, batch.record_count())
        offsets = {TopicPartition(*place): offset for place, offset in positions.items()}
        await producer.send_offsets_to_transaction(offsets, self._group)
        await all_safe(under_way)
        await producer.commit_transaction()
        return {topic: offset_after(sent, count) for topic, (sent, count) in lasts.items()}

    async def close(self) -> None:
        """Never waits long: a broker that is away, or the fence, would keep it waiting."""
        stopping = asyncio.ensure_future(self._producer.stop())
        done, _ = await asyncio.wait({stopping}, timeout=CLOSE_S_MAX)
        if not done:
            stopping.cancel()
            await self._producer.client.close()
        await asyncio.gather(stopping, return_exceptions=True)


class PlainPen:
    """`Pen` for a broker without transactions: nobody is fenced, and a checkpoint may be cut off between two sheets.

    So its last sheet has to be the one that makes the others count.
    """

    commits = False

    def __init__(self, append: Append, partition: int) -> None:
        self._append = append
        self._partition = partition

    async def write(self, sheets: Sequence[Sheet], positions: Mapping[tuple[str, int], int]) -> dict[str, int]:
        return {
            topic: await self._append(topic, self._partition, rows, headers) for topic, rows, headers in sheets if rows
        }

    async def close(self) -> None:
        pass
