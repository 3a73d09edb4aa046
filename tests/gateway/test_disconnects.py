"""Clients that disconnect at random, behind a real worker on real brokers: what they hold is the truth in the end."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from stateserver.broker.process import Broker
from stateserver.codec.topics import Topics
from stateserver.domain.change import Fields
from stateserver.gateway import topic_reader
from stateserver.gateway.feed import Feed
from stateserver.gateway.history import History
from stateserver.gateway.hub import Hub
from tests.gateway import serving as serving_module
from tests.gateway.client import Client
from tests.gateway.serving import Caller, Gateway, make_parts, make_tokens, serving, until
from tests.gateway.test_system_model import without_as_of
from tests.stream.chain import Chain
from tests.stream.journals import example_records, folded, sealed

EXAMPLE = "AXXIS100"
CLIENTS = 8
PATIENCE_S = 200.0
LOG_CAPACITY = 300
"""Less than half of all that comes: whoever stays away for long has to be resumed from the topic."""
AT_ONCE = 10


class Truth(NamedTuple):
    """What the pure core makes of the same journal."""

    version: int
    units: dict[str, Fields]


class Visitor:
    """Connects, reads some, goes, and comes back with its cursor, again and again."""

    def __init__(self, gateway: Gateway, seed: int, truth: Truth) -> None:
        self._gateway = gateway
        self._dice = random.Random(seed)
        self._truth = truth
        self.client: Client | None = None
        self.resumed = 0
        self.why: list[str] = []

    async def visit(self, half_way: asyncio.Event) -> None:
        """Until it has everything. Now and then it stays away until half of it has come."""
        while self.client is None or self.client.cursor < self._truth.version:
            if self.client is not None and self._dice.random() < 0.3:
                await half_way.wait()
            await self.once(self._dice.randrange(1, 6))

    async def once(self, reads: int) -> None:
        """One visit, of so many notifications at most."""
        async with self._gateway.websocket() as socket:
            caller = Caller(socket)
            cursor = {} if self.client is None else {"cursor": self.client.cursor}
            answer = (await caller.call("subscribe", system="site", **cursor))["result"]
            self._take(answer)
            assert self.client is not None
            for _ in range(reads):
                if self.client.cursor < self._truth.version:
                    self.client.take(await caller.notification("changes", "snapshot"))
            if self._dice.random() < 0.5:
                socket.transport.abort()  # no goodbye

    def _take(self, answer: dict[str, Any]) -> None:
        if self.client is None:
            self.client = Client(answer)
            return
        if answer["resumed"]:
            self.resumed += 1
            assert answer["cursor"] == self.client.cursor
            assert "snapshot" not in answer
        else:
            self.why.append(answer["why"])
            self.client.start_over(answer["snapshot"])


async def produce(chain: Chain, rows: Sequence[Any], half_way: asyncio.Event) -> None:
    """The journal, some records at a time."""
    for at in range(0, len(rows), AT_ONCE):
        await chain.produce(rows[at : at + AT_ONCE])
        if at >= len(rows) // 2:
            half_way.set()
    half_way.set()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_no_gap_and_no_repeat(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "LIMIT_S", PATIENCE_S)  # many look things up in the topic at once
    # However much has come, what is taken in one go fits into memory, as it always does in earnest.
    monkeypatch.setattr(topic_reader, "RECORDS_A_STEP", LOG_CAPACITY // 3)
    chain = Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)
    records = example_records(EXAMPLE)
    fold = folded(records)
    truth = Truth(fold.system.version, {path: dict(fields) for path, fields in fold.system.units()})
    tokens = make_tokens()
    parts = make_parts(tokens, log_capacity=LOG_CAPACITY)
    options, topics = {"bootstrap_servers": broker.bootstrap}, Topics.with_prefix(chain.prefix)
    history = History(options, topics, parts.reading)
    parts = parts._replace(hub=Hub(parts.reading, history), history=history)
    feed = Feed(options, topics, [topics.packets], parts.reading, parts.hub, parts.liveness, parts.metrics)
    rows = [sealed(record) for record in records]
    with chain.worker() as worker:
        await worker.ready()
        async with serving(parts, tokens, feed.run) as gateway:
            await chain.produce(rows[:AT_ONCE])
            await until(lambda: parts.liveness.live and "site" in parts.reading.systems)
            half_way = asyncio.Event()
            visitors = [Visitor(gateway, seed, truth) for seed in range(CLIENTS)]
            late = Visitor(gateway, CLIENTS, truth)
            await late.once(0)  # nothing more comes before it goes
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(produce(chain, rows[AT_ONCE:], half_way))
                for visitor in visitors:
                    tasks.create_task(visitor.visit(half_way))
            assert late.client is not None
            assert parts.reading.systems["site"].log.first > late.client.cursor + 1
            await late.visit(half_way)
    for visitor in [*visitors, late]:
        client = visitor.client
        assert client is not None
        assert client.cursor == truth.version
        assert visitor.why == []
        assert client.snapshots == 1
        assert client.versions == list(range(truth.version - len(client.versions) + 1, truth.version + 1))
        assert without_as_of(client.units) == without_as_of(truth.units)
    assert late.resumed > 0
    assert sum(visitor.resumed for visitor in visitors) >= CLIENTS
