"""A real worker process beside a real broker: started, killed, stopped, and its topics read."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stateserver.broker.kafka import KafkaCluster
from stateserver.broker.process import Broker
from stateserver.stream.layout import Layout
from stateserver.stream.ports import LogRecord, Row
from stateserver.stream.topics import PARTITIONS_DEFAULT
from tests.stream.journals import RING_DOCUMENT, last_values

WAIT_S = 150.0
"""Patience, not a verdict: a busy machine takes its time."""
POLL_S = 0.05


class Chain:
    """Topics of one test's own on a broker, and the workers it runs there."""

    def __init__(self, broker: Broker | KafkaCluster, prefix: str, folder: Path) -> None:
        self.broker = broker
        self.prefix = prefix
        self.layout = Layout.with_prefix(prefix, (f"{prefix}packets",))
        self.folder = folder
        self.group = f"{prefix}workers"
        self.ring_document = RING_DOCUMENT

    def worker(self, data: str = "data", **settings: str) -> "WorkerProcess":
        """A worker, not started yet; `settings` are names without their prefix."""
        ring = self.lay_ring()
        given = {
            "BROKERS": self.broker.bootstrap,
            "TOPIC_PREFIX": self.prefix,
            "GROUP": self.group,
            "KEYRING": str(ring),
            "DATA_DIR": str(self.folder / data),
            # The examples' deadlines lie years back: no ticks unless a test wants some.
            "LATENESS_MS": "600000",
            **settings,
        }
        return WorkerProcess({f"STATESERVER_{name}": value for name, value in given.items()}, self.folder)

    def lay_ring(self) -> Path:
        """The key ring's file, with what it is to have now."""
        ring = self.folder / "ring.json"
        ring.touch(mode=0o600)
        ring.write_text(json.dumps(self.ring_document))
        return ring

    async def produce(self, rows: Iterable[Row]) -> list[int]:
        """Append to the journal as Packet Servers do: the key says the partition. Returns the partitions."""
        async with AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap.split(",")) as producer:
            topic = self.layout.journals[0]
            sent = [await producer.send(topic, row.value, key=row.key, headers=list(row.headers)) for row in rows]
            return [(await one).partition for one in sent]

    async def read(self, topic: str, *, committed: bool = False) -> list[LogRecord]:
        """All that lies in a topic now, partition after partition; `committed`: no transaction that failed."""
        places = [TopicPartition(topic, number) for number in range(PARTITIONS_DEFAULT)]
        found: dict[TopicPartition, list[LogRecord]] = {place: [] for place in places}
        async with AIOKafkaConsumer(
            bootstrap_servers=self.broker.bootstrap.split(","),
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
            isolation_level="read_committed" if committed else "read_uncommitted",
        ) as consumer:
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            # By what is fetched: asked for its ends, the embedded broker understates them.
            while any([await consumer.position(place) < _end(consumer, place) for place in places]):
                for place, records in (await consumer.getmany(timeout_ms=100)).items():
                    found[place] += records
        return [record for place in places for record in found[place]]

    async def committed(self) -> int:
        """How many records of the journal the group says are done, over all partitions."""
        places = [TopicPartition(self.layout.journals[0], number) for number in range(PARTITIONS_DEFAULT)]
        async with AIOKafkaConsumer(
            bootstrap_servers=self.broker.bootstrap.split(","), group_id=self.group, enable_auto_commit=False
        ) as consumer:
            consumer.assign(places)
            return sum([await consumer.committed(place) or 0 for place in places])

    async def compacted(self, topic: str) -> dict[bytes, bytes]:
        """The topic's last values by key."""
        return last_values(await self.read(topic))


def _end(consumer: AIOKafkaConsumer, place: TopicPartition) -> int:
    """The partition's end as it was at the last fetch; far off before the first."""
    end: int | None = consumer.highwater(place)
    return sys.maxsize if end is None else end


class WorkerProcess:
    """`stateserver worker` as a process of its own. A context manager: none is left behind."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STATESERVER_")}
        self.environment = environment
        self._kept = kept
        self._output = folder / f"worker-{time.monotonic_ns()}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stateserver", "worker"],
                env=self._kept | self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        return self

    @property
    def output(self) -> str:
        """What it said so far."""
        return self._output.read_text()

    async def ready(self) -> Self:
        """Wait until it has read its journal to the end."""
        await self.says("ready: ")
        return self

    async def says(self, text: str) -> None:
        async def said() -> bool:
            assert self._process is not None
            assert self._process.poll() is None or text in self.output, self.output
            return text in self.output

        await until(said, lambda: self.output)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def limit(self, what: int, soft: int) -> None:
        """Set a limit of the running process."""
        assert self._process is not None
        _, hard = resource.prlimit(self._process.pid, what)
        resource.prlimit(self._process.pid, what, (soft, hard))

    def kill(self) -> None:
        """As a power cut."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """Ask it to stop; returns the exit status. Raises TimeoutExpired if it takes more than 5 s and some."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=10.0)

    def wait(self) -> int:
        """Its exit status, once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(timeout=WAIT_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()


async def until(condition: Callable[[], Awaitable[bool]], told: Callable[[], str] = str) -> None:
    """Wait for a condition; fail, with what `told` says, where it does not come."""
    deadline = time.monotonic() + WAIT_S
    while not await condition():
        assert time.monotonic() < deadline, told()
        await asyncio.sleep(POLL_S)


async def until_equal(get: Callable[[], Awaitable[Any]], wanted: Any, wait_s: float = WAIT_S) -> None:
    """Wait until `get` gives what is wanted; the comparison's own message where it never does."""
    deadline = time.monotonic() + wait_s
    while (found := await get()) != wanted and time.monotonic() < deadline:
        await asyncio.sleep(POLL_S)
    assert found == wanted


def values(records: Sequence[LogRecord]) -> list[bytes]:
    return [record.value for record in records if record.value is not None]
