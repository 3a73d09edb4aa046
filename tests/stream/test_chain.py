"""The worker as a process on real brokers: the field capture through it, kills, broken records, silence, stops."""

import json
import random
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from stateserver.broker.ports import free_port
from stateserver.broker.process import Broker
from stateserver.codec.blast import BlastPart, decode_blast_part, join_document
from stateserver.codec.change import SYSTEM_TIME, decode_change
from stateserver.codec.rejected import decode_rejected
from stateserver.codec.unit import decode_unit
from stateserver.domain.change import Change, Fields, change_to_json, fold_change
from stateserver.domain.records import FrameRecord, Record, TickRecord
from stateserver.protocol.commands import UnitType
from stateserver.security.envelope import open_record
from stateserver.stream.ports import LogRecord, Row
from stateserver.stream.state_rows import MARKER_KEY
from stateserver.stream.topics import PARTITIONS_DEFAULT
from tests.stream.chain import Chain, WorkerProcess, until, until_equal, values
from tests.stream.journals import CAPTURE, OTHER_RING, RING, example_records, expected, sealed
from tests.stream.test_topics import create

pytestmark = pytest.mark.slow

JSON = dict[str, Any]
COUNTED = {
    "children_logged": "logged",
    "children_tagged": "tagged",
    "children_programmed": "program",
    "children_answering": "detonator_status",
}
CAPTURED = [sealed(record) for record in example_records(CAPTURE)]


class NoBroker(Broker):
    """An address where nobody listens."""

    def __init__(self, port: int) -> None:
        self.port = port


@pytest.fixture
def chain(broker: Broker, tmp_path: Path) -> Chain:
    return Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)


async def changes(chain: Chain) -> list[JSON]:
    """Events as a reader has them who drops what it has seen; a repeat has to be identical."""
    seen: dict[int, JSON] = {}
    for record in await chain.read(chain.layout.topics.changes):
        assert record.value is not None
        change = json.loads(json.dumps(change_to_json(decode_change(record.value))))
        headers = dict(record.headers)
        assert headers["ce_id"] == f"{change['system']}/{change['version']}".encode()
        assert headers["ce_type"] == f"stateserver.{change['kind']}".encode()
        # And, where the event's own time is not the system's, that one.
        assert headers.keys() - {SYSTEM_TIME} == {"ce_specversion", "ce_id", "ce_source", "ce_type"}
        assert seen.setdefault(change["version"], change) == change
    return list(seen.values())


async def units(chain: Chain) -> dict[str, JSON]:
    rows = [decode_unit(value) for value in (await chain.compacted(chain.layout.topics.units)).values()]
    return {row.unit: {"system": row.system, "unit": row.unit, **row.fields} for row in rows}


async def reports(chain: Chain) -> list[JSON]:
    """The last report of each blast."""
    parts: dict[tuple[str, int], list[BlastPart]] = {}
    for value in values(await chain.read(chain.layout.topics.blasts)):
        part = decode_blast_part(value)
        if part.what == "report":
            parts.setdefault((part.blast, part.version), []).append(part)
    documents = {blast: json.loads(join_document(parts[blast, version]).content) for blast, version in sorted(parts)}
    return list(documents.values())


async def assert_the_captures_outcome(chain: Chain) -> None:
    await until_equal(chain.committed, len(CAPTURED))
    await until_equal(lambda: units(chain), {unit["unit"]: unit for unit in expected(CAPTURE, "units.jsonl")})
    assert await changes(chain) == expected(CAPTURE, "changes.jsonl")
    assert await reports(chain) == expected(CAPTURE, "blasts.jsonl")
    assert await chain.read(chain.layout.topics.rejected) == []
    await assert_the_invariants(chain)


async def assert_the_invariants(chain: Chain) -> None:
    """Of what lies in the topics: no gap, events that rebuild the units, counts that are a fresh count."""
    told = [Change(**change) for change in await changes(chain)]
    assert [change.version for change in told] == list(range(1, len(told) + 1))
    rebuilt: dict[str, Fields] = {}
    for change in told:
        fold_change(rebuilt, change)
    shown = await units(chain)
    for path, fields in rebuilt.items():
        assert {"system": "site", "unit": path, **fields, "as_of": shown[path]["as_of"]} == shown[path]
    assert rebuilt.keys() == shown.keys()
    for path, unit in shown.items():
        if unit["type"] == UnitType.BOOSTER_TYPE_2:
            children = [child for child in shown.values() if child.get("parent") == path]
            counted = {name: sum(child.get(flag) is True for child in children) for name, flag in COUNTED.items()}
            assert {name: unit[name] for name in COUNTED} == counted
            assert unit["children"] == len(children)


async def test_the_capture_through_the_chain_and_a_graceful_stop(chain: Chain) -> None:
    with chain.worker() as worker:
        await worker.ready()
        partitions = await chain.produce(CAPTURED)
        await assert_the_captures_outcome(chain)
        assert worker.terminate() == 0
        assert "stopped in" in worker.output
    # All that concerns a system has its journal's partition number.
    topics = chain.layout.topics
    for topic in (topics.changes, topics.units, topics.blasts, topics.systems, topics.history, chain.layout.state):
        records = [record for record in await chain.read(topic) if record.key != MARKER_KEY]
        assert {record.partition for record in records} == set(partitions), topic  # type: ignore[attr-defined]


@pytest.mark.parametrize("data_after", ["data", "another"], ids=["with its disk", "without"])
async def test_killed_in_the_middle(chain: Chain, data_after: str) -> None:
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce(CAPTURED[:20])
        await until_equal(lambda: versions_up_to(chain, 21), True)
        worker.kill()
    await chain.produce(CAPTURED[20:])
    with chain.worker(data_after) as worker:
        await assert_the_captures_outcome(chain)


async def versions_up_to(chain: Chain, version: int) -> bool:
    return any(change["version"] >= version for change in await changes(chain))


async def test_broken_records_are_rejected_whole_and_the_worker_goes_on(chain: Chain) -> None:
    randomness = random.Random(7)
    whole = CAPTURED[0].value or b""
    flipped = []
    for _ in range(60):
        value = bytearray(whole)
        value[randomness.randrange(len(value))] ^= 1 << randomness.randrange(8)
        flipped.append(Row(b"site", bytes(value)))
    broken = [
        *flipped,
        *[Row(b"site", whole[:size]) for size in range(len(whole))],
        *[Row(b"site", randomness.randbytes(randomness.randrange(300))) for _ in range(50)],
        Row(b"site", randomness.randbytes(900_000)),
        Row(b"elsewhere", whole),
        Row(None, whole),
        Row(b"site", None),
        sealed(example_records(CAPTURE)[0], ring=OTHER_RING),
    ]
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce(broken)
        await chain.produce(CAPTURED)
        await until_equal(chain.committed, len(broken) + len(CAPTURED))
        rejected = await chain.read(chain.layout.topics.rejected)
        rows = [decode_rejected(value) for value in values(rejected)]
        assert sorted((row.key or b"", row.value or b"") for row in rows) == sorted(
            (row.key or b"", row.value or b"") for row in broken
        )
        assert [record.key for record in rejected] == [row.key for row in rows]
        assert await changes(chain) == expected(CAPTURE, "changes.jsonl")


async def test_ticks_close_the_blast_of_a_system_that_fell_silent(chain: Chain) -> None:
    """The capture until the key is turned off, and a last frame a second before the report time is over."""
    records = [record for record in example_records(CAPTURE) if record.created_at <= 1563531153581]
    last = records[-1]
    assert isinstance(last, FrameRecord)
    records.append(last._replace(created_at=1563531554000, sequence=last.sequence + 1))
    with chain.worker(LATENESS_MS="500") as worker:
        await worker.ready()
        await chain.produce([sealed(record) for record in records])

        async def how_it_closed() -> list[tuple[object, object]]:
            return [(report["closed"], report["how"]) for report in await reports(chain) if report["closed"]]

        await until_equal(how_it_closed, [(1563531554999, "timer_completed")])
        closed = (await changes(chain))[-1]
        assert (closed["kind"], closed["deadline"], closed["source"]) == ("blast_closed", True, None)


async def test_after_an_outage_of_all_workers_what_is_overdue_is_told_at_once(broker: Broker, chain: Chain) -> None:
    """The last frame was appended twenty minutes ago: all that has fallen due since is told in one go, in its order."""
    outage_ms, now_ms = 20 * 60_000, time.time_ns() // 1_000_000
    records = [record for record in example_records(CAPTURE) if record.created_at <= 1563531153581]
    later_ms = now_ms - outage_ms - records[-1].created_at
    moved = [record._replace(created_at=record.created_at + later_ms) for record in records]
    journal, last = chain.layout.journals[0], moved[-1].created_at
    await create(broker, journal, PARTITIONS_DEFAULT)  # so that a record's timestamp is what its producer says
    async with AIOKafkaProducer(bootstrap_servers=chain.broker.bootstrap) as producer:
        for record in moved:
            row = sealed(record)
            await producer.send_and_wait(journal, row.value, key=row.key, timestamp_ms=record.created_at)
    with chain.worker(LATENESS_MS="5000") as worker:

        async def silent() -> bool:
            shown = await units(chain)
            speakers = [unit for path, unit in shown.items() if path.count("/") == 1]
            return bool(speakers) and not any(unit["communication_status"] for unit in speakers)

        await until(silent, lambda: worker.output)
        (report,) = await reports(chain)
        assert report["how"] == "timer_completed"
        ticks = [opened for line in await chain.read(journal) if isinstance(opened := opened_line(line), TickRecord)]
        assert [tick.created_at for tick in ticks] == sorted({tick.created_at for tick in ticks})
        assert len(ticks) > 1
        assert last < ticks[0].created_at == report["closed"] < ticks[-1].created_at < now_ms
        overdue = [change for change in await changes(chain) if change["deadline"] and change["at"] > last]
        assert {change["at"] for change in overdue} == {tick.created_at for tick in ticks}


def opened_line(line: LogRecord) -> Record:
    return open_record(RING, line.key, line.value, line.timestamp)[1]


async def test_two_workers_share_the_partitions_and_one_takes_over(chain: Chain) -> None:
    systems = [f"mine-{number}" for number in range(6)]
    half, rest = example_records(CAPTURE)[:19], example_records(CAPTURE)[19:]
    with chain.worker("first") as first:
        await first.ready()
        await chain.produce([sealed(record, system) for record in half for system in systems])
        with chain.worker("second") as second:
            await second.ready()
            await chain.produce([sealed(record, system) for record in rest for system in systems])
            await until_equal(chain.committed, len(CAPTURED) * len(systems))
            assert first.terminate() == 0, first.output
    wanted = [(system, change["version"]) for system in systems for change in expected(CAPTURE, "changes.jsonl")]
    found = [decode_change(value) for value in values(await chain.read(chain.layout.topics.changes))]
    assert sorted({(change.system, change.version) for change in found}) == sorted(wanted)


def test_no_broker_is_one_clear_line(tmp_path: Path) -> None:
    port = free_port()
    with Chain(NoBroker(port), "none.", tmp_path).worker() as worker:
        assert worker.wait() == 2
        line = next(line for line in worker.output.splitlines() if line.startswith("Error: "))
        assert line.startswith(f"Error: Kafka at 127.0.0.1:{port} can't be used: ")
        assert "Traceback" not in worker.output


def test_no_key_ring_is_refused(tmp_path: Path) -> None:
    with WorkerProcess({}, tmp_path) as worker:
        assert worker.wait() == 2
        assert "Error: STATESERVER_KEYRING: is needed" in worker.output
