"""How long it takes to tell how a system stood once, after a busy day: 1,000,000 events of it, in one partition.

The events and stills are those of the worker's own code, folded here and written to a real Apache Kafka; beside the
busy system lies a quiet one, which says something now and then. Asked is the process that a gateway asks, for instants
all over the day, none of which it was asked for before. The floor reads the topic and does nothing with it.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.stage import BATCH_BYTES, PREFIX, Stage, environment, used
from benchmarks.standard_load import FRAMES_A_ROUND, ROUND_MS, START_MS, Load
from stateserver.codec.still import encode_still
from stateserver.codec.topics import system_key
from stateserver.gateway.past_answers import Question, What
from stateserver.gateway.past_desk import PastDesk
from stateserver.gateway.past_reader import FETCH_BYTES
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.ports import Batch, Row
from stateserver.stream.topics import ensure_topics

EVENTS: Final = 1_000_000
CUT_RECORDS: Final = 2_100
QUIET_EVERY_CUTS: Final = 20
ASKED: Final = 20
BUSY: Final = "site-0"
QUIET: Final = "quiet-0"


class Line(NamedTuple):
    """A record of the journal, as a worker is given it."""

    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Day:
    """What a worker writes of it, cut by cut. `ends`: the time of each cut's last record (ms), and events so far."""

    def __init__(self, stage: Stage) -> None:
        self.processor = PartitionProcessor(0, stage.ring, {stage.journal: 0})
        self.ends: list[tuple[int, int]] = []
        self._journal = stage.journal
        self._busy, self._quiet = Load(stage.ring, 1), Load(stage.ring, 1, "quiet")
        self._offset = self._events = 0

    def cuts(self) -> Iterator[tuple[list[Row], list[Row]]]:
        """Rows of `changes`, and of `history`."""
        records = [*self._quiet.listing(), *self._busy.listing()]
        while self._events < EVENTS:
            lines = [Line(self._offset + at, None, *record) for at, record in enumerate(records)]
            emitted = self.processor.process(Batch(self._journal, 0, self._offset, lines))
            assert not emitted.rejected
            offset_before = self._events
            self._offset, self._events = self._offset + len(lines), self._events + len(emitted.changes)
            cut = self.processor.cut(offset_before)
            stills = [Row(system_key(still.system), value) for still in cut.stills for value in encode_still(still)]
            self.ends.append((self.processor.systems[BUSY].system.time or 0, self._events))
            yield emitted.changes, stills
            records = list(self._busy.rounds(CUT_RECORDS // FRAMES_A_ROUND))
            if len(self.ends) % QUIET_EVERY_CUTS == 0:
                records += self._quiet.rounds(1)


async def write(stage: Stage, day: Day) -> int:
    """The day, into the topics; returns how many stills that had."""
    stills = 0
    async with AIOKafkaProducer(bootstrap_servers=stage.broker.bootstrap, max_batch_size=BATCH_BYTES) as producer:
        for changes, history in day.cuts():
            await _put(producer, stage.layout.topics.changes, changes)
            await _put(producer, stage.layout.topics.history, history)
            stills += len(history)
    return stills


async def _put(producer: AIOKafkaProducer, topic: str, rows: Iterable[Row]) -> None:
    batch = producer.create_batch()
    for row in rows:
        if batch.append(key=row.key, value=row.value, timestamp=None, headers=list(row.headers)) is None:
            await (await producer.send_batch(batch, topic, partition=0))
            batch = producer.create_batch()
            batch.append(key=row.key, value=row.value, timestamp=None, headers=list(row.headers))
    if batch.record_count():
        await (await producer.send_batch(batch, topic, partition=0))


async def floor(stage: Stage) -> tuple[int, float]:
    """All of `changes` read: how many records, and the CPU that took (s)."""
    place, count = TopicPartition(stage.layout.topics.changes, 0), 0
    async with AIOKafkaConsumer(
        bootstrap_servers=stage.broker.bootstrap, max_partition_fetch_bytes=FETCH_BYTES
    ) as consumer:
        consumer.assign([place])
        end, began = (await consumer.end_offsets([place]))[place], time.process_time()
        consumer.seek(place, 0)
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(place, timeout_ms=250)).values():
                count += len(records)
        return count, time.process_time() - began


async def ask(desk: PastDesk, day: Day, system: str, instants: Iterable[int]) -> None:
    """Print what a question takes, each for another instant."""
    now = day.processor.systems[system].system
    wall_s: list[float] = []
    cpu_s: list[float] = []
    answer = b""
    for at in instants:
        before = _cpu_s(desk)
        began = time.perf_counter()
        question = Question(What.UNITS, system, 0, at, now.version, now.mode, limit=1_000)
        answer = await desk.ask(question)
        wall_s.append(time.perf_counter() - began)
        cpu_s.append(_cpu_s(desk) - before)
    print(
        f"  {system:<8} {len(wall_s)} instants: median {statistics.median(wall_s):.2f} s, longest {max(wall_s):.2f} s;"
        f" CPU median {statistics.median(cpu_s):.2f} s, most {max(cpu_s):.2f} s; last answer {len(answer):,} bytes"
    )


def _cpu_s(desk: PastDesk) -> float:
    process = desk._process  # noqa: SLF001 to see what it takes
    return 0.0 if process is None else used(process.pid).cpu_s


async def run(folder: Path) -> None:
    """Print all of it."""
    with Stage(folder, partitions=1) as stage:
        await stage.make_journal()
        await ensure_topics({"bootstrap_servers": [stage.broker.bootstrap]}, stage.layout)
        day, began = Day(stage), time.process_time()
        stills = await write(stage, day)
        print(f"  {EVENTS:,} events and {stills} stills written ({time.process_time() - began:.0f} s of CPU)")
        count, cpu_s = await floor(stage)
        print(f"  floor: {count:,} events only read: {cpu_s:.1f} s of CPU")
        desk = PastDesk(environment(BROKERS=stage.broker.bootstrap, TOPIC_PREFIX=PREFIX))
        try:
            began, instants = time.perf_counter(), _instants(day)
            await ask(desk, day, BUSY, instants[:1])
            print(f"  of which the process took to start, with the first answer: {time.perf_counter() - began:.2f} s")
            await ask(desk, day, BUSY, instants[1:])
            await ask(desk, day, QUIET, instants[1:])
            pid = desk._process.pid if desk._process else 0  # noqa: SLF001 as above
            print(f"  the process at its largest: {used(pid).memory_max >> 20} MiB")
        finally:
            await desk.close()


def _instants(day: Day) -> list[int]:
    last = day.ends[-1][0]
    return [Random(5).randrange(START_MS + 2 * ROUND_MS, last) for _ in range(1)] + sorted(
        Random(9).sample(range(START_MS + 2 * ROUND_MS, last), ASKED)
    )


def main() -> None:
    """Run it in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


if __name__ == "__main__":
    main()
