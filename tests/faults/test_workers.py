"""Workers killed, frozen, coming and going under load, on a real Apache Kafka: nothing is lost, nothing told twice."""

import random
import re
import resource
import shutil
import signal
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from stateserver.broker.kafka import Kafka
from stateserver.domain.records import FrameRecord
from tests.faults.fleet import Load, Supervised, assert_true_to_the_journal, steady_load, told, worker_folder
from tests.stream.chain import Chain, until, until_equal
from tests.stream.journals import CAPTURE, example_records, sealed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

UNIT_ROW = re.compile(rb"\x00d[0-9]")
MODES = ["AXXIS100", "HYDRA", "IBS", CAPTURE]


@pytest.fixture
def chain(kafka: Kafka, tmp_path: Path) -> Chain:
    return Chain(kafka, f"{uuid4().hex[:8]}.", tmp_path)


async def test_killed_again_and_again_under_load(chain: Chain) -> None:
    """Two workers, one of them killed five times in the middle of things, with its disk and without."""
    load, randomness = Load(chain, MODES, 8), random.Random(5)
    with Supervised(chain, "first") as first, Supervised(chain, "second"):
        await first.process.ready()
        async with steady_load(load):
            for kill in range(5):
                await load.until_sent(load.sent + randomness.randrange(100))
                first.process.kill()
                if kill % 2:
                    shutil.rmtree(worker_folder(chain, "first"), ignore_errors=True)
                await first.until_lives(kill + 2)
        await assert_true_to_the_journal(chain)


async def test_a_power_cut_leaves_half_written_files(chain: Chain) -> None:
    """What RocksDB wrote last is cut off, turned over or gone: the changelog makes it good."""
    load, randomness = Load(chain, MODES, 4), random.Random(11)
    for _ in range(3):
        with chain.worker() as worker:
            await worker.ready()
            await load.send(0.3)
            await until_equal(chain.committed, load.sent)
            worker.kill()
        files = sorted(path for path in worker_folder(chain, "data").rglob("*") if path.suffix in (".log", ".sst"))
        assert files
        for path in files:
            whole = path.read_bytes()
            cut = randomness.randrange(len(whole) + 1)
            path.write_bytes(randomness.choice([whole[:cut], whole[:cut] + randomness.randbytes(len(whole) - cut)]))
    with chain.worker() as worker:
        await load.send(1)
        await assert_true_to_the_journal(chain)


async def test_one_to_four_workers_come_and_go(chain: Chain) -> None:
    """A rolling restart of all of them, graceful and not, while the load goes on."""
    load = Load(chain, MODES, 8)
    with (
        Supervised(chain, "one") as one,
        Supervised(chain, "two", STANDBY_REPLICAS="1") as two,
        Supervised(chain, "three", STANDBY_REPLICAS="1") as three,
        Supervised(chain, "four") as four,
    ):
        await one.process.ready()
        async with steady_load(load):
            for worker in (one, two, three, four):
                await worker.process.ready()
                worker.process.kill() if worker is three else worker.process.send(signal.SIGTERM)
                await worker.until_lives(2)
        await assert_true_to_the_journal(chain)
    assert "stopped in" in one.output
    assert "goes on without its files" not in one.output


async def test_a_worker_frozen_past_its_group_timeout_is_fenced(chain: Chain) -> None:
    """Thawed, it finds another in its place, says so, and what it wrote meanwhile does no harm."""
    load = Load(chain, MODES, 6)
    with Supervised(chain, "zombie") as zombie:
        await zombie.process.ready()
        await load.send(0.4)
        await until_equal(chain.committed, load.sent)
        zombie.process.send(signal.SIGSTOP)
        await load.send(0.3)
        with Supervised(chain, "heir") as heir:
            await heir.process.ready()
            await until_equal(chain.committed, load.sent)
            zombie.process.send(signal.SIGCONT)
            await load.send(1)
            await assert_true_to_the_journal(chain)


async def test_a_standby_has_the_tables_before_it_needs_them(chain: Chain) -> None:
    load = Load(chain, MODES, 6)
    with Supervised(chain, "active", STANDBY_REPLICAS="1") as active:
        await active.process.ready()
        await load.send(1)
        await until_equal(chain.committed, load.sent)
        with chain.worker("standby", STANDBY_REPLICAS="1") as standby:
            await standby.ready()
            await standby.says("standing by for partition")
            await active.process.ready()
            active.process.kill()
            await assert_true_to_the_journal(chain)


async def test_a_full_disk_holds_no_event_up(chain: Chain) -> None:
    """Its files may not grow: the worker says so and goes on; given room, it makes them good."""
    load = Load(chain, MODES, 8)
    with chain.worker() as worker:
        await worker.ready()
        worker.limit(resource.RLIMIT_FSIZE, 64 << 10)  # what it says goes to a file too, which has to have room
        await load.send(0.9)
        await worker.says("goes on without its files of table state")
        await until_equal(chain.committed, load.sent)
        worker.limit(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
        await worker.says("the files of table state can be used again")
        await load.send(1)
        await assert_true_to_the_journal(chain)
        assert worker.terminate() == 0
    with chain.worker() as worker:
        await worker.ready()
        assert "damaged" not in worker.output
        await assert_true_to_the_journal(chain)


async def test_a_corrupt_changelog_is_made_good_from_the_journal_and_said(chain: Chain) -> None:
    load = Load(chain, MODES, 4)
    with chain.worker() as worker:
        await worker.ready()
        await load.send(0.5)
        await until_equal(chain.committed, load.sent)
        assert worker.terminate() == 0
    state = await chain.read(chain.layout.state)
    async with AIOKafkaProducer(bootstrap_servers=chain.broker.bootstrap) as producer:
        numbers = {record.partition for record in state if UNIT_ROW.search(record.key or b"")}  # type: ignore[attr-defined]
        for number in numbers:
            lines = [record for record in state if record.partition == number]  # type: ignore[attr-defined]
            damaged = next(line for line in reversed(lines) if UNIT_ROW.search(line.key or b"") and line.value)
            marker = lines[-1]
            for key, value in ((damaged.key, (damaged.value or b"")[:-1] + b"?"), (marker.key, marker.value)):
                await producer.send_and_wait(
                    chain.layout.state, value, key=key, partition=number, headers=list(marker.headers)
                )
    with chain.worker("another disk") as worker:
        await worker.says("rebuilding it from the beginning of its journal")
        await load.send(1)
        await assert_true_to_the_journal(chain)


async def test_the_journal_alone_rebuilds_all(chain: Chain) -> None:
    """Another prefix and another group that read the same packets come to the same."""
    load = Load(chain, MODES, 4)
    with chain.worker() as worker:
        await worker.ready()
        await load.send(1)
        await assert_true_to_the_journal(chain)
    again = Chain(chain.broker, f"{chain.prefix}again.", chain.folder)
    again.layout = again.layout._replace(journals=chain.layout.journals)
    with again.worker("again", PACKETS_TOPICS=chain.layout.journals[0]):
        await assert_true_to_the_journal(again)
    assert await told(again) == await told(chain)


async def test_ticks_go_on_through_kills(chain: Chain) -> None:
    """Systems that fall silent in the middle of a blast, and a worker that dies before it could say so."""
    records = [record for record in example_records(CAPTURE) if record.created_at <= 1563531153581]
    last = records[-1]
    assert isinstance(last, FrameRecord)
    # A second before the report time is over.
    records.append(last._replace(created_at=1563531554000, sequence=last.sequence + 1))
    systems = [f"silent-{number}" for number in range(4)]
    with Supervised(chain, "ticking", LATENESS_MS="500") as worker:
        await worker.process.ready()
        await chain.produce([sealed(record, system) for record in records for system in systems])
        worker.process.kill()

        async def closed() -> bool:
            found = await told(chain)
            return len(found) == len(systems) and all(outcome.closed for outcome in found.values())

        await until(closed)
        await assert_true_to_the_journal(chain)
