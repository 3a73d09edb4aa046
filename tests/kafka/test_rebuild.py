"""`stateserver rebuild` on a real Kafka: a key that was missing, a state that is lost, another release's; gateways."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from stateserver.broker.kafka import Kafka
from stateserver.broker.tansu import Tansu
from stateserver.codec.era import era_of
from stateserver.codec.rejected import decode_rejected
from stateserver.domain.records import FrameRecord
from stateserver.gateway.app import Parts
from stateserver.gateway.hub import Wanted
from stateserver.stream.ports import Row
from stateserver.stream.state_rows import MARKER_KEY, decode_marker
from tests.faults.fleet import JSON, Load, Supervised, assert_true_to_the_journal, plain, truth
from tests.gateway.test_feed import reading
from tests.gateway.test_subscriptions import opened
from tests.kafka.between import ADD_PARTITIONS_TO_TXN, END_TXN, Between
from tests.stream.chain import Chain, until, until_equal, values
from tests.stream.journals import CAPTURE, RING_DOCUMENT, example_records, sealed
from tests.stream.withdrawn import FORMAT, LATE_KEY, LATE_RING, of_format

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REFUSED_STATUS = 2
HELD_WITHIN_S = 240
FULL_DOCUMENT = {**RING_DOCUMENT, "keys": [*RING_DOCUMENT["keys"], LATE_KEY]}
MODES = ["AXXIS100", "HYDRA", CAPTURE]


async def rebuild(chain: Chain, *arguments: str, brokers: str = "") -> asyncio.subprocess.Process:
    """`stateserver rebuild`, started with the ring as it lies there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STATESERVER_")}
    pipes: dict[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    own = environment(chain) | {"STATESERVER_BROKERS": brokers or chain.broker.bootstrap}
    command = ["-m", "stateserver", "rebuild", *arguments]
    return await asyncio.create_subprocess_exec(sys.executable, *command, env=kept | own, **pipes)


def environment(chain: Chain) -> dict[str, str]:
    return chain.worker().environment


async def rebuilt(chain: Chain, *arguments: str, status: int = 0) -> str:
    """What it said; it must end with that status."""
    process = await rebuild(chain, *arguments)
    said = (await process.communicate())[0].decode()
    assert process.returncode == status, said
    return said


async def eras(chain: Chain) -> set[int]:
    """Of all events that are there."""
    return {era_of(record.headers) for record in await chain.read(chain.layout.topics.changes)}


@pytest.fixture
def chain(kafka: Kafka, tmp_path: Path) -> Chain:
    return Chain(kafka, f"{uuid4().hex[:8]}.", tmp_path)


def partly_sealed_late(system: str) -> list[Row]:
    """Of a source's frames some in the midst are sealed with a key that the workers lack at first."""
    records = example_records(CAPTURE)
    third = len(records) // 3
    return [
        sealed(record, system, LATE_RING)
        if third < at < 2 * third and at % 3 and isinstance(record, FrameRecord)
        else sealed(record, system)
        for at, record in enumerate(records)
    ]


async def rejected(chain: Chain) -> list[str]:
    """Why records were rejected, of those that are told."""
    return [decode_rejected(value).reason for value in values(await chain.read(chain.layout.topics.rejected))]


async def test_frames_rejected_for_a_missing_key_come_back_by_one_command(chain: Chain) -> None:
    """While the worker is at work, and systems with nothing wrong beside them."""
    load = Load(chain, MODES, 3)
    with Supervised(chain, "at work") as worker:
        await worker.process.ready()
        await load.send(1)
        rows = partly_sealed_late("short")
        await chain.produce(rows)
        await until_equal(chain.committed, load.sent + len(rows))
        assert "unknown_key" in await rejected(chain)
        await assert_true_to_the_journal(chain)
        await _comes_back(chain, worker)


async def _comes_back(chain: Chain, worker: Supervised) -> None:
    """Before the eyes of a gateway, and of whoever follows the system there."""
    async with reading(chain.broker.bootstrap, chain.layout.topics) as parts:
        await until_gateway_agrees(chain, parts)
        opening = await parts.hub.open(Wanted("short"))
        opened(opening)

        chain.ring_document = FULL_DOCUMENT
        chain.lay_ring()
        said = await rebuilt(chain)
        assert "records are to be folded again" in said
        assert "All of it is told anew." in said
        assert "is in other hands now" in worker.lives[0].output
        await assert_true_to_the_journal(chain)
        assert "unknown_key" not in await rejected(chain)
        assert 0 not in await eras(chain)

        await until_gateway_agrees(chain, parts)
        assert parts.hub.due(opening.subscription) is None
        (started,) = [one async for one in parts.hub.catch_up(opening.subscription)]
        told = json.loads(b"".join(started.json))["params"]
        assert (told["reason"], told["snapshot"]["version"]) == ("read_anew", parts.reading.systems["short"].version)
    async with reading(chain.broker.bootstrap, chain.layout.topics) as late:
        await until_gateway_agrees(chain, late)


async def until_gateway_agrees(chain: Chain, parts: Parts) -> None:
    """It holds what the oracle's fold gives, of each system: version, units (but for `as_of`), closed blasts."""
    wanted = {
        name: (outcome.version, _without_as_of(outcome.units), set(outcome.closed))
        for name, outcome in (await truth(chain)).items()
    }

    async def held() -> dict[str, object]:
        blasts = parts.reading.blasts
        return {
            name: (
                model.version,
                _without_as_of(plain(dict(model.units))),
                {one.blast for one in blasts.of_system(name) if one.summary["closed"] is not None},
            )
            for name, model in parts.reading.systems.items()
            if model.whole
        }

    await until_equal(held, wanted)


def _without_as_of(units: dict[str, JSON]) -> dict[str, JSON]:
    return {path: {name: value for name, value in fields.items() if name != "as_of"} for path, fields in units.items()}


async def of_an_older_release(chain: Chain) -> None:
    """The state becomes that of another release: each system's own row, and the markers behind them."""
    records = await chain.read(chain.layout.state, committed=True)
    places = {record.key: record for record in records if record.value is not None}
    markers = {record.partition: record for record in records if record.key == MARKER_KEY}  # type: ignore[attr-defined]
    async with AIOKafkaProducer(bootstrap_servers=chain.broker.bootstrap) as producer:
        for key, record in places.items():
            if FORMAT in (record.value or b""):
                value, at = of_format(record.value or b"", -1), record.partition  # type: ignore[attr-defined]
                headers = list(record.headers)
                await producer.send_and_wait(chain.layout.state, value, key=key, partition=at, headers=headers)
        for at, marker in markers.items():
            headers = list(marker.headers)
            await producer.send_and_wait(
                chain.layout.state, marker.value, key=MARKER_KEY, partition=at, headers=headers
            )


@pytest.mark.parametrize("disk", ["at work", "another"])
async def test_the_state_of_an_older_release_is_made_anew_at_the_start_which_says_so(chain: Chain, disk: str) -> None:
    """Also what it told otherwise: here it lacked a key."""
    load, rows = Load(chain, MODES, 3), partly_sealed_late("short")
    with chain.worker("at work") as worker:
        await worker.ready()
        await load.send(1)
        await chain.produce(rows)
        await until_equal(chain.committed, load.sent + len(rows))
        assert worker.terminate() == 0
    await of_an_older_release(chain)
    chain.ring_document = FULL_DOCUMENT
    with chain.worker(disk) as worker:
        await worker.says("its state is of another release")
        await worker.ready()
        await assert_true_to_the_journal(chain)
        assert 0 not in await eras(chain)
        assert "damaged" not in worker.output
        assert worker.terminate() == 0
    with chain.worker(disk) as worker:
        await worker.ready()
        assert "its state is of another release" not in worker.output


async def delete(chain: Chain, topic: str) -> None:
    """As somebody does who takes it for a cache."""
    admin = AIOKafkaAdminClient(bootstrap_servers=chain.broker.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        while topic in await admin.list_topics():
            pass
    finally:
        await admin.close()


async def test_a_state_that_was_deleted_is_refused_and_made_anew_by_one_command(chain: Chain) -> None:
    load = Load(chain, MODES, 3)
    with chain.worker() as worker:
        await worker.ready()
        await load.send(0.7)
        await until_equal(chain.committed, load.sent)
        assert worker.terminate() == 0
    await delete(chain, chain.layout.state)
    with chain.worker("another disk") as worker:
        await worker.says("stateserver rebuild --partitions")
        assert worker.wait() == REFUSED_STATUS
        assert "is lost" in worker.output
    said = await rebuilt(chain)
    assert "No worker is in the group" in said or "All of it is told anew" in said
    with chain.worker() as worker:
        await load.send(1)
        await assert_true_to_the_journal(chain)


async def markers(chain: Chain) -> dict[int, int | None]:
    """Whether each partition's state is being withdrawn: 1 then."""
    records = [one for one in await chain.read(chain.layout.state, committed=True) if one.key == MARKER_KEY]
    return {
        one.partition: int(decode_marker(one.value or b"").withdraws is not None)  # type: ignore[attr-defined]
        for one in records
    }


@pytest.mark.parametrize("api", [ADD_PARTITIONS_TO_TXN, END_TXN])
async def test_killed_in_the_midst_of_it_nothing_is_half_withdrawn(kafka: Kafka, chain: Chain, api: int) -> None:
    """With the pen in its hand, and when all of a step was written and only the transaction's end was missing."""
    load = Load(chain, MODES, 4)
    with Supervised(chain, "at work") as worker:
        await worker.process.ready()
        await load.send(0.5)
        await until_equal(chain.committed, load.sent)
        async with Between(kafka) as between:
            between.hold = api
            command = await rebuild(chain, brokers=between.bootstrap)
            await asyncio.wait_for(between.held.wait(), HELD_WITHIN_S)
            command.kill()
            await command.wait()
            between.let_go()
        await load.send(0.5)  # to every partition: the one whose pen was taken notices
        await assert_true_to_the_journal(chain)
        await rebuilt(chain)
        await load.send(1)
        await assert_true_to_the_journal(chain)

        async def nothing_left() -> bool:
            return not any((await markers(chain)).values())

        await until(nothing_left)
        assert 0 not in await eras(chain)


async def test_a_ring_that_lacks_what_once_opened_records_is_refused(chain: Chain) -> None:
    chain.ring_document = FULL_DOCUMENT
    rows = partly_sealed_late("short")
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce(rows)
        await until_equal(chain.committed, len(rows))
        before = await chain.read(chain.layout.state)
        chain.ring_document = RING_DOCUMENT
        chain.lay_ring()
        said = await rebuilt(chain, status=REFUSED_STATUS)
        assert "the key ring no longer opens what it once opened" in said
        assert "the key ring has no key 'late'" in said
        assert [one.offset for one in await chain.read(chain.layout.state)] == [one.offset for one in before]


async def test_other_partitions_are_left_alone(chain: Chain) -> None:
    load = Load(chain, MODES, 8)
    with Supervised(chain, "at work") as worker:
        await worker.process.ready()
        await load.send(1)
        await until_equal(chain.committed, load.sent)
        assert "there is no partition 9" in await rebuilt(chain, "--partitions", "9", status=REFUSED_STATUS)
        said = await rebuilt(chain, "--partitions", "1-2")
        assert said.count("is withdrawn") == 2
        await assert_true_to_the_journal(chain)
        by_partition: dict[int, set[int]] = {}
        for record in await chain.read(chain.layout.topics.changes):
            by_partition.setdefault(record.partition, set()).add(era_of(record.headers))  # type: ignore[attr-defined]
        assert {partition for partition, found in by_partition.items() if 0 not in found} == by_partition.keys() & {
            1,
            2,
        }


async def test_on_the_embedded_broker_it_is_refused(tansu: Tansu, tmp_path: Path) -> None:
    chain = Chain(tansu, f"{uuid4().hex[:8]}.", tmp_path)
    with chain.worker() as worker:
        await worker.ready()
        said = await rebuilt(chain, status=REFUSED_STATUS)
        assert "the embedded broker has no transactions, and deletes no records" in said
        assert json.dumps(said).count("\\n") == 2
