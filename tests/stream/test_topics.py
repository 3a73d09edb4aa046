"""The topics a worker makes, on both brokers."""

from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stateserver.broker.kafka import Kafka, KafkaCluster
from stateserver.broker.ports import free_port
from stateserver.broker.process import Broker
from stateserver.broker.tansu import Tansu
from stateserver.stream.errors import BrokerUnreachable, PartitionsChanged, PartitionsMismatch
from stateserver.stream.kafka_log import KafkaLog
from stateserver.stream.layout import Layout
from stateserver.stream.partitions_held import check_partitions
from stateserver.stream.ports import Row
from stateserver.stream.state_rows import MARKER_KEY, Marker, new_lineage
from stateserver.stream.topic_needs import topics_of, wanted_topics
from stateserver.stream.topics import PARTITIONS_DEFAULT, TopicsUnfit, check_topics, ensure_topics
from tests.stream.chain import until, until_equal


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
    def __init__(self, broker: Broker | KafkaCluster) -> None:
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


async def altered(broker: Broker | KafkaCluster, layout: Layout, name: str, **config: str) -> None:
    """Other settings than a worker makes it with, once they hold."""
    changed = wanted_topics(layout)[name] | {key.replace("_", "."): value for key, value in config.items()}
    async with Admin(broker) as admin:
        (answer,) = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, changed)])
        assert [code for code, *_ in answer.resources] == [0], answer

        async def holds() -> bool:
            (told,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
            (entries,) = [resource[4] for resource in told.resources]
            return changed.items() <= {entry[0]: entry[1] for entry in entries}.items()

        await until(holds)


async def test_what_is_there_is_held_against_what_it_has_to_be(
    kafka: Kafka, layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"bootstrap_servers": [kafka.bootstrap]}
    await ensure_topics(options, layout)
    await check_topics(options, layout, for_good=True)
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert [line.split(": ")[:2] for line in told] == [
        [f"topic {layout.journals[0]}", "kept for 400 days"],
        [f"topic {layout.topics.changes}", "kept for 400 days"],
    ]
    await altered(kafka, layout, layout.state, cleanup_policy="delete")
    await altered(kafka, layout, layout.journals[0], message_timestamp_type="CreateTime")
    await altered(kafka, layout, layout.topics.units, max_message_bytes="1000")
    caplog.clear()
    with pytest.raises(TopicsUnfit) as caught:
        await check_topics(options, layout, for_good=True)
    assert f"topic {layout.state}: cleanup.policy is delete" in caught.value.message
    assert f"topic {layout.topics.units}: max.message.bytes is 1000" in caught.value.message
    assert f"--entity-name {layout.state} --add-config cleanup.policy=compact" in caught.value.hint
    assert f"topic {layout.journals[0]}: message.timestamp.type is CreateTime" in caplog.text


async def test_the_embedded_broker_keeps_nothing_for_good(
    tansu: Tansu, layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"bootstrap_servers": [tansu.bootstrap]}
    await ensure_topics(options, layout)
    await check_topics(options, layout, for_good=False)
    assert caplog.text == ""


async def test_topics_that_were_all_given_partitions_are_not_those_the_state_was_made_for(
    kafka: Kafka, layout: Layout
) -> None:
    options = {"bootstrap_servers": [kafka.bootstrap]}
    layout = layout._replace(partitions=await ensure_topics(options, layout))
    log = KafkaLog(options, "nobody", layout.state)
    await log.start()
    try:
        marker = Marker({layout.journals[0]: 0}, new_lineage(), 0, partitions=layout.partitions)
        await log.append(layout.state, 2, [Row(MARKER_KEY, marker.encode())])
        await check_partitions(log, layout)
        async with Admin(kafka) as admin:
            await admin.create_partitions({topic: NewPartitions(6) for topic in topics_of(layout)})
        counts = dict.fromkeys(topics_of(layout), 6)
        await until_equal(lambda: log.partition_counts(topics_of(layout)), counts)
        assert await ensure_topics(options, layout) == 6
        with pytest.raises(PartitionsChanged, match=r"made for 4 partitions each, and now .* has 6"):
            await check_partitions(log, layout._replace(partitions=6))
    finally:
        await log.stop()
