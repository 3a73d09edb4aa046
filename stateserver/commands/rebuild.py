"""`stateserver rebuild`: what was told is withdrawn, and told anew from the journal by the workers."""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from typing import Final

import click
from aiokafka.errors import KafkaError

from stateserver.commands.bounds import PartitionsType
from stateserver.commands.progress import progress_bar
from stateserver.commands.replay_log import ring_for_the_journal
from stateserver.commands.replay_swap import TRANSACTION_MS_MAX, has_members
from stateserver.commands.topic_reading import CannotRead
from stateserver.security.keyring import KeyRing
from stateserver.settings import Settings, kafka_client_options, load_settings, variable
from stateserver.stream.errors import CannotRebuild
from stateserver.stream.kafka_log import KafkaLog
from stateserver.stream.layout import Layout
from stateserver.stream.partitions_held import check_partitions
from stateserver.stream.place import Place
from stateserver.stream.rebuild import Withdrawn, check_rebuild, rebuild_partition
from stateserver.stream.topics import check_topics, ensure_topics

LOOK_EVERY_S: Final = 1.0
TAIL_RECORDS: Final = 100


@click.command()
@click.option("--partitions", type=PartitionsType(), help="These alone, as in 0,2-3; else all.")
@click.option(
    "--forget-what-cannot-be-opened",
    "forget",
    is_flag=True,
    help="Also where the key ring lacks keys of records that were read once: what these said is forgotten.",
)
@click.option("--wait/--no-wait", default=True, help="Whether to wait until the workers have told it anew.")
def command(partitions: tuple[int, ...] | None, forget: bool, wait: bool) -> None:
    """Have all that was told made anew from the journal.

    For when a worker refuses to start since its state is lost, when what was told and what the journal says are two
    things, and when a key that was missing is in the ring again, so that frames that were rejected come into the state.

    All that was told of the partitions is withdrawn: events, units, blasts, past states, rejected records. Their
    workers notice within seconds, end and are started again (PM2 does that), and fold the journal from its beginning.
    Until they are through, gateways show systems as they stood once. Events get other versions, in another era:
    gateways and the page begin with a fresh snapshot. Killed at any moment it is whole or not at all; run it again, or
    start a worker.

    Refused, before anything is changed, where the journal has lost its beginning, where the key ring lacks a key that
    opened some of it, and on the embedded broker. Needs STATESERVER_BROKERS and the workers' STATESERVER_KEYRING.
    """
    settings = load_settings(os.environ)
    ring = ring_for_the_journal(settings)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # we say it ourselves, once
    try:
        asyncio.run(_rebuild(settings, ring, partitions, forget=forget, wait=wait))
    except KafkaError as error:
        raise CannotRead(f"cannot rebuild: {error}", f"see {variable('brokers')}") from error


async def _rebuild(
    settings: Settings, ring: KeyRing, wanted: Sequence[int] | None, *, forget: bool, wait: bool
) -> None:
    options = kafka_client_options(settings)
    layout = Layout.with_prefix(settings.topic_prefix, settings.packets_topics)
    log = KafkaLog(options, settings.group, layout.state, transaction_ms_max=TRANSACTION_MS_MAX)
    await log.start()
    try:
        if not log.idempotent:
            raise CannotRebuild(
                "the embedded broker has no transactions, and deletes no records: nothing can be withdrawn there",
                "start it anew, and fill its journal again",
            )
        layout = layout._replace(partitions=await ensure_topics(options, layout))
        await check_topics(options, layout, for_good=False)
        await check_partitions(log, layout)
        places = _places(log, layout, wanted)
        for place in places:
            await _check(place, ring, forget=forget)
        withdrawn = [await _withdraw(place) for place in places]
        if not await has_members(options, settings.group):
            click.echo(f"No worker is in the group {settings.group}: the next one that is started tells it anew.")
        elif wait:
            await _wait(places, sum(one.records for one in withdrawn))
    finally:
        await log.stop()


def _places(log: KafkaLog, layout: Layout, wanted: Sequence[int] | None) -> list[Place]:
    there = range(layout.partitions or 0)
    unknown = sorted(set(wanted or ()) - set(there))
    if unknown:
        raise CannotRebuild(
            f"there is no partition {', '.join(map(str, unknown))}", f"the topics have 0 to {len(there) - 1}"
        )
    return [Place(partition, log, layout) for partition in wanted or there]


async def _check(place: Place, ring: KeyRing, *, forget: bool) -> None:
    held = [await place.log.bounds(topic, place.partition) for topic in place.layout.journals]
    with progress_bar(sum(one.end - one.start for one in held), " records") as bar:
        await check_rebuild(place, ring, bar.update, forget=forget)


async def _withdraw(place: Place) -> Withdrawn:
    withdrawn = await rebuild_partition(place, time.time_ns() // 1_000_000)
    click.echo(
        f"Partition {place.partition}: what was told of {withdrawn.systems} systems is withdrawn; "
        f"{withdrawn.records} records are to be folded again."
    )
    return withdrawn


async def _wait(places: Sequence[Place], records: int) -> None:
    """Until the workers have folded all that was there."""
    click.echo("Waiting for the workers to tell it anew; Ctrl-C leaves them to it.")
    ends = {(place, topic): await _behind_the_last(place, topic) for place in places for topic in place.layout.journals}
    with progress_bar(records, " records") as bar:
        done = 0
        while left := sum([max(0, end - await _done(*where)) for where, end in ends.items()]):
            bar.update(max(records - left, done) - done)
            done = max(records - left, done)
            await asyncio.sleep(LOOK_EVERY_S)
    click.echo("All of it is told anew.")


async def _done(place: Place, topic: str) -> int:
    return await place.log.committed(topic, place.partition) or 0


async def _behind_the_last(place: Place, topic: str) -> int:
    """The offset behind the last record: what ends a producer's transaction is none."""
    start, end = await place.log.bounds(topic, place.partition)
    behind = start
    async for records in place.log.read(topic, place.partition, max(start, end - TAIL_RECORDS), end):
        behind = records[-1].offset + 1
    return behind
