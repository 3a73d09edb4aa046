"""Whether a gateway says that it is live, on real brokers, by heartbeats that a test writes."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from stateserver.broker.process import Broker
from stateserver.broker.tansu import Tansu
from stateserver.codec.heartbeat import Heartbeat, TroubledSource, encode_heartbeat, heartbeat_key
from stateserver.codec.topics import Topics
from stateserver.gateway import feed as feed_module
from stateserver.gateway import topic_reader
from stateserver.gateway.heartbeat_watch import HeartbeatWatch
from stateserver.gateway.liveness import Condition, Trouble
from tests.conftest import START_LIMIT_S
from tests.gateway.serving import until
from tests.gateway.test_feed import reading
from tests.gateway.topics import PARTITIONS, make_topics, new_topics, writing

PATIENCE_S = 2.0
EVERY_S = 0.1


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """All goes quicker than in earnest."""
    monkeypatch.setattr(feed_module, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(feed_module, "HeartbeatWatch", partial(HeartbeatWatch, patience_s=PATIENCE_S))


class Workers:
    """Who gives signs of life, of which partitions, and what these say."""

    def __init__(self, producer: AIOKafkaProducer, topics: Topics) -> None:
        self.alive = set(range(PARTITIONS))
        self.condition = "live"
        self.position = 0
        self.troubled: list[TroubledSource] = []
        self._producer = producer
        self._topics = topics

    async def beat(self, partition: int, at: int) -> None:
        """One sign of life."""
        told = Heartbeat(
            partition, self.condition, None, at, {self._topics.packets: self.position}, 0, None, at, "one", "", 0,
            self.troubled,
        )  # fmt: skip
        value, key = encode_heartbeat(told), heartbeat_key(partition)
        await self._producer.send_and_wait(self._topics.heartbeats, value, key=key, partition=partition)

    async def run(self) -> None:
        """Give them, again and again."""
        for at in itertools.count():
            for partition in sorted(self.alive):
                await self.beat(partition, at)
            await asyncio.sleep(EVERY_S)


@asynccontextmanager
async def at_work(bootstrap: str, topics: Topics) -> AsyncIterator[Workers]:
    """Workers that give signs of life meanwhile."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0) as producer:
        workers = Workers(producer, topics)
        running = asyncio.create_task(workers.run())
        try:
            yield workers
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_live_while_all_partitions_are_and_each_that_is_not_is_named(broker: Broker) -> None:
    topics = new_topics()
    await make_topics(broker.bootstrap, topics)
    async with at_work(broker.bootstrap, topics) as workers, reading(broker.bootstrap, topics) as parts:
        await until(lambda: parts.liveness.live)
        workers.alive = {0, 2}
        await until(lambda: parts.liveness.condition is Condition.WORKER_SILENT)
        assert [trouble.partitions for trouble in parts.liveness.troubles] == [(1,)]
        assert parts.liveness.troubles[0].since is not None
        assert parts.liveness.is_live(0)
        assert not parts.liveness.is_live(1)
        assert parts.liveness.serving
        workers.alive = {0, 1, 2}
        await until(lambda: parts.liveness.live)
        workers.condition = "stopped"
        await until(lambda: parts.liveness.condition is Condition.PARTITION_STOPPED)


async def test_a_gateway_that_comes_when_the_worker_is_dead_is_never_live(broker: Broker) -> None:
    topics = new_topics()
    await make_topics(broker.bootstrap, topics)
    async with at_work(broker.bootstrap, topics) as workers:
        await workers.beat(0, 0)
        workers.alive = set()
        async with writing(broker.bootstrap, topics, 1) as writer:
            # As from a clock that is ahead: what it says of the time is not believed.
            ahead = Heartbeat(1, "live", None, 2**52, {}, 0, None, 2**52, "one", "", 2**52, [])
            await writer.put(topics.heartbeats, b"1", encode_heartbeat(ahead))
        was_live = False
        async with reading(broker.bootstrap, topics) as parts:

            def silent() -> bool:
                nonlocal was_live
                was_live = was_live or parts.liveness.live
                return parts.liveness.condition is Condition.WORKER_SILENT

            await until(silent)
            assert not was_live
            (trouble,) = parts.liveness.troubles
            assert trouble.partitions == (0, 1, 2)
            assert trouble.since is not None
            assert trouble.since < 2**52
            workers.alive = {0, 1, 2}
            await until(lambda: parts.liveness.live)


async def test_records_that_nothing_comes_of_are_told_also_those_from_before(broker: Broker) -> None:
    topics = new_topics()
    await make_topics(broker.bootstrap, topics)
    async with writing(broker.bootstrap, topics) as writer, at_work(broker.bootstrap, topics) as workers:
        await writer.put(topics.packets, b"site", b"from before the gateway came")
        async with reading(broker.bootstrap, topics) as parts:
            await until(lambda: parts.liveness.condition is Condition.JOURNAL_UNREAD)
            assert [trouble.partitions for trouble in parts.liveness.troubles] == [(writer.partition,)]
            workers.position = 1
            await until(lambda: parts.liveness.live)


async def test_after_a_break_no_worker_is_called_silent_that_only_could_not_be_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_reader, "BROKER_ANSWER_S", 2.0)
    topics, told = new_topics(), list[Condition]()
    with Tansu(tmp_path, start_limit_s=START_LIMIT_S) as broker:
        await make_topics(broker.bootstrap, topics)
        async with at_work(broker.bootstrap, topics), reading(broker.bootstrap, topics) as parts:
            await until(lambda: parts.liveness.live)
            tell = parts.liveness._tell

            def listen(condition: Condition, troubles: tuple[Trouble, ...]) -> None:
                told.append(condition)
                tell(condition, troubles)

            monkeypatch.setattr(parts.liveness, "_tell", listen)
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGSTOP)
            await until(lambda: parts.liveness.condition is Condition.BROKER_LOST)
            await asyncio.sleep(2 * PATIENCE_S)  # as long as it takes to be called silent
            os.kill(broker.pid, signal.SIGCONT)
            await until(lambda: parts.liveness.live)
    assert Condition.WORKER_SILENT not in told


async def test_sources_of_no_use_are_known(tansu: Broker) -> None:
    topics = new_topics()
    await make_topics(tansu.bootstrap, topics)
    async with at_work(tansu.bootstrap, topics) as workers, reading(tansu.bootstrap, topics) as parts:
        workers.troubled = [TroubledSource("site", "ps-1", "rejected", "bad_seal", 7, 0)]
        workers.alive = {1}
        await until(lambda: workers.troubled == parts.liveness.troubled)


async def test_a_heartbeat_that_can_not_be_read_is_none(tansu: Broker) -> None:
    topics = new_topics()
    await make_topics(tansu.bootstrap, topics)
    async with at_work(tansu.bootstrap, topics) as workers, reading(tansu.bootstrap, topics) as parts:
        await until(lambda: parts.liveness.live)
        workers.alive = {0, 2}
        async with writing(tansu.bootstrap, topics, 1) as writer:
            while parts.liveness.condition is not Condition.WORKER_SILENT:
                await writer.put(topics.heartbeats, b"1", b"\xc3\x01 of another make")
        assert parts.metrics.unreadable.labels(topics.heartbeats)._value.get() > 0
