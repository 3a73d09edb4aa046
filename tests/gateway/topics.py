"""The gateway's topics on a real broker, filled as a worker fills them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stateserver.codec.blast import encode_blast
from stateserver.codec.change import encode_change
from stateserver.codec.era import FIRST_ERA, era_headers
from stateserver.codec.system import SystemRow, encode_system
from stateserver.codec.topics import Topics, system_key, unit_key
from stateserver.codec.unit import UnitRow, encode_unit
from stateserver.domain.blast import BlastStage
from stateserver.domain.change import Change
from tests.gateway.worker import Gone, Written

PARTITIONS = 3


def new_topics() -> Topics:
    """Names nobody else uses: the broker serves all tests."""
    return Topics.with_prefix(f"gateway-{uuid.uuid4().hex[:12]}.")


async def make_topics(bootstrap: str, topics: Topics) -> None:
    """Create what a gateway reads."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in topics])
    finally:
        await admin.close()


class Writer:
    """Writes to one partition, as all that concerns one system is."""

    def __init__(self, producer: AIOKafkaProducer, topics: Topics, partition: int) -> None:
        self.producer = producer
        self.topics = topics
        self.partition = partition

    async def put(self, topic: str, key: bytes, value: bytes | None, era: int = FIRST_ERA) -> int:
        """One record, acknowledged. Returns its offset."""
        headers = list(era_headers(era))
        placed = await self.producer.send_and_wait(topic, value, key=key, partition=self.partition, headers=headers)
        return int(placed.offset)

    async def batch(self, topic: str, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Records in as few batches as may be, as a worker writes them."""
        sent = [await self.producer.send(topic, value, key=key, partition=self.partition) for key, value in records]
        await asyncio.gather(*sent)

    async def events(self, changes: Iterable[Change], era: int = FIRST_ERA) -> None:
        """Change events."""
        for change in changes:
            await self.put(self.topics.changes, system_key(change.system), encode_change(change), era)

    async def rows(self, rows: Iterable[Written], era: int = FIRST_ERA) -> None:
        """Rows of units and systems."""
        for written in rows:
            row = written.row
            if isinstance(row, UnitRow):
                await self.put(self.topics.units, unit_key(row.system, row.unit), encode_unit(row))
            elif isinstance(row, Gone):
                await self.put(self.topics.units, unit_key(row.system, row.unit), None)
            elif isinstance(row, SystemRow):
                placed = row._replace(partition=self.partition)
                await self.put(self.topics.systems, system_key(row.system), encode_system(placed), era)

    async def withdraw(self, system: str, units: Iterable[str], stages: Iterable[BlastStage], era: int) -> None:
        """All that was told of it before that era, in the order in which a worker does it."""
        await self.put(self.topics.systems, system_key(system), None, era)
        for path in units:
            await self.put(self.topics.units, unit_key(system, path), None, era)
        for stage in stages:
            for key, _ in encode_blast(system, stage):
                await self.put(self.topics.blasts, key, None, era)

    async def stage(self, system: str, stage: BlastStage) -> None:
        """A blast's documents at a stage."""
        for key, value in encode_blast(system, stage):
            await self.put(self.topics.blasts, key, value)


@asynccontextmanager
async def writing(bootstrap: str, topics: Topics, partition: int = 1) -> AsyncIterator[Writer]:
    """A writer to topics that are there."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
    await producer.start()
    try:
        yield Writer(producer, topics, partition)
    finally:
        await producer.stop()
