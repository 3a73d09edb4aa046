"""Topics that are altered under a worker, on a real Kafka: noticed before two partitions hold one system."""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from stateserver.broker.kafka import Kafka
from stateserver.stream.topic_needs import topics_of
from tests.faults.fleet import Load
from tests.stream.chain import Chain, until_equal
from tests.stream.journals import CAPTURE
from tests.stream.test_topics import altered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

REFUSED_STATUS = 2


@pytest.fixture
def chain(kafka: Kafka, tmp_path: Path) -> Chain:
    return Chain(kafka, f"{uuid4().hex[:8]}.", tmp_path)


async def give_partitions(chain: Chain, *topics: str) -> None:
    """Six in the place of four."""
    admin = AIOKafkaAdminClient(bootstrap_servers=chain.broker.bootstrap)
    await admin.start()
    try:
        await admin.create_partitions({topic: NewPartitions(6) for topic in topics})
    finally:
        await admin.close()


@pytest.mark.parametrize("topics", ["the journal", "one of ours", "all of them"])
async def test_partitions_that_are_added_stop_the_worker_and_it_does_not_start_again(chain: Chain, topics: str) -> None:
    layout, load = chain.layout, Load(chain, ["AXXIS100", CAPTURE], 6)
    given = {"the journal": layout.journals, "one of ours": (layout.topics.units,), "all of them": topics_of(layout)}
    with chain.worker() as worker:
        await worker.ready()
        await load.send(0.5)
        await until_equal(chain.committed, load.sent)
        await give_partitions(chain, *given[topics])
        await load.send(0.5)  # as Packet Servers do that have heard of it, or have not
        await worker.says("CRITICAL")
        assert worker.wait() == REFUSED_STATUS
        assert "topics were made for 4 partitions each" in worker.output
        assert "docs/topics.md" in worker.output
    assert await ends_of_new_ones(chain, given[topics]) <= {0}, "nothing was made of a new partition"
    with chain.worker("another disk") as worker:
        assert worker.wait() == REFUSED_STATUS
        assert "partitions" in worker.output.splitlines()[-2]


async def ends_of_new_ones(chain: Chain, topics: Sequence[str]) -> set[int]:
    """Where the partitions end that were added to our topics."""
    places = [TopicPartition(topic, at) for topic in topics if topic not in chain.layout.journals for at in (4, 5)]
    if not places:
        return set()
    async with AIOKafkaConsumer(bootstrap_servers=chain.broker.bootstrap) as consumer:
        return set((await consumer.end_offsets(places)).values())


async def test_a_topic_that_would_lose_state_stops_the_worker_at_its_start(chain: Chain) -> None:
    with chain.worker() as worker:
        await worker.ready()
        assert worker.terminate() == 0
    systems = chain.layout.topics.systems
    await altered(chain.broker, chain.layout, systems, cleanup_policy="delete")
    with chain.worker() as worker:
        assert worker.wait() == REFUSED_STATUS
        assert f"topic {systems}: cleanup.policy is delete" in worker.output
        assert f"--entity-name {systems} --add-config cleanup.policy=compact" in worker.output
