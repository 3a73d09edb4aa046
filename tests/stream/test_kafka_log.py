"""The log on both brokers: what is appended is read, to the end and no further."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from stateserver.broker.ports import free_port
from stateserver.broker.process import Broker
from stateserver.stream.errors import BrokerUnreachable
from stateserver.stream.kafka_log import BATCH_BYTES_MAX, AppendFailed, KafkaLog
from stateserver.stream.layout import Layout
from stateserver.stream.ports import Bounds, LogRecord, Row
from stateserver.stream.topics import ensure_topics

P = 2


@pytest.fixture
async def layout(broker: Broker) -> Layout:
    prefix = f"{uuid4().hex[:8]}."
    layout = Layout.with_prefix(prefix, (f"{prefix}packets",))
    await ensure_topics({"bootstrap_servers": [broker.bootstrap]}, layout)
    return layout


@pytest.fixture
async def log(broker: Broker) -> AsyncIterator[KafkaLog]:
    log = KafkaLog({"bootstrap_servers": [broker.bootstrap]})
    await log.start()
    yield log
    await log.stop()


async def read_all(log: KafkaLog, topic: str, start: int, end: int) -> list[LogRecord]:
    return [record async for records in log.read(topic, P, start, end) for record in records]


async def test_what_is_appended_is_read(log: KafkaLog, layout: Layout) -> None:
    rows = [Row(b"a", b"1"), Row(b"b", None), Row(b"c", b"")]
    assert await log.bounds(layout.state, P) == Bounds(0, 0)
    assert await log.append(layout.state, P, rows, (("journal", b"t:7"),)) == 3
    assert await log.append(layout.state, P, rows[:1]) == 4
    assert await log.bounds(layout.state, P) == Bounds(0, 4)
    found = await read_all(log, layout.state, 0, 4)
    assert [(record.offset, record.key, record.value) for record in found] == [
        (0, b"a", b"1"),
        (1, b"b", None),
        (2, b"c", b""),
        (3, b"a", b"1"),
    ]
    assert [tuple(record.headers) for record in found] == [(("journal", b"t:7"),)] * 3 + [()]


async def test_whoever_asks_the_broker_for_the_end_is_told_the_truth(
    log: KafkaLog, layout: Layout, broker: Broker
) -> None:
    place = TopicPartition(layout.topics.changes, P)
    async with AIOKafkaConsumer(bootstrap_servers=broker.bootstrap) as consumer:
        for size in (1, 7, 2):
            end = await log.append(layout.topics.changes, P, [Row(b"k", b"v")] * size)
            assert await consumer.end_offsets([place]) == {place: end}


async def test_only_what_was_asked_for_is_read(log: KafkaLog, layout: Layout) -> None:
    await log.append(layout.state, P, [Row(b"k", b"%d" % number) for number in range(10)])
    assert [record.offset for record in await read_all(log, layout.state, 3, 7)] == [3, 4, 5, 6]
    assert await read_all(log, layout.state, 10, 10) == []


async def test_more_than_one_batch_stays_in_order(log: KafkaLog, layout: Layout) -> None:
    rows = [Row(b"%d" % number, bytes(1000)) for number in range(3 * BATCH_BYTES_MAX // 1000)]
    end = await log.append(layout.state, P, rows)
    assert end == len(rows)
    assert [record.key for record in await read_all(log, layout.state, 0, end)] == [row.key for row in rows]


async def test_a_row_larger_than_a_batch(log: KafkaLog, layout: Layout) -> None:
    large = Row(b"large", bytes(5 << 20))
    end = await log.append(layout.state, P, [Row(b"before", b"1"), large, Row(b"after", b"2")])
    assert [(record.key, len(record.value or b"")) for record in await read_all(log, layout.state, 0, end)] == [
        (b"before", 1),
        (b"large", 5 << 20),
        (b"after", 1),
    ]


async def test_what_the_broker_refuses_is_told(kafka: Broker) -> None:
    layout = Layout.with_prefix("refused.", ("refused.packets",))
    await ensure_topics({"bootstrap_servers": [kafka.bootstrap]}, layout)
    log = KafkaLog({"bootstrap_servers": [kafka.bootstrap]})
    await log.start()
    with pytest.raises(AppendFailed, match=layout.topics.units):
        await log.append(layout.topics.units, P, [Row(b"k", bytes(2 << 20))])
    await log.stop()


async def test_nobody_there() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnreachable, match=address):
        await KafkaLog({"bootstrap_servers": [address]}).start()
