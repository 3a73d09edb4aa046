"""Reports from the topic of blasts, on real brokers."""

import asyncio
import hashlib
import io
import uuid
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from click.testing import CliRunner, Result

from stateserver.broker.ports import LOOPBACK, free_port
from stateserver.broker.process import Broker
from stateserver.cli import stateserver
from stateserver.codec.blast import encode_blast
from stateserver.domain.blast import FIRED, MISSED, BlastStage
from stateserver.reports.detonators import Snapshot, open_snapshot
from stateserver.reports.views import VIEWS, Filed
from tests.reports.folded import MadeUp

OSLO = ZoneInfo("Europe/Oslo")


def some_missed(booster: int, window: int) -> str:
    return MISSED if booster == window else FIRED


OPENED = MadeUp(2, 30, some_missed, is_closed=False).fold()
CLOSED = MadeUp(2, 30, some_missed).fold()
OTHER = MadeUp(1, 5, system="Lower Pit").fold()
BLAST = CLOSED.document["blast"]
STEM = f"Upper_Pit_2019-07-19_115321+0200_{BLAST[:8]}"


def stage(filed: Filed, name: str, snapshot: Snapshot | None) -> BlastStage:
    assert snapshot is not None
    document = filed.document
    return BlastStage(document["blast"], document["versions"][name], name, document, open_snapshot(snapshot).read())


def opened(filed: Filed) -> BlastStage:
    return stage(filed, "opened", filed.start)


def closed(filed: Filed) -> BlastStage:
    return stage(filed, "closed", filed.end)


@pytest.fixture
def environ(broker: Broker) -> dict[str, str]:
    """Settings of a broker with topics of this test's own."""
    return {
        "STATESERVER_BROKERS": broker.bootstrap,
        "STATESERVER_TOPIC_PREFIX": f"{uuid.uuid4().hex}.",
        "STATESERVER_TIME_ZONE": OSLO.key,
    }


def send(environ: dict[str, str], stages: Iterable[tuple[int, str, BlastStage]]) -> None:
    """Write stages, each to a partition, for a system."""
    asyncio.run(_send(environ, stages))


async def _send(environ: dict[str, str], stages: Iterable[tuple[int, str, BlastStage]]) -> None:
    topic, brokers = f"{environ['STATESERVER_TOPIC_PREFIX']}blasts", environ["STATESERVER_BROKERS"]
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 3, 1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        for partition, system, stage in stages:
            for key, value in encode_blast(system, stage):
                await producer.send_and_wait(topic, value, key=key, partition=partition)


def report(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(stateserver, ["report", *arguments], env=environ)


def view(name: str, filed: Filed) -> bytes:
    out = io.BytesIO()
    VIEWS[name].write(filed, OSLO, out)
    return out.getvalue()


@pytest.fixture
def served(environ: dict[str, str]) -> dict[str, str]:
    """A topic with a closed blast, and another system's."""
    first = [(1, "Upper Pit", opened(OPENED)), (2, "Lower Pit", opened(OTHER))]
    send(environ, [*first, (1, "Upper Pit", closed(CLOSED)), (2, "Lower Pit", closed(OTHER))])
    return environ


def test_the_newest_report_is_written_in_each_format(served: dict[str, str], tmp_path: Path) -> None:
    for wanted in ("pdf", "csv", "json"):
        told = report(served, BLAST, "--format", wanted, "--out", str(tmp_path))
        assert told.exit_code == 0, told.output
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{STEM}.{name}" for name in VIEWS)
    for name in VIEWS:
        assert (tmp_path / f"{STEM}.{name}").read_bytes() == view(name, CLOSED)


def test_it_is_written_to_a_file_or_to_standard_output(served: dict[str, str], tmp_path: Path) -> None:
    told = report(served, BLAST.upper(), "--format", "csv", "--out", str(tmp_path / "my.csv"))
    assert told.exit_code == 0, told.output
    assert [path.name for path in tmp_path.iterdir()] == ["my.csv"]
    told = report(served, BLAST, "--format", "json", "--out", "-")
    assert hashlib.sha256(told.stdout_bytes).hexdigest() == hashlib.sha256(view("json", CLOSED)).hexdigest()


def test_a_blast_still_open_has_a_report(environ: dict[str, str], tmp_path: Path) -> None:
    send(environ, [(0, "Upper Pit", opened(OPENED))])
    told = report(environ, BLAST, "--out", str(tmp_path / "open.pdf"))
    assert told.exit_code == 0, told.output
    assert (tmp_path / "open.pdf").read_bytes() == view("pdf", OPENED)


def test_a_blast_that_is_not_there_is_told_so(served: dict[str, str], tmp_path: Path) -> None:
    unknown = str(uuid.uuid4())
    told = report(served, unknown, "--out", str(tmp_path))
    assert told.exit_code == 2
    assert f"no blast {unknown}" in told.output
    assert list(tmp_path.iterdir()) == []


def test_a_report_without_its_end_snapshot_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    send(environ, [(0, "Upper Pit", opened(OPENED)), (0, "Upper Pit", closed(CLOSED)._replace(snapshot=None))])
    told = report(environ, BLAST, "--out", str(tmp_path))
    assert told.exit_code == 2
    assert "end snapshot" in told.output
    assert list(tmp_path.iterdir()) == []


def test_a_topic_that_is_not_there_is_told_so(environ: dict[str, str]) -> None:
    told = report(environ, BLAST)
    assert told.exit_code == 2
    assert "there is no topic" in told.output


def test_no_broker_is_told_so() -> None:
    told = report({"STATESERVER_BROKERS": f"{LOOPBACK}:{free_port()}"}, BLAST)
    assert told.exit_code == 2
    assert "STATESERVER_BROKERS" in told.output


def test_an_id_that_is_none_is_refused() -> None:
    told = report({}, "../etc/passwd")
    assert told.exit_code == 2
    assert "not a valid UUID" in told.output
