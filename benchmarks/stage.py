"""What the benchmarks of the worker run on: a real Apache Kafka, topics full of the standard load, worker processes."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from benchmarks.standard_load import Load, Sealed
from stateserver.broker.child import Child
from stateserver.broker.kafka import Kafka
from stateserver.broker.ports import free_port
from stateserver.codec.packet import Kind
from stateserver.demo.credentials import make_credentials
from stateserver.demo.services import Service
from stateserver.errors import StateServerError
from stateserver.kafka.readers import reader
from stateserver.security.keyring import KeyRing, new_key_document
from stateserver.stream.kafka_log import FETCH_BYTES, READ_WAIT_MS
from stateserver.stream.layout import Layout

PREFIX = "bench."
LIMIT_S = 600.0
POLL_S = 0.05
STOP_LIMIT_S = 15.0
BATCH_BYTES = 500_000
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class BenchmarkFailed(StateServerError):
    """Something that a benchmark runs did not do what it should."""


class Used(NamedTuple):
    """What a process had used at a moment: CPU of all its threads in s, memory in bytes."""

    cpu_s: float
    memory: int
    memory_max: int


def used(pid: int) -> Used:
    """What a process has used so far, as Linux tells it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    memory, memory_max = (int(status[name].split()[0]) << 10 for name in ("VmRSS", "VmHWM"))
    return Used((int(fields[11]) + int(fields[12])) / CLOCK_TICKS, memory, memory_max)


def environment(**settings: str) -> dict[str, str]:
    """This process's own, with these settings in the place of whatever settings it has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STATESERVER_")}
    return {**kept, **{f"STATESERVER_{name}": value for name, value in settings.items()}}


class Gateway(NamedTuple):
    """A gateway that was not started yet, where it will listen, and what lets one in."""

    service: Service
    port: int
    token: str


def gateway(bootstrap: str, folder: Path) -> Gateway:
    """`stateserver gateway` on the topics of the benchmarks."""
    credentials, port = make_credentials(), free_port()
    settings = environment(
        BROKERS=bootstrap, TOPIC_PREFIX=PREFIX, DATA_DIR=str(folder / "gateway"), HTTP_PORT=str(port)
    )
    return Gateway(Service("gateway", {**settings, **credentials.environment()}, folder), port, credentials.token)


class Read(NamedTuple):
    """How long it took to read so many records, with values of so many bytes."""

    wall_s: float
    records: int
    size: int


class Sample(NamedTuple):
    """At a moment (s): how many records the group had applied, and what each worker had used."""

    time_s: float
    applied: int
    used: list[Used]


class WorkerProcess(Child):
    """`stateserver worker`."""

    name = "worker"

    def __init__(self, output: Path, settings: Mapping[str, str]) -> None:
        super().__init__(output, stop_limit_s=STOP_LIMIT_S)
        self._settings = settings

    def _command(self) -> Sequence[str]:
        return [sys.executable, "-m", "stateserver", "worker"]

    def _environment(self) -> Mapping[str, str]:
        return environment(**self._settings)

    def _trouble(self, message: str) -> StateServerError:
        return BenchmarkFailed(message)

    def __enter__(self) -> Self:
        self.spawn()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def used(self) -> Used:
        """What it has used since it started."""
        self.require_running()
        assert self.pid is not None
        return used(self.pid)


class Stage(AbstractContextManager["Stage"]):
    """A broker, a key ring and one set of topics with `partitions` each, in `folder`."""

    def __init__(self, folder: Path, partitions: int) -> None:
        self.folder = folder
        self.partitions = partitions
        document = {"keys": [new_key_document("bench", list(Kind), ["*"])], "current": dict.fromkeys(Kind, "bench")}
        self.ring = KeyRing.from_document(document)
        self.ring_file = folder / "ring.json"
        self.ring_file.touch(mode=0o600)
        self.ring_file.write_text(json.dumps(document))
        self.broker = Kafka(folder / "kafka")
        self.layout = Layout.with_prefix(PREFIX, (f"{PREFIX}packets",))
        self.journal = self.layout.journals[0]
        self._workers = 0

    def __enter__(self) -> Self:
        self.broker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.stop()

    def worker(self, data: str = "data", group: str = "bench", **settings: str) -> WorkerProcess:
        """A worker, not started yet. Its lateness is so long that these old records cause no ticks."""
        self._workers += 1
        given = {
            "BROKERS": self.broker.bootstrap,
            "TOPIC_PREFIX": PREFIX,
            "PACKETS_TOPICS": self.journal,
            "GROUP": group,
            "KEYRING": str(self.ring_file),
            "DATA_DIR": str(self.folder / data),
            "LATENESS_MS": "600000",
            **settings,
        }
        return WorkerProcess(self.folder / f"worker-{self._workers}.log", given)

    def _admin(self) -> AIOKafkaAdminClient:
        return AIOKafkaAdminClient(bootstrap_servers=self.broker.bootstrap)

    async def make_journal(self) -> None:
        """The journal's topic; the worker makes the others alike."""
        admin = self._admin()
        await admin.start()
        try:
            await admin.create_topics([NewTopic(self.journal, self.partitions, 1)])
        finally:
            await admin.close()

    async def produce(self, partition: int, records: Iterable[Sealed]) -> int:
        """Append to a partition of the journal; returns how many records that were."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.broker.bootstrap, acks=1, max_batch_size=BATCH_BYTES
        ) as producer:
            count, batch = 0, producer.create_batch()
            for key, value in records:
                if batch.append(key=key, value=value, timestamp=None) is None:
                    await (await producer.send_batch(batch, self.journal, partition=partition))
                    batch = producer.create_batch()
                    batch.append(key=key, value=value, timestamp=None)
                count += 1
            await (await producer.send_batch(batch, self.journal, partition=partition))
        return count

    async def settle(self, *loads: Load) -> int:
        """Make the journal, list a load in each partition, and have a worker apply it all. Returns how many records."""
        await self.make_journal()
        records = sum([await self.produce(number, load.listing()) for number, load in enumerate(loads)])
        with self.worker() as worker:
            await self.watch([worker], records)
        return records

    async def watch(self, workers: Sequence[WorkerProcess], wanted: int, group: str = "bench") -> list[Sample]:
        """Until the group has committed `wanted` records, over all partitions: what it had done, and what that took."""
        admin = self._admin()
        await admin.start()
        deadline, samples = time.monotonic() + LIMIT_S, list[Sample]()
        try:
            while not samples or samples[-1].applied < wanted:
                applied = await _committed(admin, group)
                samples.append(Sample(time.monotonic(), applied, [worker.used for worker in workers]))
                if time.monotonic() > deadline:
                    raise BenchmarkFailed(f"{applied} of {wanted} records applied within {LIMIT_S:g} s")
                await asyncio.sleep(POLL_S)
        finally:
            await admin.close()
        return samples

    async def read_through(self, *topics: str) -> Read:
        """The floor of whoever reads the first partition of topics from beginning to end, and looks at nothing."""
        places, records, size = [TopicPartition(topic, 0) for topic in topics], 0, 0
        options = {"bootstrap_servers": self.broker.bootstrap}
        consumer = reader(options, fetch_bytes=FETCH_BYTES, wait_ms=READ_WAIT_MS)
        await consumer.start()
        try:
            ends = await consumer.end_offsets(places)
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            began = time.perf_counter()
            while any([await consumer.position(place) < ends[place] for place in places]):
                for found in (await consumer.getmany(timeout_ms=READ_WAIT_MS)).values():
                    records += len(found)
                    size += sum(len(record.value or b"") for record in found)
            return Read(time.perf_counter() - began, records, size)
        finally:
            await consumer.stop()

    async def end(self, topic: str) -> int:
        """How many records were ever written to a topic."""
        places = [TopicPartition(topic, partition) for partition in range(self.partitions)]
        async with AIOKafkaConsumer(bootstrap_servers=self.broker.bootstrap) as consumer:
            return sum((await consumer.end_offsets(places)).values())


async def _committed(admin: AIOKafkaAdminClient, group: str) -> int:
    """How many records the group says are done; 0 while there is nobody who knows the group."""
    try:
        committed = await admin.list_consumer_group_offsets(group)
    except KafkaError:
        return 0
    return sum(max(each.offset, 0) for each in committed.values())


class Pace(NamedTuple):
    """What some records took: wall-clock time in s, CPU of each process in s, and how many they were."""

    records: int
    wall_s: float
    cpu_s: list[float]

    @property
    def packets_s(self) -> float:
        return self.records / self.wall_s

    @property
    def cpu_us(self) -> float:
        """CPU a packet, of all processes."""
        return sum(self.cpu_s) / self.records * 1e6


def pace(samples: Sequence[Sample]) -> Pace:
    """From the first checkpoint that moved to the last one: start and end of the processes are left out."""
    first = next(at for at in range(1, len(samples)) if samples[at].applied > samples[at - 1].applied > 0)
    begin, end = samples[first], samples[-1]
    cpu_s = [after.cpu_s - before.cpu_s for before, after in zip(begin.used, end.used, strict=True)]
    return Pace(end.applied - begin.applied, end.time_s - begin.time_s, cpu_s)
