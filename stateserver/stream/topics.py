"""Making the topics that are missing, and holding those that are there against what they have to be."""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from stateserver.errors import StateServerError
from stateserver.kafka.admins import admin
from stateserver.stream.errors import BrokerUnreachable, PartitionsMismatch
from stateserver.stream.layout import Layout
from stateserver.stream.topic_needs import REPLICAS_MAX, Finding, Topic, findings, topics_of, wanted_topics

logger = logging.getLogger(__name__)

PARTITIONS_DEFAULT: Final = 4
TIMEOUT_MS: Final = 30_000
POLL_S: Final = 0.1


class TopicTrouble(StateServerError):
    """A topic can't be made."""


class TopicsUnfit(StateServerError):
    """Topics are kept in a way that would lose state."""

    def __init__(self, fatal: Sequence[Finding]) -> None:
        super().__init__(
            "; ".join(f"topic {one.topic}: {one.what}: {one.why}" for one in fatal),
            "\n".join(one.remedy for one in fatal),
        )


class Survey(NamedTuple):
    """The topics that are there, as their broker tells of them: how many partitions each has, and what is wrong.

    `untold` are those whose settings the broker doesn't tell us.
    """

    partitions: dict[str, int]
    findings: list[Finding]
    untold: list[str]


async def ensure_topics(options: dict[str, Any], layout: Layout) -> int:
    """Make what is missing. Returns how many partitions each topic has.

    `options` are those that every client is built with. Raises BrokerUnreachable, PartitionsMismatch, TopicTrouble.
    """
    try:
        async with admin(options, request_timeout_ms=TIMEOUT_MS) as client:
            return await _ensure(client, layout)
    except (KafkaError, OSError) as trouble:
        raise BrokerUnreachable(options, trouble) from trouble


async def survey_topics(options: dict[str, Any], layout: Layout) -> Survey:
    """What there is of the topics, and what is wrong with it; makes nothing. Raises BrokerUnreachable."""
    try:
        async with admin(options, request_timeout_ms=TIMEOUT_MS) as client:
            return await _survey(client, layout)
    except (KafkaError, OSError) as trouble:
        raise BrokerUnreachable(options, trouble) from trouble


async def check_topics(options: dict[str, Any], layout: Layout, *, for_good: bool) -> None:
    """Hold the topics that are there against what they have to be. Raises TopicsUnfit, and BrokerUnreachable.

    Where state would not be lost it is a warning, and none at all unless what is written there is to stay `for_good`:
    the embedded broker keeps nothing past its own end.
    """
    survey = await survey_topics(options, layout)
    for one in survey.findings:
        if for_good and not one.fatal:
            logger.warning("%s", one)
    if for_good and survey.untold:
        logger.warning("the broker doesn't tell us the settings of %s: see docs/topics.md", ", ".join(survey.untold))
    fatal = [one for one in survey.findings if one.fatal]
    if fatal:
        raise TopicsUnfit(fatal)


def mismatch(layout: Layout, counts: dict[str, int]) -> PartitionsMismatch | None:
    """What is wrong with how many partitions there are: all topics need as many as the first journal that is there."""
    partitions = _partitions(layout, counts)
    for topic, count in counts.items():
        if count != partitions:
            return PartitionsMismatch(topic, count, partitions, layout.journals[0])
    return None


def _partitions(layout: Layout, counts: dict[str, int]) -> int:
    of_a_journal = next((counts[topic] for topic in layout.journals if topic in counts), None)
    return max(counts.values(), default=PARTITIONS_DEFAULT) if of_a_journal is None else of_a_journal


async def _there(client: AIOKafkaAdminClient, layout: Layout) -> list[str]:
    # Never asked for by name: the embedded broker makes any topic that it is asked about.
    return sorted(set(await client.list_topics()) & set(topics_of(layout)))


async def _ensure(client: AIOKafkaAdminClient, layout: Layout) -> int:
    wanted, there = wanted_topics(layout), await _there(client, layout)
    counts = await _partition_counts(client, there)
    partitions = _partitions(layout, counts)
    missing = sorted(wanted.keys() - set(there))
    if missing:
        await _create(client, missing, wanted, partitions)
        counts |= await _known_counts(client, missing)
    wrong = mismatch(layout, counts)
    if wrong is not None:
        raise wrong
    return partitions


async def _survey(client: AIOKafkaAdminClient, layout: Layout) -> Survey:
    there = await _there(client, layout)
    if not there:
        return Survey({}, [], [])
    described = await client.describe_topics(there)
    configs = await _configs(client, there)
    topics = {
        one["topic"]: Topic(configs.get(one["topic"], {}), min(len(each["replicas"]) for each in one["partitions"]))
        for one in described
        if one["partitions"]
    }
    counts = {one["topic"]: len(one["partitions"]) for one in described}
    brokers = len((await client.describe_cluster())["brokers"])
    return Survey(counts, findings(layout, topics, brokers), sorted(set(there) - configs.keys()))


async def _configs(client: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, dict[str, str]]:
    """Each topic's settings, of those whose we are told."""
    answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics])
    return {
        name: {entry[0]: entry[1] for entry in entries if entry[1] is not None}
        for answer in answers
        for code, _, _, name, entries in answer.resources
        if code == 0
    }


async def _partition_counts(client: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, int]:
    if not topics:
        return {}
    described = await client.describe_topics(list(topics))
    return {one["topic"]: len(one["partitions"]) for one in described}


async def _known_counts(client: AIOKafkaAdminClient, topics: list[str]) -> dict[str, int]:
    """As `_partition_counts`, once the broker that is asked has heard of all of them."""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while True:
        counts = await _partition_counts(client, topics)
        if all(counts.get(topic) for topic in topics):
            return counts
        if time.monotonic() > deadline:
            unknown = ", ".join(topic for topic in topics if not counts.get(topic))
            raise TopicTrouble(f"the broker does not know its new topics {unknown}", "is the cluster in good health?")
        await asyncio.sleep(POLL_S)


async def _create(
    client: AIOKafkaAdminClient, names: list[str], wanted: dict[str, dict[str, str]], partitions: int
) -> None:
    replicas = min(REPLICAS_MAX, len((await client.describe_cluster())["brokers"]))
    durable = {"min.insync.replicas": str(replicas - 1)} if replicas == REPLICAS_MAX else {}
    new = [NewTopic(name, partitions, replicas, topic_configs={**wanted[name], **durable}) for name in names]
    answer = await client.create_topics(new)
    for name, code, trouble in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):  # another worker may be quicker
            raise TopicTrouble(
                f"topic {name} can't be made: {for_code(code).__name__}: {trouble}",
                "may this user create topics? Else have them made beforehand, as docs/topics.md says",
            )
    logger.info("made topics %s with %d partitions", ", ".join(names), partitions)
