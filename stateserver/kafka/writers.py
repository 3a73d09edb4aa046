"""Producers whose records come once and in order, where the broker can see to that.

The embedded broker can't: it lists InitProducerId, and refuses each with UNKNOWN_SERVER_ERROR. A real Kafka in passing
trouble answers the same, and to go on there without idempotence, or without fences, would give up in silence what all
else rests on. So the answer alone says nothing. The embedded broker is known by what it doesn't list besides: the
requests by which brokers end transactions and their replicas tell lives of a log apart. Every Kafka since 0.11 lists
them, and one that doesn't can't do what an idempotent producer is promised.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownError
from aiokafka.protocol.admin import ApiVersionRequest

logger = logging.getLogger(__name__)

OFFSET_FOR_LEADER_EPOCH: Final = 23
WRITE_TXN_MARKERS: Final = 27
TRIES_MAX: Final = 6
RETRY_AFTER_S: Final = 1.0


class Writer(NamedTuple):
    """A producer that was started, and whether what it writes comes once and in order whatever happens."""

    producer: AIOKafkaProducer
    idempotent: bool


async def start_writer(options: Mapping[str, Any], **more: Any) -> Writer:
    """An idempotent producer; a plain one on the embedded broker, and on no other. `more` is for the producer alone.

    Raises KafkaError and OSError: UnknownError where a broker that should know better says it for seconds on end.
    """
    producer = await _started(options, fallback=True, enable_idempotence=True, **more)
    if producer is not None:
        return Writer(producer, idempotent=True)
    logger.info("the broker is the embedded one, which takes no idempotent producer: a plain one is used")
    plain = AIOKafkaProducer(**options, **more)
    await _start(plain)
    return Writer(plain, idempotent=False)


async def start_transactional(options: Mapping[str, Any], transactional_id: str, **more: Any) -> AIOKafkaProducer:
    """A producer of transactions: whoever had that id is fenced. Raises as `start_writer`."""
    producer = await _started(options, fallback=False, transactional_id=transactional_id, **more)
    assert producer is not None
    return producer


async def _started(options: Mapping[str, Any], *, fallback: bool, **kind: Any) -> AIOKafkaProducer | None:
    """A producer of that kind; None where only the embedded broker's refusal stands against it."""
    for tries in range(1, TRIES_MAX + 1):
        producer = AIOKafkaProducer(**options, **kind)
        try:
            with _refusals_unlogged():
                await producer.start()
        except UnknownError:
            embedded = fallback and await _ends_no_transactions(producer)
            await producer.stop()
            if embedded:
                return None
            if tries == TRIES_MAX:
                raise
            logger.warning("the broker gives no producer id and doesn't say why: asking again")
            await asyncio.sleep(RETRY_AFTER_S)
        except BaseException:
            await producer.stop()
            raise
        else:
            return producer
    raise AssertionError("unreachable")


async def _start(producer: AIOKafkaProducer) -> None:
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise


async def _ends_no_transactions(producer: AIOKafkaProducer) -> bool:
    """Whether the broker lists neither of the requests that one which ends transactions has to know."""
    client = producer.client
    answer = await client.send(client.get_random_node(), ApiVersionRequest())
    listed = {key for key, *_ in answer.api_versions}
    return not listed & {OFFSET_FOR_LEADER_EPOCH, WRITE_TXN_MARKERS}


@contextmanager
def _refusals_unlogged() -> Iterator[None]:
    """aiokafka calls the refusal an error, before anyone knows whether it is one."""
    sender_logger = logging.getLogger("aiokafka.producer.sender")
    was, sender_logger.disabled = sender_logger.disabled, True
    try:
        yield
    finally:
        sender_logger.disabled = was
