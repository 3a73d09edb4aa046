"""The worker on the standard load: a real process beside a real Apache Kafka, everything on.

The floor is a process of its own that reads the same records with aiokafka, reads their headers by hand, opens the
seals, checks the CRCs, and does nothing else. Both read what lies in the journal already, one after the other, so their
ratio holds on any machine; CPU counts all threads of a process.
"""

import asyncio
import multiprocessing
import os
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.stage import BATCH_BYTES, LIMIT_S, Pace, Stage, pace
from benchmarks.standard_load import BOOSTERS, SYSTEMS, WINDOWS, Load
from stateserver.codec.packet import NONCE_SIZE
from stateserver.protocol import crc
from stateserver.security.keyring import KeyRing

ROUNDS = int(os.environ.get("ROUNDS", "60"))


def read_only(bootstrap: str, topic: str, start: int, end: int, ring_file: str, told: Connection) -> None:
    """The floor, in a process of its own: tells its CPU and wall-clock time in s."""
    cipher = KeyRing.load(ring_file).key("bench").cipher

    async def read() -> tuple[float, float]:
        place, position = TopicPartition(topic, 0), start
        async with AIOKafkaConsumer(bootstrap_servers=bootstrap, max_partition_fetch_bytes=2 * BATCH_BYTES) as consumer:
            consumer.assign([place])
            consumer.seek(place, start)
            cpu_s, wall_s = time.process_time(), time.monotonic()
            while position < end:
                for record in (await consumer.getmany(place, timeout_ms=1000)).get(place, ()):
                    open_and_check(cipher, record.value)
                    position = record.offset + 1
            return time.process_time() - cpu_s, time.monotonic() - wall_s

    told.send(asyncio.run(asyncio.wait_for(read(), LIMIT_S)))


def open_and_check(cipher: AESGCM, value: bytes) -> None:
    """What no reader of a packet can leave out: its header, its seal, its CRC."""
    at = 10
    for _ in range(2):  # system, source
        at += 1 + (value[at] >> 1)
    for _ in range(4):  # sequence, created_at, mode, kind
        while value[at] & 0x80:
            at += 1
        at += 1
    at += 1 + (value[at] >> 1)  # key_id
    body = at + NONCE_SIZE
    while value[body] & 0x80:
        body += 1
    frame = cipher.decrypt(value[at : at + NONCE_SIZE], value[body + 1 :], value[:at])
    assert crc.is_sound(frame)


def floor(stage: Stage, start: int, end: int) -> Pace:
    """What only reading takes."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (stage.broker.bootstrap, stage.journal, start, end, str(stage.ring_file), theirs)
    process = context.Process(target=read_only, args=arguments, daemon=True)
    process.start()
    theirs.close()
    try:
        cpu_s, wall_s = ours.recv()
    finally:
        process.join(LIMIT_S)
    return Pace(end - start, wall_s, [cpu_s])


async def run(folder: Path) -> None:
    """Print both, and what they come to."""
    with Stage(folder, partitions=1) as stage:
        load = Load(stage.ring)
        known = await stage.settle(load)
        changes = await stage.end(stage.layout.topics.changes)
        end = known + await stage.produce(0, load.rounds(ROUNDS))
        print(
            f"  {SYSTEMS} systems of {BOOSTERS} boosters with {WINDOWS} detonators, {end - known} packets", flush=True
        )
        least = floor(stage, known, end)
        with stage.worker() as worker:
            most = pace(await stage.watch([worker], end))
            memory_max = worker.used.memory_max
        changes = await stage.end(stage.layout.topics.changes) - changes
    items = 48 * most.packets_s
    for name, one in (("floor", least), ("worker", most)):
        print(
            f"  {name:<7}{one.cpu_us:7.1f} us CPU/packet  {1e6 / one.cpu_us:9,.0f} packets/CPU s"
            f"  {one.packets_s:9,.0f} packets/s"
        )
    print(f"  {changes / (end - known):.2f} events/packet, {items:,.0f} items/s, {memory_max >> 20} MiB at most")
    print(f"  worker / floor: {most.cpu_us / least.cpu_us:.2f} in CPU, {least.packets_s / most.packets_s:.2f} in time")


def main() -> None:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
