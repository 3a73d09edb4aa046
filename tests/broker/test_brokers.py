"""What holds of every broker we start: it serves a real client, and goes when it is told to."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stateserver.broker.kafka import SHORT_LIVED, Kafka, KafkaCluster
from stateserver.broker.metadata import brokers_up
from stateserver.broker.ports import LOOPBACK, PortTaken, free_port
from stateserver.broker.process import Broker, BrokerFailed
from stateserver.broker.tansu import Tansu, tansu_program

LIMIT_S = 120.0


async def create_topic(broker: Broker, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    finally:
        await admin.close()


async def produce(broker: Broker, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, value, key=b"P1", partition=1)


async def consume_one(broker: Broker, topic: str) -> tuple[bytes | None, bytes | None, int]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    async with asyncio.timeout(LIMIT_S), consumer:
        record = await consumer.getone()
    return record.key, record.value, record.partition


def ended(pid: int) -> bool:
    """Whether that process is gone; one that waits to be collected by its parent is."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def await_end(pid: int) -> None:
    limit = time.monotonic() + LIMIT_S
    while not ended(pid):
        assert time.monotonic() < limit, f"process {pid} still runs"
        time.sleep(0.02)


async def test_a_record_goes_in_and_comes_out(broker: Broker) -> None:
    await create_topic(broker, "in-and-out")
    await produce(broker, "in-and-out", b"armed")
    assert await consume_one(broker, "in-and-out") == (b"P1", b"armed", 1)


def test_it_listens_to_this_machine_only(broker: Broker) -> None:
    port = f"{broker.port:04X}"
    listening = [
        line.split()[1]
        for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
        for line in table.read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port}") and line.split()[3] == "0A"
    ]
    loopbacks = {f"0100007F:{port}", f"0000000000000000FFFF00000100007F:{port}"}
    assert listening
    assert set(listening) <= loopbacks


async def test_async_with_starts_and_stops_it(tmp_path: Path) -> None:
    async with Tansu(tmp_path) as broker:
        pid = broker.pid
        assert brokers_up(broker.port) == 1
    assert pid is not None
    assert broker.pid is None
    assert ended(pid)
    assert brokers_up(broker.port) == 0


def test_a_taken_port_is_said_by_its_number(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            Tansu(tmp_path, port).start()


def test_a_broker_that_ends_at_once_shows_what_it_said(tmp_path: Path) -> None:
    class Confused(Tansu):
        def _command(self) -> list[str | Path]:
            return [tansu_program(), "broker", "--no-such-option"]

    with pytest.raises(BrokerFailed, match="--no-such-option"):
        Confused(tmp_path).start()


def test_a_broker_that_never_answers_is_given_up_and_ended(tmp_path: Path) -> None:
    class Mute(Tansu):
        def _command(self) -> list[str | Path]:
            return ["sleep", "600"]

    mute = Mute(tmp_path, start_limit_s=0.2)
    with pytest.raises(BrokerFailed, match="did not answer"):
        mute.start()
    assert mute.pid is None


def test_a_broker_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    broker = Tansu(tmp_path)
    with broker:
        pid = broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # a stopped process acts on no request
        broker.stop_limit_s = 0.2
    assert ended(pid)


def test_a_broker_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = (
        "import sys; from pathlib import Path; from stateserver.broker.tansu import Tansu\n"
        "broker = Tansu(Path(sys.argv[1])); broker.start(); print(broker.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not ended(pid)
        parent.kill()
    await_end(pid)


def test_no_broker_answers_on_a_free_port() -> None:
    assert brokers_up(free_port(), timeout_s=0.5) == 0


def test_something_else_that_listens_is_no_broker() -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        assert brokers_up(silent.getsockname()[1], timeout_s=0.2) == 0


@pytest.mark.timeout(300)  # several starts of a JVM, each with its own limit
@pytest.mark.usefixtures("java_and_kafka")
async def test_a_killed_kafka_starts_again_with_what_it_had(tmp_path: Path) -> None:
    kafka = Kafka(tmp_path, java_options=SHORT_LIVED)
    async with kafka:
        await create_topic(kafka, "kept")
        await produce(kafka, "kept", b"before the crash")
        await asyncio.to_thread(kafka.kill)
        assert kafka.pid is None
        kafka.launch()
        await asyncio.to_thread(kafka.await_ready)
        assert await consume_one(kafka, "kept") == (b"P1", b"before the crash", 1)


@pytest.mark.timeout(300)  # several starts of a JVM, each with its own limit
@pytest.mark.usefixtures("java_and_kafka")
def test_three_kafkas_are_one_cluster_and_outlive_the_loss_of_one(tmp_path: Path) -> None:
    cluster = KafkaCluster(tmp_path, java_options=SHORT_LIVED)
    cluster.start()
    try:
        first, second, _ = cluster.brokers
        first.kill()
        assert brokers_up(second.port) >= 2
        first.start()
        assert brokers_up(first.port) == 3
    finally:
        cluster.kill()
