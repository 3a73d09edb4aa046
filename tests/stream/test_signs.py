"""A partition's signs of life: whatever they call applied was told before, and they say what is so."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from stateserver.codec.heartbeat import Heartbeat, TroubledSource, decode_heartbeat
from stateserver.domain.records import FrameRecord
from stateserver.stream.errors import RecordStopsPartition
from stateserver.stream.keeper import PartitionKeeper
from stateserver.stream.ports import Batch, Headers, Progress, Row
from stateserver.stream.sources import TROUBLED_AFTER_MS
from tests.stream.journals import CAPTURE, OTHER_RING, LogLine, example_records, sealed
from tests.stream.simulated import World
from tests.stream.test_keeper import LAYOUT, LINES, PACKETS, P, care_for, live, world_with

END = len(LINES[CAPTURE])
HEARTBEATS = LAYOUT.topics.heartbeats


def told(world: World) -> list[Heartbeat]:
    """What gateways were told."""
    lines = world.log.topics.get((HEARTBEATS, P), [])
    assert {line.key for line in lines} <= {str(P).encode()}
    return [decode_heartbeat(line.value or b"") for line in lines]


def reader_is_at(world: World, read: int, handed: int, end: int) -> None:
    world.journal.seen[PACKETS, P] = Progress(read, handed, end)


async def test_how_far_it_has_come_with_traffic_and_without() -> None:
    world = world_with(LINES[CAPTURE])
    world.clock.time_ms = 5_000
    keeper = await live(world)
    reader_is_at(world, END, END, END)
    await keeper.beat()
    await keeper.look_around()
    world.clock.time_ms = 8_000
    await keeper.beat()
    first, second = told(world)
    assert (first.condition, second.condition) == ("reading", "live")
    assert first.positions == second.positions == {PACKETS: END}
    assert (second.systems, second.clock, second.at) == (1, 1563531750740, 8_000)
    assert second.held_since == first.held_since <= first.since <= second.since < second.at


async def test_nothing_is_called_applied_that_is_not_told_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with(LINES[CAPTURE])
    keeper = PartitionKeeper(P, care_for(world))
    await keeper.restore()
    append, kafka_takes_it = world.log.append, asyncio.Event()

    async def slow(topic: str, partition: int, rows: Sequence[Row], headers: Headers = ()) -> int:
        if topic == LAYOUT.topics.changes:
            await kafka_takes_it.wait()
        return await append(topic, partition, rows, headers)

    monkeypatch.setattr(world.log, "append", slow)
    await keeper.take(Batch(PACKETS, P, 0, LINES[CAPTURE]))
    beating = asyncio.create_task(keeper.beat())
    for _ in range(100):
        await asyncio.sleep(0)
    assert told(world) == []
    kafka_takes_it.set()
    await beating
    assert [beat.positions for beat in told(world)] == [{PACKETS: END}]
    await keeper.close()


async def test_where_no_records_lie_it_has_come_all_the_same() -> None:
    """As behind the marker of a producer's transaction; but not where a batch is still on its way to it."""
    world = world_with(LINES[CAPTURE])
    keeper = await live(world)
    reader_is_at(world, END + 3, END, END + 3)
    await keeper.beat()
    reader_is_at(world, END + 7, END + 7, END + 7)
    await keeper.beat()
    assert [beat.positions[PACKETS] for beat in told(world)] == [END + 3, END]


async def test_while_it_is_restored_it_says_so() -> None:
    world = world_with(LINES[CAPTURE])
    keeper = PartitionKeeper(P, care_for(world))
    await keeper.beat()
    (beat,) = told(world)
    assert (beat.condition, beat.positions, beat.systems, beat.clock) == ("restoring", {}, 0, None)


async def test_while_partitions_are_given_out_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with(LINES[CAPTURE])
    keeper = await live(world)

    async def nobody_knows(topic: str, partition: int) -> None:
        return None

    monkeypatch.setattr(world.journal, "progress", nobody_knows)
    await keeper.beat()
    await keeper.close()
    assert told(world) == []


async def test_who_lets_go_meanwhile_says_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with(LINES[CAPTURE])
    keeper = await live(world)

    async def let_go(topic: str, partition: int) -> Progress:
        await keeper.close()
        return Progress(END, END, END)

    monkeypatch.setattr(world.journal, "progress", let_go)
    await keeper.beat()
    assert told(world) == []


async def test_a_partition_that_is_stopped_says_by_what(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with(LINES[CAPTURE])
    keeper = await live(world)
    keeper._stop(RecordStopsPartition(PACKETS, P, 9, ZeroDivisionError("of all things")))
    await keeper.beat()
    (beat,) = told(world)
    assert beat.condition == "stopped"
    assert "stopped at offset 9" in (beat.why or "")


async def test_sources_of_no_use_are_in_it_and_in_the_log_with_what_was_rejected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = world_with(LINES[CAPTURE][:1])
    care = care_for(world)
    keeper = PartitionKeeper(P, care)
    await keeper.restore()
    frame = example_records(CAPTURE)[0]
    assert isinstance(frame, FrameRecord)
    strange = sealed(frame, ring=OTHER_RING)
    times = [frame.created_at, frame.created_at + TROUBLED_AFTER_MS]
    world.clock.time_ms = times[-1]
    await keeper.take(Batch(PACKETS, P, 0, [LogLine(offset, at, *strange) for offset, at in enumerate(times)]))
    await keeper.beat()
    source = TroubledSource("site", frame.source, "rejected", "bad_seal", 2, times[0])
    assert [beat.troubled for beat in told(world)] == [[source]]
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 2
    assert "rejected: 2 of system 'site'" in warned[0]
    assert "bad_seal" in warned[0]
    assert "nothing of system 'site'" in warned[1]
    assert care.metrics.rejected_for == {"bad_seal": 2}
    assert care.metrics.troubled[P] == {"rejected": 1}
    good = LogLine(2, times[-1], *sealed(frame))
    await keeper.take(Batch(PACKETS, P, 2, [good]))
    await keeper.beat()
    assert told(world)[-1].troubled == []
    assert "no longer" in caplog.records[-1].getMessage()
    await keeper.close()
