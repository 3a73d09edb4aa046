"""`stateserver cat`: what lies in a topic, decoded, a JSON object a line."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import click
from aiokafka.errors import KafkaError

from stateserver.codec.schemas import UnreadableValue
from stateserver.codec.shown import SHOW, JsonObject, show_key
from stateserver.codec.topics import Topics
from stateserver.commands.topic_reading import kafka_trouble, read_topics
from stateserver.domain.records import CommandRecord, FrameRecord
from stateserver.protocol.reasons import Rejected
from stateserver.security.envelope import open_record
from stateserver.security.keyring import KeyRing
from stateserver.settings import SettingError, Settings, load_settings, variable


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
    reading = read_topics(
        settings, _full_names(settings, topic), partitions, from_beginning, follow or not from_beginning
    )
    try:
        asyncio.run(_print(reading, topic, ring, records_max))
    except KafkaError as error:
        raise kafka_trouble(f"read {topic}", settings, error) from error
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
