"""`--compare` beside a live worker: nothing differs, and what is tampered with is found, on real brokers."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from stateserver.broker.process import Broker
from stateserver.codec.system import decode_system, encode_system
from stateserver.codec.topics import unit_key
from stateserver.codec.unit import decode_unit, encode_unit
from tests.commands.replayed_log import Logged
from tests.stream.chain import WorkerProcess, until
from tests.stream.journals import CAPTURE, example_records, sealed

pytestmark = pytest.mark.slow

SYSTEMS = ("north", "south pit")
DETONATOR = "3/158/4/12"


async def checkpointed(logged: Logged, worker: WorkerProcess, records: int) -> None:
    """Wait until the group says that all records are done."""

    async def done() -> bool:
        return await logged.chain.committed() == records

    await until(done, lambda: worker.output)


def overwrite(logged: Logged, partition: int, topic: str, key: bytes, value: bytes | None) -> None:
    """Write a row as only a worker should."""

    async def write() -> None:
        async with AIOKafkaProducer(bootstrap_servers=logged.broker.bootstrap) as producer:
            await producer.send_and_wait(topic, value, key=key, partition=partition)

    asyncio.run(write())


def test_tables_that_say_what_the_journal_says_and_tables_that_do_not(broker: Broker, tmp_path: Path) -> None:
    logged, records = Logged(broker, tmp_path), example_records(CAPTURE)
    topics = logged.chain.layout.topics
    places = logged.append([sealed(one, system) for one in records[:19] for system in SYSTEMS])
    early = logged.replay("--compare")
    assert (early.exit_code, "there is no checkpoint" in early.output) == (2, True)
    with logged.chain.worker() as worker:
        asyncio.run(worker.ready())
        logged.append([sealed(one, system) for one in records[19:] for system in SYSTEMS])
        asyncio.run(checkpointed(logged, worker, 2 * len(records)))
        same = logged.replay("--compare")
        assert (same.exit_code, "Differences: 0" in same.output) == (0, True), same.output
        assert logged.lines("differences") == []

        units, systems = (asyncio.run(logged.chain.compacted(topic)) for topic in (topics.units, topics.systems))
        key = unit_key("north", DETONATOR)
        held = decode_unit(units[key])
        turned = held.fields | {"logged": not held.fields["logged"]}
        overwrite(logged, places[0], topics.units, key, encode_unit(held._replace(fields=turned)))
        overwrite(logged, places[1], topics.units, unit_key("south pit", DETONATOR), None)
        made_up = held._replace(system="south pit", unit="3/9")
        overwrite(logged, places[1], topics.units, unit_key("south pit", "3/9"), encode_unit(made_up))
        row = decode_system(systems[b"north"])
        overwrite(logged, places[0], topics.systems, b"north", encode_system(row._replace(version=row.version + 1)))
        different = logged.replay("--compare")
        assert different.exit_code == 1, different.output
        said = different.stdout.splitlines()[:4]
        was, now = (str(value).lower() for value in (turned["logged"], held.fields["logged"]))
        assert said == [
            f'system "north" version: live {row.version + 1}, replayed {row.version}',
            f'system "north" unit {DETONATOR} logged: live {was}, replayed {now}',
            'system "south pit" unit 3/9: in the live tables alone',
            f'system "south pit" unit {DETONATOR}: not in the live tables',
        ]
        assert [(line["system"], line["unit"], line["field"]) for line in logged.lines("differences")] == [
            ("north", None, "version"),
            ("north", DETONATOR, "logged"),
            ("south pit", "3/9", None),
            ("south pit", DETONATOR, None),
        ]
        elsewhere = logged.replay("--compare", "--system", "south pit")
        assert (elsewhere.exit_code, "Differences: 2" in elsewhere.output) == (1, True)


@pytest.mark.parametrize("stretch", [["--from", "5"], ["--until", "10"]])
def test_a_stretch_that_does_not_lead_to_the_live_tables(tansu: Broker, tmp_path: Path, stretch: list[str]) -> None:
    logged, records = Logged(tansu, tmp_path), example_records(CAPTURE)
    with logged.chain.worker() as worker:
        logged.append_records("site", records)
        asyncio.run(checkpointed(logged, worker, len(records)))
        result = logged.replay("--compare", *stretch)
    assert (result.exit_code, "compare without" in result.output) == (2, True), result.output
