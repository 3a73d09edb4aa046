"""`stateserver cat`: what lies in a topic, decoded, a JSON object a line."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import click
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stateserver.codec.schemas import UnreadableValue
from stateserver.codec.shown import SHOW, JsonObject, show_key
from stateserver.codec.topics import Topics
from stateserver.domain.records import CommandRecord, FrameRecord
from stateserver.errors import StateServerError
from stateserver.protocol.reasons import Rejected
from stateserver.security.envelope import open_record
from stateserver.security.keyring import KeyRing
from stateserver.settings import SettingError, Settings, kafka_client_options, load_settings, variable

STEP_MS = 500
START_LIMIT_S = 15.0


class CannotRead(StateServerError):
    """The broker or the topic is not there."""


@click.command()
@click.argument("topic", type=click.Choice(list(SHOW)))
@click.option("--partition", "partitions", multiple=True, type=click.IntRange(0), help="This one; may be repeated.")
@click.option(
    "--from-beginning/--from-end", default=True, show_default=True, help="From the first record, or new ones alone."
)
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C. So it does with --from-end.")
@click.option("--max", "records_max", type=click.IntRange(1), help="End after so many records.")
@click.option("--open", "opened", is_flag=True, help="Open packets with the key ring of STATESERVER_KEYRING.")
def command(
    topic: str, partitions: tuple[int, ...], from_beginning: bool, follow: bool, records_max: int | None, opened: bool
) -> None:
    """Print what lies in TOPIC, decoded, a JSON object a line.

    Packets are shown sealed unless --open is given. A value that can't be read is shown in hex, with the reason.
    """
    settings = load_settings(os.environ)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # we say it ourselves, once
    ring = _ring(settings) if opened else None
    reading = _read(settings, _full_names(settings, topic), partitions, from_beginning, follow or not from_beginning)
    try:
        asyncio.run(_print(reading, topic, ring, records_max))
    except KafkaError as error:
        raise CannotRead(f"cannot read {topic}: {error}", f"see {variable('brokers')}") from error
    except KeyboardInterrupt:
        raise click.exceptions.Exit(0) from None


def _ring(settings: Settings) -> KeyRing:
    if settings.keyring is None:
        raise SettingError(variable("keyring"), "is needed to open packets", "set it, or leave out --open")
    return KeyRing.load(settings.keyring.get_secret_value())


def _full_names(settings: Settings, topic: str) -> Sequence[str]:
    if topic == "packets":
        return settings.packets_topics
    return (getattr(Topics.with_prefix(settings.topic_prefix), topic),)


async def _print(reading: AsyncGenerator[Any, None], topic: str, ring: KeyRing | None, records_max: int | None) -> None:
    printed = 0
    async with aclosing(reading):
        async for record in reading:
            click.echo(json.dumps(show_record(topic, record, ring), ensure_ascii=False))
            printed += 1
            if printed == records_max:
                return


def show_record(topic: str, record: Any, ring: KeyRing | None) -> JsonObject:
    """A record as it is printed: where it lies, and its value or why that can't be read."""
    place = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": show_key(record.key),
    }
    if record.value is None:
        return {**place, "value": None}
    try:
        shown = {**place, "value": SHOW[topic](record.value)}
    except Rejected as rejected:
        return {**place, "reason": rejected.reason, "detail": rejected.detail, "value": record.value.hex()}
    except UnreadableValue as trouble:
        return {**place, "detail": trouble.message, "value": record.value.hex()}
    return shown if ring is None or topic != "packets" else {**shown, **_opened(record, ring)}


def _opened(record: Any, ring: KeyRing) -> JsonObject:
    try:
        _, content = open_record(ring, record.key, record.value, record.timestamp)
    except Rejected as rejected:
        return {"reason": rejected.reason, "detail": rejected.detail}
    if isinstance(content, FrameRecord):
        return {"packet": content.frame.hex()}
    if isinstance(content, CommandRecord):
        return {"command": content.command.decode(errors="backslashreplace")}
    return {}


async def _read(
    settings: Settings, topics: Sequence[str], wanted: Sequence[int], from_beginning: bool, follow: bool
) -> AsyncGenerator[Any, None]:
    """The records of these topics: to where each ends now, or for ever."""
    options = kafka_client_options(settings)
    consumer = AIOKafkaConsumer(**options, group_id=None, enable_auto_commit=False, isolation_level="read_committed")
    try:
        async with asyncio.timeout(START_LIMIT_S):
            places = await _places(options, topics, wanted)
            await consumer.start()
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            begins = await consumer.beginning_offsets(places) if from_beginning else ends
        for place in places:
            consumer.seek(place, begins[place])
        while follow or await _more(consumer, ends):
            for records in (await consumer.getmany(timeout_ms=STEP_MS)).values():
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


async def _places(options: dict[str, Any], topics: Sequence[str], wanted: Sequence[int]) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        # Asked for a topic that is not there, some brokers make it.
        known = sorted(set(topics) & set(await admin.list_topics()))
        described = await admin.describe_topics(known) if known else []
    finally:
        await admin.close()
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
