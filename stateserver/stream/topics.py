"""Making the topics that are missing, and seeing to it that all have equally many partitions."""

import asyncio
import logging
import time
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from stateserver.errors import StateServerError
from stateserver.kafka.admins import admin
from stateserver.stream.errors import BrokerUnreachable, PartitionsMismatch
from stateserver.stream.layout import Layout

logger = logging.getLogger(__name__)

PARTITIONS_DEFAULT: Final = 4
REPLICAS_MAX: Final = 3
TIMEOUT_MS: Final = 30_000
POLL_S: Final = 0.1

# Small segments, cleaned early: only closed ones are, and what is not cleaned has to be read at a restore.
_COMPACT: Final = {"cleanup.policy": "compact", "segment.bytes": str(64 << 20), "min.cleanable.dirty.ratio": "0.2"}
# Whoever follows a cut must find its rows; and one that was cut off, on a broker without transactions, is passed over.
_STATE: Final = {**_COMPACT, "min.compaction.lag.ms": "60000", "max.message.bytes": str(16 << 20)}
# The history: kept for more than a year unless someone decides otherwise, never for a broker's default of days.
_HISTORY: Final = {"cleanup.policy": "delete", "retention.ms": str(400 * 24 * 3600 * 1000)}
# A rejected record goes there whole, with some words about it; an event may repeat an operator's note of any length.
_CLAIMS: Final = {"cleanup.policy": "delete", "retention.ms": str(7 * 24 * 3600 * 1000)}  # they hold for a day
# Only the last ones count. What is not cleaned yet stays small, so that nobody has much to read.
_HEARTBEATS: Final = {
    "cleanup.policy": "compact",
    "segment.bytes": str(1 << 20),
    "segment.ms": "3600000",
    # By these gateways tell since when a worker is silent: not by its own clock.
    "message.timestamp.type": "LogAppendTime",
}
_ROOMY: Final = {**_HISTORY, "max.message.bytes": str(3 << 20)}


class TopicTrouble(StateServerError):
    """A topic can't be made."""


def wanted_topics(layout: Layout) -> dict[str, dict[str, str]]:
    """Every topic's settings, for those that have to be made."""
    topics = layout.topics
    return {
        **dict.fromkeys(layout.journals, _HISTORY),
        topics.changes: _ROOMY,
        topics.rejected: _ROOMY,
        topics.history: _HISTORY,
        topics.claims: _CLAIMS,
        topics.heartbeats: _HEARTBEATS,
        topics.units: _COMPACT,
        topics.blasts: _COMPACT,
        topics.systems: _COMPACT,
        layout.state: _STATE,
    }


async def ensure_topics(options: dict[str, Any], layout: Layout) -> int:
    """Make what is missing. Returns how many partitions each topic has.

    `options` are those that every client is built with. Raises BrokerUnreachable, PartitionsMismatch, TopicTrouble.
    """
    try:
        async with admin(options, request_timeout_ms=TIMEOUT_MS) as client:
            return await _ensure(client, layout)
    except (KafkaError, OSError) as trouble:
        raise BrokerUnreachable(
            ", ".join(options["bootstrap_servers"]), str(trouble) or type(trouble).__name__
        ) from trouble


async def _ensure(client: AIOKafkaAdminClient, layout: Layout) -> int:
    wanted = wanted_topics(layout)
    # Never asked for by name: the embedded broker makes any topic that it is asked about.
    there = set(await client.list_topics()) & wanted.keys()
    counts = await _partition_counts(client, sorted(there))
    partitions = next((counts[topic] for topic in layout.journals if topic in counts), None)
    if partitions is None:
        partitions = max(counts.values(), default=PARTITIONS_DEFAULT)
    missing = sorted(wanted.keys() - there)
    if missing:
        await _create(client, missing, wanted, partitions)
        counts |= await _known_counts(client, missing)
    for topic, count in counts.items():
        if count != partitions:
            raise PartitionsMismatch(topic, count, partitions, layout.journals[0])
    return partitions


async def _partition_counts(client: AIOKafkaAdminClient, topics: list[str]) -> dict[str, int]:
    if not topics:
        return {}
    described = await client.describe_topics(topics)
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
                "may this user create topics? Else have them made beforehand, all with equally many partitions",
            )
    logger.info("made topics %s with %d partitions", ", ".join(names), partitions)
