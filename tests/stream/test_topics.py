"""The topics a worker makes, on both brokers."""

from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stateserver.broker.ports import free_port
from stateserver.broker.process import Broker
from stateserver.stream.errors import BrokerUnreachable, PartitionsMismatch
from stateserver.stream.layout import Layout
from stateserver.stream.topics import PARTITIONS_DEFAULT, ensure_topics, wanted_topics


@pytest.fixture
def layout() -> Layout:
    prefix = f"{uuid4().hex[:8]}."
    return Layout.with_prefix(prefix, (f"{prefix}packets",))


async def create(broker: Broker, name: str, partitions: int) -> None:
    async with Admin(broker) as admin:
        await admin.create_topics([NewTopic(name, partitions, 1)])
        while name not in await admin.list_topics():  # the broker that is asked hears of it a little later
            pass


class Admin:
    def __init__(self, broker: Broker) -> None:
        self._admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self._admin.start()
        return self._admin

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()


async def test_all_are_made_with_equally_many_partitions(broker: Broker, layout: Layout) -> None:
    options = {"bootstrap_servers": [broker.bootstrap]}
    assert await ensure_topics(options, layout) == PARTITIONS_DEFAULT
    async with Admin(broker) as admin:
        made = await admin.describe_topics(list(wanted_topics(layout)))
        assert {len(topic["partitions"]) for topic in made} == {PARTITIONS_DEFAULT}
        answers = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in (layout.topics.units, layout.topics.changes)]
        )
        policies = [
            value
            for answer in answers
            for resource in answer.resources
            for name, value, *_ in resource[4]
            if name == "cleanup.policy"
        ]
        assert sorted(policies) == ["compact", "delete"]
    assert await ensure_topics(options, layout) == PARTITIONS_DEFAULT


async def test_the_journals_own_number_of_partitions_holds_for_all(broker: Broker, layout: Layout) -> None:
    await create(broker, layout.journals[0], 2)
    assert await ensure_topics({"bootstrap_servers": [broker.bootstrap]}, layout) == 2


async def test_another_number_of_partitions_is_refused(broker: Broker, layout: Layout) -> None:
    await create(broker, layout.journals[0], 2)
    await create(broker, layout.topics.units, 3)
    with pytest.raises(PartitionsMismatch, match=f"{layout.topics.units} has 3 partitions, but .*packets has 2"):
        await ensure_topics({"bootstrap_servers": [broker.bootstrap]}, layout)


async def test_nobody_there(layout: Layout) -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnreachable, match=address):
        await ensure_topics({"bootstrap_servers": [address]}, layout)
