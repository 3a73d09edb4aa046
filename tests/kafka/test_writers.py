"""Who writes once and in order: everybody on a real Kafka, whatever it answers for a moment, and nobody on Tansu."""

from typing import Any
from uuid import uuid4

import pytest
from aiokafka.errors import UnknownError

from stateserver.broker.kafka import Kafka
from stateserver.broker.process import Broker
from stateserver.broker.tansu import Tansu
from stateserver.gateway.journal_pen import Entry, JournalPen, Place
from stateserver.gateway.refusals import JournalUnreachable
from stateserver.kafka import writers
from stateserver.kafka.writers import TRIES_MAX, start_transactional, start_writer
from stateserver.stream.errors import BrokerUnreachable
from stateserver.stream.kafka_log import KafkaLog
from stateserver.stream.kafka_pen import TransactionalPen
from stateserver.stream.layout import Layout
from stateserver.stream.topics import ensure_topics
from tests.kafka.between import Between

FOR_GOOD = 1_000


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No need to wait for a broker whose trouble is over when we say so."""
    monkeypatch.setattr(writers, "RETRY_AFTER_S", 0.01)


def options(where: Broker | Between) -> dict[str, Any]:
    return {"bootstrap_servers": [where.bootstrap]}


async def test_only_the_embedded_broker_gets_a_plain_producer(broker: Broker) -> None:
    producer, idempotent = await start_writer(options(broker), acks="all")
    await producer.stop()
    assert idempotent == (not isinstance(broker, Tansu))


async def test_transactions_on_the_embedded_broker_are_refused_and_not_replaced(tansu: Tansu) -> None:
    with pytest.raises(UnknownError):
        await start_transactional(options(tansu), uuid4().hex)


@pytest.mark.parametrize("transactional_id", [None, "fenced"])
async def test_a_passing_error_of_a_real_kafka_costs_a_moment(kafka: Kafka, transactional_id: str | None) -> None:
    async with Between(kafka) as between:
        between.refuse = TRIES_MAX - 1
        if transactional_id is None:
            producer, idempotent = await start_writer(options(between))
            assert idempotent
        else:
            producer = await start_transactional(options(between), uuid4().hex + transactional_id)
        await producer.stop()
        assert between.refuse == 0


async def test_an_error_that_stays_is_told_and_nothing_goes_on_without_fences(kafka: Kafka) -> None:
    layout = Layout.with_prefix(prefix := f"{uuid4().hex}.", (f"{prefix}packets",))
    await ensure_topics(options(kafka), layout)
    async with Between(kafka) as between:
        between.refuse = FOR_GOOD
        with pytest.raises(BrokerUnreachable):
            await KafkaLog(options(between), "workers", prefix).start()
        between.refuse = 1
        log = KafkaLog(options(between), "workers", prefix)
        await log.start()
        assert log.idempotent
        between.refuse = FOR_GOOD
        with pytest.raises(BrokerUnreachable):
            await log.take_pen(0)
        between.refuse = 1
        pen = await log.take_pen(0)
        assert isinstance(pen, TransactionalPen)
        await pen.close()
        await log.stop()


async def test_a_gateway_appends_to_the_journal_after_such_an_error(kafka: Kafka) -> None:
    layout = Layout.with_prefix(prefix := f"{uuid4().hex}.", (f"{prefix}packets",))
    await ensure_topics(options(kafka), layout)
    entry = Entry(layout.journals[0], 0, b"site", b"record")
    async with Between(kafka) as between:
        pen = JournalPen(options(between))
        between.refuse = FOR_GOOD
        with pytest.raises(JournalUnreachable):
            await pen.append([entry])
        between.refuse = 2
        assert await pen.append([entry]) == [Place(layout.journals[0], 0, 0)]
        await pen.close()
