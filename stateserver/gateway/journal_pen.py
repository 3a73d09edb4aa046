"""Appending to the journal: a Kafka producer, started when it is first needed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stateserver.gateway.refusals import JournalUnreachable
from stateserver.kafka.writers import start_writer

DELIVERY_MS_MAX: Final = 10_000
START_LIMIT_S: Final = 10.0


class Entry(NamedTuple):
    """A record to be appended. Without a partition it goes where Packet Servers put it: murmur2 of its key."""

    topic: str
    partition: int | None
    key: bytes
    value: bytes


class Place(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class JournalPen:
    """Appends records in the order they come."""

    def __init__(self, client_options: Mapping[str, Any]) -> None:
        self._client_options = client_options
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def append(self, entries: Sequence[Entry]) -> list[Place | JournalUnreachable]:
        """Where each record lies now, or why nobody knows whether it does. Raises JournalUnreachable for all."""
        producer = await self._started()
        sent = []
        for topic, partition, key, value in entries:
            try:
                sent.append(await producer.send(topic, value, key=key, partition=partition))
            except (KafkaError, OSError) as trouble:
                sent.append(_failed(trouble))
        return [_place(one) for one in await asyncio.gather(*sent, return_exceptions=True)]

    async def append_one(self, entry: Entry) -> Place:
        """Where it lies now. Raises JournalUnreachable."""
        (place,) = await self.append([entry])
        if isinstance(place, JournalUnreachable):
            raise place
        return place

    async def close(self) -> None:
        """Let go of the broker; what was answered is safe."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                try:
                    async with asyncio.timeout(START_LIMIT_S):
                        self._producer = await self._start()
                except (KafkaError, OSError, TimeoutError) as trouble:
                    raise JournalUnreachable(str(trouble) or type(trouble).__name__) from trouble
            return self._producer

    async def _start(self) -> AIOKafkaProducer:
        """An idempotent producer, but on the embedded broker."""
        producer, _ = await start_writer(self._client_options, acks="all", request_timeout_ms=DELIVERY_MS_MAX)
        return producer


def _failed(trouble: Exception) -> "asyncio.Future[Any]":
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_exception(JournalUnreachable(str(trouble) or type(trouble).__name__))
    return future


def _place(outcome: Any) -> Place | JournalUnreachable:
    if isinstance(outcome, JournalUnreachable):
        return outcome
    if isinstance(outcome, BaseException):
        if not isinstance(outcome, KafkaError | OSError):
            raise outcome
        return JournalUnreachable(str(outcome) or type(outcome).__name__)
    return Place(outcome.topic, outcome.partition, outcome.offset)
