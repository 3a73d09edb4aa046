"""`stateserver replay --from-topic`: the journal of a running system, folded again beside its workers."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
from aiokafka.errors import KafkaError
from tqdm import tqdm

from stateserver.commands.bounds import Bound
from stateserver.commands.journal_range import Stretch, check_range, stretches_of
from stateserver.commands.live_tables import LiveTablesReader
from stateserver.commands.log_reader import LogReader, Record
from stateserver.commands.progress import progress_bar
from stateserver.commands.replay_compare import check_comparable, print_differences
from stateserver.commands.replay_notes import end_if_nothing_taken, print_notes
from stateserver.commands.replay_reports import write_reports
from stateserver.commands.replay_summary import Summary
from stateserver.commands.replay_swap import swap_tables
from stateserver.commands.system_names import require_system
from stateserver.commands.topic_reading import find_places, kafka_trouble
from stateserver.protocol.reasons import Rejected
from stateserver.replay.comparing import Comparison, Difference, LiveTables
from stateserver.replay.files import OutputFolder
from stateserver.replay.folding_many import ManyFoldings
from stateserver.replay.noticing import StaleFrames
from stateserver.security.keyring import KeyRing
from stateserver.settings import SettingError, Settings, kafka_client_options, load_settings, variable
from stateserver.stream.layout import Layout

DIFFERENT_STATUS: Final = 1


class LogReplay(NamedTuple):
    """What is to be replayed, and where to; see `stateserver replay --help`."""

    out: Path
    systems: tuple[str, ...]
    partitions: tuple[int, ...] | None
    begin: Bound | None
    until: Bound | None
    at: int | None
    compare: bool = False
    swap: bool = False


def replay_log(wanted: LogReplay, reports: tuple[str, ...]) -> None:
    """Replay, write, and print a summary. Raises StateServerError."""
    require_system(*wanted.systems)
    settings = load_settings(os.environ)
    ring = ring_for_the_journal(settings)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # we say it ourselves, once
    summary, stale = Summary(), StaleFrames()
    try:
        differences = asyncio.run(_replay(settings, ring, wanted, summary, stale))
    except KafkaError as error:
        raise kafka_trouble("read the journal", settings, error) from error
    write_reports(wanted.out, reports)
    print_differences(differences)
    summary.print(**({"Differences": len(differences)} if wanted.compare else {}))
    print_notes(stale.notes())
    if summary.is_empty:
        print_notes(["there is no record of what was asked for."])
    if wanted.swap:
        _swap(settings, ring, wanted.partitions)
        return
    end_if_nothing_taken(summary, wanted.out)
    if differences:
        raise click.exceptions.Exit(DIFFERENT_STATUS)


def _swap(settings: Settings, ring: KeyRing, partitions: tuple[int, ...] | None) -> None:
    try:
        asyncio.run(swap_tables(settings, ring, partitions))
    except KafkaError as error:
        raise kafka_trouble("swap", settings, error) from error


def ring_for_the_journal(settings: Settings) -> KeyRing:
    """The workers' key ring. Raises SettingError where none is set, and what it is wrong with."""
    if settings.keyring is None:
        raise SettingError(variable("keyring"), "is needed to open the journal", "set it to the workers' key ring")
    return KeyRing.load(settings.keyring.get_secret_value())


async def _replay(
    settings: Settings, ring: KeyRing, wanted: LogReplay, summary: Summary, stale: StaleFrames
) -> list[Difference]:
    options, topics = kafka_client_options(settings), settings.packets_topics
    places = await find_places(options, topics, wanted.partitions or ())
    differences: list[Difference] = []
    partitions = sorted({place.partition for place in places})
    async with LogReader(settings) as reader:
        live = LiveTablesReader(reader, Layout.with_prefix(settings.topic_prefix, topics), wanted.systems)
        if wanted.compare:
            await live.survey(partitions)
        # After the tables' ends: by then the journal holds all that they stand for.
        stretches = await stretches_of(reader, places, wanted.begin, wanted.until)
        check_range(stretches, wanted.begin, wanted.until)
        _say_where_it_begins(stretches)
        total = sum(stretch.end - stretch.start for stretch in stretches)
        with (
            OutputFolder(wanted.out) as output,
            progress_bar(total, " records") as bar,
        ):
            for partition in partitions:
                # One partition number at a time, of all topics: memory holds no more than a worker's.
                these = [stretch for stretch in stretches if stretch.place.partition == partition]
                tables = await live.read(partition) if wanted.compare else None
                if tables is not None:
                    check_comparable(tables, these)
                one = PartitionReplay(ManyFoldings(ring, wanted.systems, wanted.at), output, summary, stale, tables)
                for stretch in these:
                    await _read(reader, stretch, one, bar)
                differences += one.end()
            differences.sort(key=lambda difference: difference.order)
            if wanted.compare:
                output.write_differences(differences)
    return differences


async def _read(reader: LogReader, stretch: Stretch, one: "PartitionReplay", bar: "tqdm[Any]") -> None:
    passed = stretch.start
    async for records in reader.read(stretch.place, stretch.start, stretch.end):
        for record in records:
            one.take(record)
        bar.update(records[-1].offset + 1 - passed)
        passed = records[-1].offset + 1
    bar.update(stretch.end - passed)


def _say_where_it_begins(stretches: list[Stretch]) -> None:
    begun = [f"{one.place.topic} {one.place.partition}: {one.start}" for one in stretches if one.start > 0]
    if begun:
        click.echo(
            f"The fold begins with nothing where earlier records are left out or gone ({', '.join(begun)}): units"
            " appear as they are first heard of there, and versions count from 1.",
            err=True,
        )


def _place(record: Record) -> str:
    return f"offset {record.offset} of {record.topic} {record.partition}"


class PartitionReplay:
    """One partition's records on their way into the files, held against its live tables where they are given."""

    def __init__(
        self,
        foldings: ManyFoldings,
        output: OutputFolder,
        summary: Summary,
        stale: StaleFrames,
        live: LiveTables | None = None,
    ) -> None:
        self._foldings = foldings
        self._output = output
        self._summary = summary
        self._stale = stale
        self._comparison = None if live is None else Comparison(live)
        self._topics: dict[str, str] = {}

    def take(self, record: Record) -> None:
        """Apply a record, and write what it causes."""
        if self._comparison is not None:
            self._compare(self._comparison, record)
        try:
            applied = self._foldings.apply(record)
        except Rejected as rejected:
            self._summary.count_rejected(_place(record), rejected)
            place: dict[str, str | int] = {
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
            }
            self._output.write_rejected(place, rejected)
            return
        if applied is None:
            return
        self._topics[applied.folding.system.name] = record.topic
        self._summary.count(applied.record, applied.changes)
        if applied.changes:
            self._stale.look(_place(record), applied.changes)
            self._output.write_changes(applied.changes)
            told = applied.folding.take_told()
            self._summary.count_blasts(told.documents)
            self._output.write_told(told)

    def _compare(self, comparison: Comparison, record: Record) -> None:
        name = (record.key or b"").decode(errors="replace")
        folding = self._foldings.systems.get(name)
        comparison.before(name, None if folding is None else folding.system, record.topic, record.offset)

    def end(self) -> list[Difference]:
        """Write how its systems stand; what differs in the live tables."""
        for _, folding in sorted(self._foldings.systems.items()):
            self._summary.count_outcome(folding)
            self._output.write_outcome(folding)
        if self._comparison is None:
            return []
        systems = {name: folding.system for name, folding in self._foldings.systems.items()}
        self._comparison.end(systems, self._topics)
        return self._comparison.differences
