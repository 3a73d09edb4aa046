"""From a packet appended to its change readable from `changes`, at 2,000 packets/s of the standard load (PACKETS_S).

Packets are appended every 5 ms, as many as are due; a packet's time runs from just before it is handed to the producer
until a reader of `changes` has an event of it in hand. The floor is measured at the same time, in the same process: the
same packets, read straight from the journal.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.stage import Stage
from benchmarks.standard_load import FRAMES_A_ROUND, SYSTEMS, Load, Sealed
from stateserver.codec.change import decode_change
from stateserver.codec.packet import read_packet

PACKETS_S = int(os.environ.get("PACKETS_S", "2000"))
SECONDS = 30
WARM_UP_SHARE = 0.2
EVERY_S = 0.005
FETCH_WAIT_MS = 100
LATE_S = 5.0

Packet = tuple[str, int]
"""System and sequence."""


class Timing:
    """When each packet was appended, and how long it took until each reader had heard of it."""

    def __init__(self) -> None:
        self.appended: dict[Packet, float] = {}
        self.took: dict[str, dict[Packet, float]] = {"floor": {}, "worker": {}}

    def heard(self, reader: str, packet: Packet) -> None:
        if packet in self.appended:
            self.took[reader].setdefault(packet, time.perf_counter() - self.appended[packet])

    def print_row(self, reader: str) -> None:
        warm = sorted(self.appended.values())[int(len(self.appended) * WARM_UP_SHARE)]
        took = sorted(ms for packet, ms in self.took[reader].items() if self.appended[packet] >= warm)
        shown = "  ".join(f"{name} {took[int(len(took) * share)] * 1000:6.1f} ms" for name, share in SHARES.items())
        print(f"  {reader:<7} {shown}  ({len(took)} packets)")

    def p99(self, reader: str) -> float:
        took = sorted(self.took[reader].values())
        return took[int(len(took) * SHARES["p99"])]


SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


async def follow(bootstrap: str, topic: str, heard: Callable[[bytes], None], started: asyncio.Event) -> None:
    """Read a topic from its present end on, until cancelled."""
    place = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=FETCH_WAIT_MS) as consumer:
        consumer.assign([place])
        await consumer.seek_to_end(place)
        await consumer.position(place)
        started.set()
        while True:
            for record in (await consumer.getmany(place, timeout_ms=1000)).get(place, ()):
                heard(record.value)


async def append(stage: Stage, records: list[Sealed], timing: Timing) -> None:
    """At an even pace."""
    async with AIOKafkaProducer(bootstrap_servers=stage.broker.bootstrap) as producer:
        began, done = time.perf_counter(), 0
        while done < len(records):
            due = min(int((time.perf_counter() - began) * PACKETS_S), len(records))
            for key, value in records[done:due]:
                header = read_packet(value)
                timing.appended[header.system, header.sequence] = time.perf_counter()
                await producer.send(stage.journal, value, key=key, partition=0)
            done = max(done, due)
            await asyncio.sleep(EVERY_S)


async def measure(stage: Stage, records: list[Sealed]) -> Timing:
    """Append, and read both topics meanwhile."""
    timing = Timing()

    def heard_packet(value: bytes) -> None:
        header = read_packet(value)
        timing.heard("floor", (header.system, header.sequence))

    def heard_change(value: bytes) -> None:
        change = decode_change(value)
        if change.sequence is not None:
            timing.heard("worker", (change.system, change.sequence))

    readers = []
    for topic, heard in ((stage.journal, heard_packet), (stage.layout.topics.changes, heard_change)):
        started = asyncio.Event()
        readers.append(asyncio.create_task(follow(stage.broker.bootstrap, topic, heard, started)))
        await started.wait()
    await append(stage, records, timing)
    await asyncio.sleep(LATE_S)  # what comes later than that is missing in the counts below
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return timing


async def run(folder: Path) -> None:
    """Print both."""
    with Stage(folder, partitions=1) as stage:
        await stage.make_journal()
        load = Load(stage.ring)
        known = await stage.produce(0, load.listing())
        with stage.worker() as worker:
            await stage.watch([worker], known)
            rounds = -(-PACKETS_S * SECONDS // (FRAMES_A_ROUND * SYSTEMS))
            records = list(load.rounds(rounds))[: PACKETS_S * SECONDS]
            cpu_s, began = worker.used.cpu_s, time.monotonic()
            timing = await measure(stage, records)
            busy = (worker.used.cpu_s - cpu_s) / (time.monotonic() - began)
    for reader in timing.took:
        timing.print_row(reader)
    ratio = timing.p99("worker") / timing.p99("floor")
    print(f"  worker / floor: {ratio:.1f} at p99; the worker took {busy:.0%} of a core")


def main() -> None:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
