"""Faust's Kafka transport, made to hand over all records of one fetch of one partition as one message.

One message a record would cost more than all the rest of the worker. With messages of many records, Faust's own
account of what was acknowledged cannot work any more (it counts offsets one by one), so positions are the worker's:
it says what to commit, and where to read on after a rebalance.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.threads import ServiceThread, WorkerThread

from stateserver.stream.ports import Batch, Progress
from stateserver.stream.worker import Worker

FAUST_LOGGER: Final = logging.getLogger("faust.stateserver")
"""What Faust itself says through classes of ours belongs to Faust's logs."""

FETCH_WAIT_MS: Final = 100
"""How long a broker may hold back an answer with nothing in it. The embedded one is late with news if it is longer."""

LEAVE_WITHIN_S: Final = 1.5


class DaemonThread(WorkerThread):
    """A thread that does not keep a process alive which has failed to stop it."""

    def __init__(self, service: ServiceThread, **options: Any) -> None:
        super().__init__(service, **options)
        self.daemon = True


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka's consumer lives."""

    logger = FAUST_LOGGER

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no settings for these two.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        return consumer

    async def on_thread_stop(self) -> None:
        """Leave the group; where the broker keeps us waiting (it holds back the answer to a join), hang up."""
        leaving = asyncio.ensure_future(super().on_thread_stop())
        done, _ = await asyncio.wait({leaving}, timeout=LEAVE_WITHIN_S)
        if not done and self._consumer is not None:
            await self._consumer._client.close()  # noqa: SLF001 stop() itself is what waits
            done, _ = await asyncio.wait({leaving}, timeout=LEAVE_WITHIN_S)
        if not done or leaving.cancelled() or leaving.exception() is not None:
            leaving.cancel()
            FAUST_LOGGER.debug("the consumer was not closed in good order")

    def read_position(self, tp: TP) -> int | None:
        """Where the next fetch of a partition begins; None while it has none."""
        consumer: AIOKafkaConsumer = self._ensure_consumer()
        subscription = consumer._subscription.subscription  # noqa: SLF001 its public position() waits for one
        assignment = None if subscription is None else subscription.assignment
        if assignment is None or tp not in assignment.tps:
            return None
        state = assignment.state_value(tp)
        return state.position if state is not None and state.has_valid_position else None


class Consumer(driver.Consumer):
    """Batches in place of records; the worker's positions in place of Faust's."""

    logger = FAUST_LOGGER

    def __init__(self, *args: Any, **options: Any) -> None:
        self._follows: dict[TP, int] = {}
        super().__init__(*args, **options)

    @property
    def worker(self) -> Worker:
        """Who knows how far the journal is applied."""
        worker = getattr(self.app, "worker", None)
        assert isinstance(worker, Worker), "the app is given its worker before it starts"
        return worker

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon, Worker=DaemonThread)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Batch]]:
        fetched = await super()._getmany(active_partitions, timeout)
        follows = self._follows
        batches: dict[TP, list[Batch]] = {}
        for tp, records in fetched.items():
            if records:
                batch = Batch(tp.topic, tp.partition, follows.get(tp, records[0].offset), records)
                follows[tp] = batch.next_offset
                batches[tp] = [batch]
        return batches

    def _to_message(self, tp: TP, record: Batch) -> ConsumerMessage:
        last = record.records[-1]
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=(last.timestamp or 0) / 1000.0,
            timestamp_type=0,
            headers=None,
            key=b"",
            value=cast("bytes", record),  # Faust hands it on as it is
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Between the last offsets of two batches there is nothing but their records."""

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Have the worker make a checkpoint, which commits. Faust asks for it before it gives partitions away."""
        self._acked.clear()
        self._acked_index.clear()
        await self.worker.commit()
        return True

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: the fetcher itself waits for room. Faust would sleep a second once all partitions are full."""

    async def perform_seek(self) -> None:
        """Read on where the worker stands: what was fetched and not handed to it is fetched again."""
        wanted = {}
        for tp in self.assignment():
            position = None if self._is_changelog_tp(tp) else self.worker.position(tp.topic, tp.partition)
            if position is not None:
                wanted[tp] = position
        if wanted:
            await self.seek_wait(wanted)
        self._follows.update(wanted)

    async def commit_positions(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Commit for the group. What is no longer ours is passed over."""
        ours = self.assignment()
        offsets = {TP(*place): offset for place, offset in positions.items() if TP(*place) in ours}
        if offsets:
            await self._commit(offsets)

    async def progress(self, topic: str, partition: int) -> Progress | None:
        """See `Journal`."""
        tp = TP(topic, partition)
        thread = self._thread
        assert isinstance(thread, ConsumerThread)
        read = thread.read_position(tp)
        if read is None or not self.flow_active:
            return None
        ends = await self.highwaters(tp)
        try:
            fetched = self.highwater(tp) or 0
        except AssertionError:
            return None  # taken from us while we asked: the client knows before Faust tells
        # Asked for, the end is fresh also where fetching has stopped; what was fetched knows better where the broker
        # understates it, as the embedded one does.
        end = max(ends.get(tp) or 0, fetched)
        return Progress(read, self._follows.get(tp, read), end)


class Transport(driver.Transport):
    """Faust's, with our consumer."""

    Consumer: ClassVar[type[Consumer]] = Consumer
