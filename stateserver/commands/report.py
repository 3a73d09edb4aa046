"""`stateserver report`: a blast's report as PDF, CSV or JSON, from a running system's topics."""

import asyncio
import logging
import os
import sys
from contextlib import aclosing
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import click
from aiokafka.errors import KafkaError

from stateserver.codec.blast import REPORT, START, BlastAssembler, BlastPart, decode_blast_part
from stateserver.codec.topics import Topics
from stateserver.commands.topic_reading import kafka_trouble, read_topics
from stateserver.errors import StateServerError
from stateserver.gateway.report_maker import filed_of
from stateserver.reports.files import write_file, write_files
from stateserver.reports.views import FORMATS, VIEWS, Filed
from stateserver.settings import Settings, load_settings


class NoReport(StateServerError):
    """There is no such blast."""


@click.command()
@click.argument("blast_id", type=click.UUID)
@click.option("--format", "wanted", type=click.Choice(list(FORMATS)), default="pdf", show_default=True)
@click.option(
    "--out",
    default=".",
    help="A folder, a file, or - for standard output. In a folder files are named by system, local time and the"
    " beginning of the blast's id, and CSV writes six: the detonators, a summary, the boosters, the timeline, the"
    " warnings, and a row for a table of blasts; elsewhere the detonators.  [default: this folder]",
)
def command(blast_id: UUID, wanted: str, out: str) -> None:
    """Write the report of the blast BLAST_ID.

    It is read from the topic of blasts, so no gateway need run. Times are in UTC and in STATESERVER_TIME_ZONE.
    The same blast gives the same bytes each time.
    """
    settings = load_settings(os.environ)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # we say it ourselves, once
    try:
        filed = asyncio.run(read_blast(settings, str(blast_id)))
    except KafkaError as error:
        raise kafka_trouble("read blasts", settings, error) from error
    zone = ZoneInfo(settings.time_zone)
    if out == "-":
        VIEWS[FORMATS[wanted][0]].write(filed, zone, sys.stdout.buffer)
    elif Path(out).is_dir():
        for path in write_files(Path(out), [wanted], filed, zone):
            click.echo(path)
    else:
        write_file(Path(out), FORMATS[wanted][0], filed, zone)
        click.echo(out)


async def read_blast(settings: Settings, blast: str) -> Filed:
    """The newest report of a blast with its snapshots, from the topic. Raises NoReport, CannotRead."""
    topic = Topics.with_prefix(settings.topic_prefix).blasts
    assembler, prefix = BlastAssembler(), f"{blast}/".encode()
    newest: dict[str, list[BlastPart]] = {}
    async with aclosing(read_topics(settings, (topic,), (), from_beginning=True, follow=False)) as records:
        async for record in records:
            if record.value is None or not record.key.startswith(prefix):
                continue
            parts = assembler.add(decode_blast_part(record.value))
            if parts is None:
                continue
            first = parts[0]
            if first.what not in newest or first.version >= newest[first.what][0].version:
                newest[first.what] = parts
    if REPORT not in newest or START not in newest:
        raise NoReport(f"no blast {blast} in {topic}", "Give the id of a blast as the page or the gateway shows it.")
    return filed_of(newest)
