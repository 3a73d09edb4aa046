import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from click.testing import CliRunner, Result

from stateserver.broker.ports import LOOPBACK, free_port
from stateserver.broker.process import Broker
from stateserver.cli import stateserver
from stateserver.codec.change import encode_change
from stateserver.codec.packet import Kind
from stateserver.codec.unit import UnitRow, encode_unit
from stateserver.domain.change import Change
from stateserver.protocol.modes import Mode
from stateserver.security.envelope import seal
from stateserver.security.keyring import KeyRing
from stateserver.security.secret_document import write_private_file
from tests.security.rings import ring_document

LIMIT_S = 120.0
FRAME = bytes.fromhex("aaaa0a08001705c07116")
RING = KeyRing.from_document(ring_document())
Sent = tuple[int, bytes | None, bytes | None]  # partition, key, value


@pytest.fixture
def environ(broker: Broker) -> dict[str, str]:
    """Settings of a broker with topics of this test's own."""
    return {
        "STATESERVER_BROKERS": broker.bootstrap,
        "STATESERVER_TOPIC_PREFIX": f"{uuid.uuid4().hex}.",
    }


def send(environ: dict[str, str], topic: str, records: Iterable[Sent]) -> None:
    asyncio.run(_send(environ, topic, records))


async def _send(environ: dict[str, str], topic: str, records: Iterable[Sent]) -> None:
    name = environ["STATESERVER_TOPIC_PREFIX"] + topic
    brokers = environ["STATESERVER_BROKERS"]
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 2, 1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        for partition, key, value in records:
            await producer.send_and_wait(name, value, key, partition)


def cat(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(stateserver, ["cat", *arguments], env=environ)


def lines(environ: dict[str, str], *arguments: str) -> list[dict[str, Any]]:
    result = cat(environ, *arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def change(version: int) -> Change:
    return Change("Grube Süd", version, 1, "stale_frame", "3/158", {}, {}, "ps-1", version, False, {"as_of": 2})


def test_all_records_of_a_topic_are_printed_and_then_it_ends(environ: dict[str, str]) -> None:
    key = "Grube Süd".encode()
    send(environ, "changes", [(number % 2, key, encode_change(change(number))) for number in range(1, 6)])
    printed = lines(environ, "changes", "--from-beginning")
    assert sorted(line["value"]["version"] for line in printed) == [1, 2, 3, 4, 5]
    first = next(line for line in printed if line["value"]["version"] == 1)
    assert first.pop("timestamp") > 0
    assert first == {
        "topic": f"{environ['STATESERVER_TOPIC_PREFIX']}changes",
        "partition": 1,
        "offset": 0,
        "key": "Grube Süd",
        "value": json.loads(json.dumps(change(1)._asdict())),
    }
    assert [line["value"]["version"] for line in lines(environ, "changes", "--partition", "0")] == [2, 4]
    assert len(lines(environ, "changes", "--max", "3")) == 3


def test_tombstones_and_what_cannot_be_read_are_printed_too(environ: dict[str, str]) -> None:
    row = UnitRow("mine-7", "3/158", 1, {"mains": True})
    send(environ, "units", [(0, b"mine-7/3/158", encode_unit(row)), (0, b"mine-7/3/158", None), (0, b"\xff", b"\x01")])
    read, tombstone, broken = lines(environ, "units")
    assert read["value"] == {"system": "mine-7", "unit": "3/158", "version": 1, "fields": {"mains": True}}
    assert (tombstone["key"], tombstone["value"]) == ("mine-7/3/158", None)
    assert (broken["key"], broken["value"]) == ("0xff", "01")
    assert "marker" in broken["detail"]


class TestPackets:
    @pytest.fixture
    def journal(self, environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
        write_private_file(tmp_path / "ring.json", json.dumps(ring_document()))
        now_ms = time.time_ns() // 1_000_000
        values = [
            seal(RING, Kind.FRAME, "mine-7", "ps-1", 1, now_ms, Mode.AXXIS100, FRAME),
            seal(RING, Kind.TICK, "mine-7", "", 0, now_ms, Mode.AXXIS100, b""),
            seal(RING, Kind.COMMAND, "mine-7", "", 0, now_ms, Mode.AXXIS100, b'{"action":"?"}'),
            b"noise",
        ]
        send(environ, "packets", [*((0, b"mine-7", value) for value in values), (0, b"mine-8", values[0])])
        return environ | {"STATESERVER_KEYRING": str(tmp_path / "ring.json")}

    def test_they_stay_sealed(self, journal: dict[str, str]) -> None:
        printed = lines(journal, "packets")
        assert [line["value"]["kind"] for line in printed if "reason" not in line] == [
            *("FRAME", "TICK", "COMMAND", "FRAME")
        ]
        assert printed[0]["value"]["ciphertext"] == f"{len(FRAME) + 16} bytes"
        assert (printed[3]["reason"], printed[3]["value"]) == ("bad_encoding", b"noise".hex())
        assert FRAME.hex() not in json.dumps(printed)

    def test_they_are_opened_with_the_key_ring(self, journal: dict[str, str]) -> None:
        frame, tick, command, noise, mismatch = lines(journal, "packets", "--open")
        assert frame["packet"] == FRAME.hex()
        assert tick.keys() == frame.keys() - {"packet"}
        assert command["command"] == '{"action":"?"}'
        assert noise["reason"] == "bad_encoding"
        assert (mismatch["reason"], mismatch["value"]["system"]) == ("key_mismatch", "mine-7")

    def test_without_a_key_ring_they_cannot_be_opened(self, environ: dict[str, str]) -> None:
        result = cat(environ, "packets", "--open")
        assert result.exit_code == 2
        assert "STATESERVER_KEYRING" in result.stderr


def test_new_records_alone_are_printed_as_they_come(environ: dict[str, str]) -> None:
    send(environ, "changes", [(0, b"old", encode_change(change(1)))])
    printed: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: printed.extend(lines(environ, "changes", "--from-end", "--max", "2")))
    reader.start()
    deadline = time.monotonic() + LIMIT_S
    while reader.is_alive() and time.monotonic() < deadline:
        send(environ, "changes", [(1, b"new", encode_change(change(2)))])
        reader.join(0.1)
    assert not reader.is_alive()
    assert [line["key"] for line in printed] == ["new", "new"]


def test_it_follows_until_it_is_interrupted(environ: dict[str, str]) -> None:
    send(environ, "changes", [(0, b"Grube", encode_change(change(1)))])
    reader = subprocess.Popen(
        [sys.executable, "-m", "stateserver", "cat", "changes", "--follow"],
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert reader.stdout is not None
        assert json.loads(reader.stdout.readline())["value"]["version"] == 1
        send(environ, "changes", [(1, b"Grube", encode_change(change(2)))])
        assert json.loads(reader.stdout.readline())["value"]["version"] == 2
        reader.send_signal(signal.SIGINT)
        _, errors = reader.communicate(timeout=LIMIT_S)
        assert (reader.returncode, errors) == (0, b"")
    finally:
        reader.kill()
        reader.communicate()


def test_a_topic_or_partition_that_is_not_there_is_said(environ: dict[str, str]) -> None:
    result = cat(environ, "changes")
    assert result.exit_code == 2
    assert "there is no topic" in result.stderr
    send(environ, "changes", [])
    assert lines(environ, "changes") == []
    result = cat(environ, "changes", "--partition", "7")
    assert result.exit_code == 2
    assert "with partition 7" in result.stderr


def test_no_broker_is_said_in_one_line() -> None:
    result = cat({"STATESERVER_BROKERS": f"{LOOPBACK}:{free_port()}"}, "changes")
    assert result.exit_code == 2
    assert "STATESERVER_BROKERS" in result.stderr
    assert "Traceback" not in result.output
