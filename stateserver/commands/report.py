"""`stateserver report`: a blast's report as PDF, CSV or JSON, from a running system's topics."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import click
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stateserver.codec.blast import END, REPORT, START, BlastAssembler, BlastDocument, decode_blast_part
from stateserver.codec.topics import Topics
from stateserver.errors import StateServerError
from stateserver.reports.files import write_file, write_files
from stateserver.reports.views import FORMATS, VIEWS, Filed
from stateserver.settings import Settings, kafka_client_options, load_settings, variable

STALLED_S: Final = 30.0
STEP_MS: Final = 500


class NoReport(StateServerError):
    """There is no such blast, or it can't be read."""


@click.command()
@click.argument("blast_id", type=click.UUID)
@click.option("--format", "wanted", type=click.Choice(list(FORMATS)), default="pdf", show_default=True)
@click.option(
    "--out",
    default=".",
    help="A folder, a file, or - for standard output. Into a folder CSV writes four files: the detonators, a summary,"
    " the boosters and the timeline; elsewhere the detonators.  [default: this folder]",
)
def command(blast_id: UUID, wanted: str, out: str) -> None:
    """Write the report of the blast BLAST_ID.

    It is read from the topic of blasts, so no gateway need run. Times are in UTC and in STATESERVER_TIME_ZONE.
    The same blast gives the same bytes each time.
    """
    settings = load_settings(os.environ)
    filed = asyncio.run(read_blast(settings, str(blast_id)))
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
    """The newest report of a blast with its snapshots, from the topic. Raises NoReport."""
    topic = Topics.with_prefix(settings.topic_prefix).blasts
    consumer = AIOKafkaConsumer(
        **kafka_client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    try:
        await consumer.start()
        try:
            documents = await _read_documents(consumer, topic, blast)
        finally:
            await consumer.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        where = f"{topic} at {', '.join(settings.brokers)}"
        hint = f"Start the broker, or mend {variable('brokers')}."
        raise NoReport(f"can't read {where} ({type(error).__name__})", hint) from error
    if REPORT not in documents or START not in documents:
        raise NoReport(f"no blast {blast} in {topic}", "Give the id of a blast as the page or the gateway shows it.")
    end = documents.get(END)
    return Filed(orjson.loads(documents[REPORT].content), documents[START].content, end.content if end else None)


async def _read_documents(consumer: AIOKafkaConsumer, topic: str, blast: str) -> dict[str, BlastDocument]:
    """The newest of each of the blast's documents. All partitions are read to the ends they have now."""
    await consumer.topics()  # makes the client know them
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    if not partitions:
        raise NoReport(f"there is no topic {topic}", f"Start a worker, or mend {variable('topic_prefix')}.")
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    assembler, prefix = BlastAssembler(), f"{blast}/".encode()
    documents: dict[str, BlastDocument] = {}
    moved_at = time.monotonic()
    while True:
        behind = [one for one in partitions if await consumer.position(one) < ends[one]]
        if not behind:
            return documents
        records = await consumer.getmany(*behind, timeout_ms=STEP_MS)
        for record in (record for some in records.values() for record in some):
            document = _complete(assembler, record.value) if record.value and record.key.startswith(prefix) else None
            if document is not None and document.version >= _version(documents, document.what):
                documents[document.what] = document
        if records:
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > STALLED_S:
            raise TimeoutError


def _complete(assembler: BlastAssembler, value: bytes) -> BlastDocument | None:
    return assembler.add(decode_blast_part(value))


def _version(documents: dict[str, BlastDocument], what: str) -> int:
    return documents[what].version if what in documents else 0
