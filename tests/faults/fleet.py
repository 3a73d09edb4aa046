"""Workers under load, started again whenever they end as PM2 would, and the truth to hold their topics to.

The oracle is the pure core: the journal is read from its topic, ticks included, and folded once more.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stateserver.codec.blast import BlastPart, decode_blast_part, join_document
from stateserver.codec.change import decode_change
from stateserver.codec.era import era_of
from stateserver.codec.system import decode_system
from stateserver.codec.unit import decode_unit
from stateserver.domain.change import change_to_json
from stateserver.domain.checkpoint import state_hash, take_rows
from stateserver.domain.records import Record
from stateserver.kafka.writers import start_writer
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding
from stateserver.security.keyring import KeyRing
from stateserver.stream.ports import LogRecord, Row
from tests.stream.chain import Chain, WorkerProcess, until, values
from tests.stream.journals import example_records, opened, sealed

JSON = dict[str, Any]
LOOK_EVERY_S = 0.1
DELIVERY_MS_MAX = 120_000
"""Packet Servers wait for a broker that is away."""


@dataclass
class Outcome:
    """What is to be seen of one system."""

    changes: list[JSON]
    units: dict[str, JSON] = field(default_factory=dict)
    closed: dict[str, JSON] = field(default_factory=dict)
    version: int = 0
    state_hash: bytes = b""


def plain(value: object) -> Any:
    """As JSON has it."""
    return orjson.loads(orjson.dumps(value))


async def journal(chain: Chain) -> dict[str, list[Record]]:
    """The journal of each system, as it lies in its topic."""
    records: dict[str, list[Record]] = {}
    ring = KeyRing.from_document(chain.ring_document)
    for line in await chain.read(chain.layout.journals[0]):
        try:
            system, record = opened(line, ring)
        except Rejected:
            continue
        records.setdefault(system, []).append(record)
    return records


async def truth(chain: Chain) -> dict[str, Outcome]:
    """What must have come of the journal as it stands."""
    return {system: _fold(system, records) for system, records in (await journal(chain)).items()}


def _fold(system: str, records: list[Record]) -> Outcome:
    folding, changes = Folding(system), []
    for record in records:
        try:
            changes += [plain(change_to_json(change)) for change in folding.apply(record)]
        except Rejected as rejection:
            folding.reject(rejection)
    take_rows(folding.system)
    return Outcome(
        changes,
        {path: plain(fields) for path, fields in folding.system.units()},
        {one["blast"]: plain(one) for one in folding.documents() if one["closed"] is not None},
        folding.system.version,
        state_hash(folding.system),
    )


async def told(chain: Chain) -> dict[str, Outcome]:
    """What the topics say. Of events, what a reader has who drops what it has seen; repeats have to be identical.

    What was withdrawn counts no more, whether it is still there or not.
    """
    outcomes: dict[str, Outcome] = {}
    seen: dict[tuple[str, int], JSON] = {}
    for value in values(of_the_last_era(await chain.read(chain.layout.topics.changes))):
        change = plain(change_to_json(decode_change(value)))
        place = (change["system"], change["version"])
        if place not in seen:
            outcomes.setdefault(change["system"], Outcome([])).changes.append(change)
        assert seen.setdefault(place, change) == change
    for value in (await chain.compacted(chain.layout.topics.units)).values():
        unit = decode_unit(value)
        outcomes.setdefault(unit.system, Outcome([])).units[unit.unit] = plain(unit.fields)
    for value in (await chain.compacted(chain.layout.topics.systems)).values():
        row = decode_system(value)
        outcome = outcomes.setdefault(row.system, Outcome([]))  # it may be newer than what was read of `changes`
        outcome.version, outcome.state_hash = row.version, row.state_hash
    for document in _documents(not_struck_out(await chain.read(chain.layout.topics.blasts))):
        outcomes.setdefault(document["system"], Outcome([])).closed[document["blast"]] = document
    return outcomes


def of_the_last_era(records: list[LogRecord]) -> list[LogRecord]:
    """Without what was withdrawn."""
    latest: dict[int, int] = {}
    for record in records:
        latest[record.partition] = max(era_of(record.headers), latest.get(record.partition, 0))  # type: ignore[attr-defined]
    return [record for record in records if era_of(record.headers) == latest[record.partition]]  # type: ignore[attr-defined]


def not_struck_out(records: list[LogRecord]) -> list[LogRecord]:
    """Without what a tombstone of the same key follows."""
    struck_out = {record.key: record.offset for record in records if record.value is None}
    return [record for record in records if record.offset > struck_out.get(record.key, -1)]


def _documents(records: list[LogRecord]) -> Iterator[JSON]:
    parts: dict[tuple[str, int], dict[int, BlastPart]] = {}
    for value in values(records):
        part = decode_blast_part(value)
        if part.what == "report" and part.stage == "closed":
            parts.setdefault((part.blast, part.version), {})[part.part] = part
    for found in parts.values():
        yield orjson.loads(join_document(found.values()).content)


class Supervised:
    """A worker that is started again whenever it ends."""

    def __init__(self, chain: Chain, name: str, **settings: str) -> None:
        self.chain = chain
        self.name = name
        self.settings = settings
        self.lives: list[WorkerProcess] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def process(self) -> WorkerProcess:
        return self.lives[-1]

    @property
    def output(self) -> str:
        """What it said in all its lives."""
        return "".join(life.output for life in self.lives)

    def __enter__(self) -> Self:
        self._start()
        self._task = asyncio.create_task(self._supervise())
        return self

    def _start(self) -> None:
        self.lives.append(self.chain.worker(self.name, **self.settings).start())

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self.process.running:
                self._start()

    async def until_lives(self, count: int) -> None:
        """Wait until it has been started so many times."""

        async def started() -> bool:
            return len(self.lives) >= count

        await until(started, lambda: self.output)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
        if self.process.running:
            self.process.kill()


class Load:
    """Several systems' journals, brought to Kafka bit by bit as Packet Servers would."""

    def __init__(self, chain: Chain, examples: list[str], systems: int, seed: int = 1) -> None:
        self.chain = chain
        self._random = random.Random(seed)
        self._rows: list[list[Row]] = []
        for number in range(systems):
            records = example_records(examples[number % len(examples)])
            self._rows.append([sealed(record, f"mine-{number}") for record in records])
        self.sent = 0

    @property
    def left(self) -> int:
        return sum(len(rows) for rows in self._rows)

    async def send(self, share: float) -> None:
        """Send about so much of what is left, each system's in its order, the systems mixed."""
        count = max(1, round(self.left * share))
        producer, under_way = await self._producer(), list[asyncio.Future[object]]()
        try:
            while self.left and len(under_way) < count:
                rows = self._random.choice([rows for rows in self._rows if rows])
                row = rows.pop(0)
                under_way.append(
                    await producer.send(
                        self.chain.layout.journals[0], row.value, key=row.key, headers=list(row.headers)
                    )
                )
            for one in under_way:
                await one
        finally:
            await producer.stop()
        self.sent += len(under_way)

    async def _producer(self) -> AIOKafkaProducer:
        """Started, in order through a broker's restart too; while no broker is there it is tried again."""
        options = {"bootstrap_servers": self.chain.broker.bootstrap.split(",")}
        while True:
            try:
                return (await start_writer(options, acks="all", request_timeout_ms=DELIVERY_MS_MAX)).producer
            except KafkaError:
                await asyncio.sleep(LOOK_EVERY_S)

    async def until_sent(self, count: int) -> None:
        """Wait for whoever brings it to have sent so many, or all."""

        async def sent() -> bool:
            return self.sent >= count or not self.left

        await until(sent)


@asynccontextmanager
async def steady_load(load: Load, share: float = 0.02) -> AsyncIterator[None]:
    """Bring it all while something else goes on; leaving waits for the last of it."""

    async def bring() -> None:
        while load.left:
            await load.send(max(share, 20 / load.left))

    task = asyncio.create_task(bring())
    try:
        yield
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def assert_true_to_the_journal(chain: Chain) -> None:
    """Wait until all of the journal is done, then hold every topic to the oracle."""

    async def done() -> bool:
        ends = len(await chain.read(chain.layout.journals[0]))
        return await chain.committed() >= ends

    await until(done)
    wanted = await truth(chain)

    async def agree() -> bool:
        found = await told(chain)
        return all(
            system in found and found[system].state_hash == outcome.state_hash and found[system].units == outcome.units
            for system, outcome in wanted.items()
        )

    await until(agree)
    found = await told(chain)
    assert found.keys() == wanted.keys()
    for system, outcome in wanted.items():
        assert found[system].changes == outcome.changes, system
        assert found[system] == outcome, system


def worker_folder(chain: Chain, name: str) -> Path:
    """Where a worker keeps its tables."""
    return chain.folder / name
