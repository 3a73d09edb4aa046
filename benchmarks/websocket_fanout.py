"""A thousand WebSocket clients of one gateway: from a change that is readable in `changes` to all of them having it.

Real processes: a broker, the gateway, the clients, and this one, which writes the changes. Run it on a machine that
has nothing else to do; the floor, the same bytes written to as many bare sockets, is measured in the same run.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.stage import PREFIX, gateway, used
from benchmarks.websocket_floor import floor_us
from stateserver.broker.kafka import Kafka
from stateserver.broker.kafka_jars import kafka_jars, require_java
from stateserver.broker.ports import LOOPBACK
from stateserver.broker.process import Broker, BrokerMissing
from stateserver.broker.tansu import Tansu
from stateserver.codec.change import encode_change
from stateserver.codec.topics import Topics, system_key
from stateserver.demo.services import await_ready
from stateserver.domain.change import UNIT_ADDED, UNIT_CHANGED, Change, Fields
from stateserver.gateway.feed import STEP_S
from stateserver.gateway.open_files import allow_open_files
from tests.gateway.fleet import Log, Order
from tests.gateway.sailing import sailing

CLIENTS = int(os.environ.get("CLIENTS", "1000"))
CHANGES_PER_S = 100
CHANGES = int(os.environ.get("CHANGES", "2000"))
LIMIT_S = 300.0


def change(version: int) -> Change:
    """A detonator's flags, as most changes are."""
    kind = UNIT_ADDED if version == 1 else UNIT_CHANGED
    after: Fields = {"type": 4} if version == 1 else {"tagged": version % 2 == 0, "delay": version}
    before: Fields = {} if version == 1 else {"tagged": version % 2 == 1, "delay": version - 1}
    at = 1_700_000_000_000 + version * 10
    return Change("site", version, at, kind, "3/158/4/37", before, after, "ps-1", version, deadline=False, details={})


def broker(folder: Path) -> Broker:
    """A real Apache Kafka, else the embedded broker."""
    try:
        require_java()
        kafka_jars()
    except BrokerMissing:
        return Tansu(folder)
    return Kafka(folder)


async def produce(producer: AIOKafkaProducer, topic: str) -> dict[int, float]:
    """Changes at their rate, each alone in its batch; when each was acknowledged, and so readable."""
    readable: dict[int, float] = {}

    async def one(version: int) -> None:
        value = encode_change(change(version))
        await producer.send_and_wait(topic, value, key=system_key("site"), partition=0)
        readable[version] = time.monotonic()

    began, sent = time.monotonic(), []
    for version in range(2, CHANGES + 1):
        sent.append(asyncio.create_task(one(version)))
        await asyncio.sleep(began + (version - 1) / CHANGES_PER_S - time.monotonic())
    await asyncio.gather(*sent)
    return readable


async def measure(bootstrap: str, folder: Path) -> None:
    """Start the gateway and the clients, and print what they tell."""
    topics = Topics.with_prefix(PREFIX)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1) for name in topics])
    await admin.close()
    service, port, token = gateway(bootstrap, folder)
    service.spawn()
    try:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0) as producer:
            first = encode_change(change(1))
            await producer.send_and_wait(topics.changes, first, key=system_key("site"), partition=0)
            await await_ready(service, LOOPBACK, port, LIMIT_S)
            order = Order(port, token, CLIENTS, "site", CHANGES, LIMIT_S)
            async with sailing(order) as fleet:
                assert service.pid is not None
                before, began = used(service.pid).cpu_s, time.monotonic()
                readable = await produce(producer, topics.changes)
                log = await fleet.log()
                report(log, readable, used(service.pid).cpu_s - before, time.monotonic() - began)
    finally:
        service.stop()


def report(log: Log, readable: dict[int, float], spent_s: float, took_s: float) -> None:
    """Print the latencies, the gateway's CPU and the floor."""
    assert not log.wrong, log.wrong
    assert log.arrived == CLIENTS
    late_ms = sorted((log.at[version] - at) * 1000 for version, at in readable.items())
    cut = statistics.quantiles(late_ms, n=100)
    deliveries = CLIENTS * len(readable)
    print(f"  {CLIENTS} clients, {len(readable)} changes at {CHANGES_PER_S}/s: {deliveries / took_s:,.0f} deliveries/s")
    print(
        f"  readable to received by all, ms: p50 {cut[49]:.1f}, p95 {cut[94]:.1f}, p99 {cut[98]:.1f}, "
        f"most {late_ms[-1]:.1f}"
    )
    print(
        f"  gateway: {spent_s / took_s * 100:.0f} % of a core, {spent_s / deliveries * 1e6:.2f} us a delivery, "
        f"{log.messages - CLIENTS:,} messages: {spent_s / max(1, log.messages - CLIENTS) * 1e6:.2f} us a message"
    )


def main() -> None:
    """One gateway, its clients, and the floor."""
    allow_open_files(CLIENTS + 500)
    with tempfile.TemporaryDirectory() as folder, broker(Path(folder) / "broker") as running:
        asyncio.run(measure(running.bootstrap, Path(folder) / "gateway"))
    frame = b"x" * 500
    print(f"  floor, the bare writes: {floor_us(CLIENTS, frame, 200, STEP_S):.2f} us a message")
