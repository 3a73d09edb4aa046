"""Reading whole topics, for commands that show what lies in them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from stateserver.errors import StateServerError
from stateserver.kafka.admins import admin
from stateserver.settings import Settings, kafka_client_options, variable

STEP_MS = 500
START_LIMIT_S = 60.0
STALLED_S = 60.0


class CannotRead(StateServerError):
    """The broker or the topic is not there."""


def kafka_trouble(what: str, settings: Settings, error: KafkaError) -> CannotRead:
    """Why it wasn't possible to do `what`, in words for people."""
    if isinstance(error, KafkaConnectionError):
        return CannotRead(
            f"no Kafka answers at {', '.join(settings.brokers)}",
            f"is it running? {variable('brokers')} says where it is",
        )
    return CannotRead(f"can't {what}: {error}", f"see {variable('brokers')}")


async def read_topics(
    settings: Settings, topics: Sequence[str], wanted: Sequence[int], from_beginning: bool, follow: bool
) -> AsyncGenerator[Any, None]:
    """The records of these topics: to where each ends now, or for ever where we `follow`. Raises CannotRead.

    `wanted` are the numbers of the partitions to read, all where there are none.
    """
    options = kafka_client_options(settings)
    consumer = AIOKafkaConsumer(**options, group_id=None, enable_auto_commit=False, isolation_level="read_committed")
    try:
        async with asyncio.timeout(START_LIMIT_S):
            places = await find_places(options, topics, wanted)
            await consumer.start()
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            begins = await consumer.beginning_offsets(places) if from_beginning else ends
        for place in places:
            consumer.seek(place, begins[place])
        moved_at = time.monotonic()
        while follow or await _more(consumer, ends):
            fetched = await consumer.getmany(timeout_ms=STEP_MS)
            if fetched:
                moved_at = time.monotonic()
            elif not follow and time.monotonic() - moved_at > STALLED_S:
                raise CannotRead(f"nothing came for {STALLED_S:g} s, and there is more", f"see {variable('brokers')}")
            for records in fetched.values():
                for record in records:
                    yield record
    except TimeoutError:
        raise CannotRead(f"no answer within {START_LIMIT_S:g} s", f"see {variable('brokers')}") from None
    finally:
        await consumer.stop()


async def _more(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    """Whether there is something behind what was read; what comes in the meantime counts too."""
    for place, end in ends.items():
        # Asked for the end, the embedded broker tells where the last batch begins, and one; fetching tells the end.
        if await consumer.position(place) < max(end, consumer.highwater(place) or 0):
            return True
    return False


async def find_places(options: dict[str, Any], topics: Sequence[str], wanted: Sequence[int]) -> list[TopicPartition]:
    """The partitions of these topics, all or those `wanted`. Raises CannotRead where there are none."""
    async with admin(options) as client:
        # Asked for a topic that is not there, some brokers make it.
        known = sorted(set(topics) & set(await client.list_topics()))
        described = await client.describe_topics(known) if known else []
    there = [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        if not topic["error_code"]
        for partition in topic["partitions"]
    ]
    places = sorted(place for place in there if not wanted or place.partition in wanted)
    missing = set(topics) - {place.topic for place in places}
    if missing:
        what = f"topic {', '.join(sorted(missing))}" + (
            f" with partition {', '.join(map(str, wanted))}" if wanted else ""
        )
        raise CannotRead(f"there is no {what}", "A worker makes the topics.")
    return places
