"""The log on both brokers: what is appended is read, to the end and no further."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerFenced

from stateserver.broker.ports import free_port
from stateserver.broker.process import Broker
from stateserver.stream.errors import AppendFailed, BrokerUnreachable, Fenced
from stateserver.stream.kafka_log import BATCH_BYTES_MAX, KafkaLog
from stateserver.stream.layout import Layout
from stateserver.stream.ports import Bounds, LogRecord, Row, Sheet
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
    log = KafkaLog({"bootstrap_servers": [broker.bootstrap]}, "workers", uuid4().hex)
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
    assert await log.append(layout.state, P, [Row(b"d", b"2", (("ce_id", b"site/1"),))], (("journal", b"t:8"),)) == 5
    assert await log.bounds(layout.state, P) == Bounds(0, 5)
    found = await read_all(log, layout.state, 0, 5)
    assert [(record.offset, record.key, record.value) for record in found] == [
        (0, b"a", b"1"),
        (1, b"b", None),
        (2, b"c", b""),
        (3, b"a", b"1"),
        (4, b"d", b"2"),
    ]
    headers = [tuple(record.headers) for record in found]
    assert headers == [(("journal", b"t:7"),)] * 3 + [(), (("journal", b"t:8"), ("ce_id", b"site/1"))]


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
    log = KafkaLog({"bootstrap_servers": [kafka.bootstrap]}, "workers", "refused")
    await log.start()
    with pytest.raises(AppendFailed, match=layout.topics.units):
        await log.append(layout.topics.units, P, [Row(b"k", bytes(2 << 20))])
    await log.stop()


async def test_nobody_there() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnreachable, match=address):
        await KafkaLog({"bootstrap_servers": [address]}, "workers", "nobody").start()


async def test_a_checkpoint_is_there_whole(log: KafkaLog, layout: Layout) -> None:
    pen = await log.take_pen(P)
    sheets = [
        Sheet(layout.topics.units, [Row(b"u", b"1"), Row(b"v", b"2")]),
        Sheet(layout.topics.blasts, []),
        Sheet(layout.state, [Row(b"s", b"3")], (("journal", b"t:7"),)),
    ]
    ends = await pen.write(sheets, {(layout.journals[0], P): 0})
    assert ends == {layout.topics.units: 2, layout.state: 1}
    again = await pen.write(sheets[2:], {(layout.journals[0], P): 0})
    assert again[layout.state] in (2, 3)  # a transaction's end takes an offset too
    await pen.close()
    pen = await log.take_pen(P)  # whoever takes it sees all that was written
    found = await read_all(log, layout.state, 0, (await log.bounds(layout.state, P)).end)
    assert [(record.key, tuple(record.headers)) for record in found] == [(b"s", (("journal", b"t:7"),))] * 2
    await pen.close()


async def test_whoever_takes_the_pen_fences_who_had_it(kafka: Broker) -> None:
    prefix = f"{uuid4().hex[:8]}."
    layout = Layout.with_prefix(prefix, (f"{prefix}packets",))
    await ensure_topics({"bootstrap_servers": [kafka.bootstrap]}, layout)
    logs = [KafkaLog({"bootstrap_servers": [kafka.bootstrap]}, "workers", prefix) for _ in range(2)]
    for log in logs:
        await log.start()
    sheet, positions = Sheet(layout.state, [Row(b"s", b"1")]), {(layout.journals[0], P): 0}
    first = await logs[0].take_pen(P)
    await first.write([sheet], positions)
    second = await logs[1].take_pen(P)
    for _ in range(2):
        with pytest.raises(Fenced, match=f"partition {P} "):
            await first.write([sheet], positions)
    await second.write([sheet], positions)
    await second.close()
    second = await logs[1].take_pen(P)
    found = await read_all(logs[1], layout.state, 0, (await logs[1].bounds(layout.state, P)).end)
    assert len(found) == 2
    await first.close()
    await second.close()
    for log in logs:
        await log.stop()


async def test_what_was_begun_and_not_ended_is_struck_out(kafka: Broker) -> None:
    prefix = f"{uuid4().hex[:8]}."
    layout = Layout.with_prefix(prefix, (f"{prefix}packets",))
    await ensure_topics({"bootstrap_servers": [kafka.bootstrap]}, layout)
    log = KafkaLog({"bootstrap_servers": [kafka.bootstrap]}, "workers", prefix)
    await log.start()
    dead = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"{prefix}.{P}")
    await dead.start()
    await dead.begin_transaction()
    await dead.send_and_wait(layout.state, b"half", key=b"half", partition=P)
    pen = await log.take_pen(P)
    await pen.write([Sheet(layout.state, [Row(b"whole", b"1")])], {(layout.journals[0], P): 0})
    await pen.close()
    pen = await log.take_pen(P)
    found = await read_all(log, layout.state, 0, (await log.bounds(layout.state, P)).end)
    assert [record.key for record in found] == [b"whole"]
    await pen.close()
    await log.stop()
    with pytest.raises(ProducerFenced):
        await dead.commit_transaction()
    await dead.stop()
