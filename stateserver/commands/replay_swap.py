"""`--swap` of `stateserver replay --from-topic`: tables made anew from the journal, in place of the live ones."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import click

from stateserver.commands.progress import progress_bar
from stateserver.commands.topic_reading import find_places
from stateserver.kafka.admins import admin
from stateserver.security.keyring import KeyRing
from stateserver.settings import Settings, kafka_client_options
from stateserver.stream.kafka_log import KafkaLog
from stateserver.stream.layout import Layout
from stateserver.stream.place import Place
from stateserver.stream.swap import Surroundings, Swapped, swap_partition

TRANSACTION_MS_MAX: Final = 600_000
"""Up to all rows of a partition go into one; brokers allow 15 minutes by default."""
EMPTY: Final = {"Empty", "Dead"}


async def swap_tables(settings: Settings, ring: KeyRing, wanted: Sequence[int] | None) -> None:
    """One partition after the other, all or those wanted, each told as it is done.

    Raises StateServerError: those done before stay so.
    """
    options = kafka_client_options(settings)
    layout = Layout.with_prefix(settings.topic_prefix, settings.packets_topics)
    log = KafkaLog(options, settings.group, layout.state, transaction_ms_max=TRANSACTION_MS_MAX)

    async def group_at_work() -> bool:
        return await has_members(options, settings.group)

    places = await find_places(options, settings.packets_topics, wanted or ())
    partitions = sorted({place.partition for place in places})
    await log.start()
    try:
        for partition in partitions:
            journals = [await log.bounds(topic, partition) for topic in layout.journals]
            with progress_bar(sum(held.end - held.start for held in journals), " records") as bar:
                strike = partial(_strike_stills, log, layout.topics.history, partition)
                around = Surroundings(ring, group_at_work, strike, lambda: time.time_ns() // 1_000_000, bar.update)
                swapped = await swap_partition(Place(partition, log, layout), around)
            click.echo(_said(partition, swapped))
    finally:
        await log.stop()


async def _strike_stills(log: KafkaLog, topic: str, partition: int) -> None:
    if not log.idempotent:
        click.echo(f"The embedded broker can't delete: what {topic} holds of partition {partition} may be wrong.")
        return
    await log.delete_before(topic, partition, (await log.bounds(topic, partition)).end)


async def has_members(options: dict[str, Any], group: str) -> bool:
    """Whether somebody is in the group, or was a moment ago and is still counted."""
    async with admin(options) as client:
        (answer,) = await client.describe_consumer_groups([group])
    # Error code, group, state, protocol type, protocol, members.
    return any(described[2] not in EMPTY and described[5] for described in answer.groups)


def _said(partition: int, swapped: Swapped | None) -> str:
    if swapped is None:
        return f"Partition {partition}: no tables yet; a worker makes them from the journal's beginning."
    rows = ", ".join(f"{count} of {table}" for table, count in swapped.differing.items())
    return f"Partition {partition}: tables of {swapped.systems} systems put in place. Rows that differed: {rows}."
