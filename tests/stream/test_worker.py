"""A worker's partitions come and go; what fails is never silent. In a simulated world."""

import asyncio

import pytest

from stateserver.codec.change import decode_change, encode_change
from stateserver.codec.heartbeat import decode_heartbeat
from stateserver.security.keyring import KeyRing
from stateserver.stream import worker as worker_module
from stateserver.stream.errors import Fenced, PartitionsChanged, RecordsLost
from stateserver.stream.keeper import Care
from stateserver.stream.layout import Layout
from stateserver.stream.metrics import Metrics
from stateserver.stream.place import Place
from stateserver.stream.ports import BATCH_RECORDS_MAX, Batch, Pen, Progress
from stateserver.stream.rebuild import rebuild_partition
from stateserver.stream.worker import Worker
from tests.stream.journals import CAPTURE, RING, RING_DOCUMENT, LogLine, example_records, log_lines
from tests.stream.simulated import Power, PowerCut, World

LAYOUT = Layout.with_prefix("t.", ("t.packets",))
PACKETS = "t.packets"
LINES = log_lines(example_records(CAPTURE))


@pytest.fixture
def world() -> World:
    world = World()
    for partition in range(4):
        world.log.topics[PACKETS, partition] = list(LINES)
    return world


def worker_in(world: World) -> Worker:
    return Worker(Care(RING, world.ports, LAYOUT, 5_000, Metrics()))


def batch(partition: int, start: int, end: int) -> Batch:
    return Batch(PACKETS, partition, start, LINES[start:end])


def moved(lines: list[LogLine], by: int) -> list[LogLine]:
    """The same records, later in the log."""
    return [line._replace(offset=line.offset + by) for line in lines]


def offsets(world: World, topic: str, partition: int) -> int:
    return len(world.log.topics.get((topic, partition), ()))


async def test_it_cares_for_what_it_is_given(world: World) -> None:
    worker = worker_in(world)
    await worker.assign({1, 2})
    assert worker.partitions == {1, 2}
    assert worker.position(PACKETS, 1) == 0
    assert worker.position(PACKETS, 3) is None
    await worker.take(batch(1, 0, 20))
    await worker.take(batch(3, 0, 20))
    assert worker.position(PACKETS, 1) == 20
    await worker.commit()
    assert world.journal.committed == {(PACKETS, 1): 20}
    assert not worker.failure.done()


async def test_a_partition_that_stays_is_not_restored_anew(world: World) -> None:
    worker = worker_in(world)
    await worker.assign({1, 2})
    await worker.take(batch(1, 0, 20))
    await worker.hold()
    await worker.assign({1, 3})
    assert worker.partitions == {1, 3}
    assert worker.position(PACKETS, 1) == 20


async def test_one_that_someone_else_wrote_meanwhile_is(world: World) -> None:
    first, second = worker_in(world), worker_in(world)
    await first.assign({1})
    await first.take(batch(1, 0, 10))
    await first.hold()
    disk, world.stores.disk = world.stores.disk, {}
    await second.assign({1})
    await second.take(batch(1, 10, 30))
    await second.hold()
    world.stores.disk = disk
    await first.assign({1})
    assert first.position(PACKETS, 1) == 30


async def test_on_hold_nothing_moves(world: World) -> None:
    worker = worker_in(world)
    await worker.assign({1})
    await worker.take(batch(1, 0, 10))
    await worker.hold()
    assert world.journal.committed == {(PACKETS, 1): 10}
    await worker.take(batch(1, 10, 20))
    assert worker.position(PACKETS, 1) == 10
    await worker.assign({1})
    await worker.take(batch(1, 10, 20))
    assert worker.position(PACKETS, 1) == 20


async def test_while_it_is_behind_it_checkpoints_more_seldom(world: World) -> None:
    """Behind is who gets batches as large as they may be; one that is not full says that no more lies there."""
    worker, full = worker_in(world), BATCH_RECORDS_MAX
    lines = [line for copy in range(1 + 2 * full // len(LINES)) for line in moved(LINES, copy * len(LINES))]
    await worker.assign({1})
    assert worker._checkpoint_pause() == worker_module.CHECKPOINT_EVERY_S
    await worker.take(Batch(PACKETS, 1, 0, lines[:full]))
    assert worker._checkpoint_pause() == worker_module.CHECKPOINT_EVERY_S_WHEN_BEHIND
    await worker.take(Batch(PACKETS, 1, full, lines[full : 2 * full - 1]))
    assert worker._checkpoint_pause() == worker_module.CHECKPOINT_EVERY_S
    assert not worker.failure.done()


async def test_a_lost_batch_is_the_end_of_it(world: World) -> None:
    worker = worker_in(world)
    await worker.assign({1})
    await worker.take(batch(1, 5, 10))
    assert isinstance(worker.failure.result(), RecordsLost)


async def test_a_failed_write_is_the_end_of_it(world: World) -> None:
    worker = worker_in(world)
    await worker.assign({1})
    await worker.take(batch(1, 0, 20))
    world.restart(Power(5), keep_disk=True)
    await worker.commit()
    assert isinstance(worker.failure.result(), PowerCut)


async def test_a_failed_restore_is_the_end_of_it(world: World) -> None:
    await_first = worker_in(world)
    await await_first.assign({1})
    await await_first.take(batch(1, 0, 20))
    await await_first.commit()
    del world.log.topics[PACKETS, 1][5:]
    worker = worker_in(world)
    await worker.assign({1})
    assert "ends at offset 5" in str(worker.failure.result())


async def test_by_itself_it_checkpoints_says_when_it_is_ready_and_gives_ticks(world: World) -> None:
    worker = worker_in(world)
    await worker.assign({1})
    await worker.take(batch(1, 0, len(LINES)))
    # Silent for an hour: contact is long lost.
    world.clock.time_ms = world.log.now_ms = LINES[-1].offset + (LINES[-1].timestamp or 0) + 3_600_000
    world.journal.seen[PACKETS, 1] = Progress(len(LINES), len(LINES), len(LINES))
    worker.start()
    try:
        async with asyncio.timeout(10):
            await worker.ready.wait()
            while not world.journal.committed or offsets(world, PACKETS, 1) == len(LINES):
                await asyncio.sleep(0)
    finally:
        await worker.stop_loops()
    assert world.journal.committed == {(PACKETS, 1): len(LINES)}
    assert offsets(world, PACKETS, 1) > len(LINES)


async def test_ticks_are_given_as_soon_as_the_key_ring_can_seal_them(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A ring is taken up while its worker runs: it may lack the key, and get it."""
    ring = KeyRing.from_document({**RING_DOCUMENT, "current": {}})
    worker = Worker(Care(ring, world.ports, LAYOUT, 5_000, Metrics()))
    await worker.assign({1})
    await worker.take(batch(1, 0, len(LINES)))
    world.clock.time_ms = world.log.now_ms = (LINES[-1].timestamp or 0) + 3_600_000
    world.journal.seen[PACKETS, 1] = Progress(len(LINES), len(LINES), len(LINES))
    for _ in range(3):
        await worker._append_ticks()
    assert offsets(world, PACKETS, 1) == len(LINES)
    assert caplog.text.count("no current key for TICK") == 1
    assert worker._ticks_pause() == worker_module.TICKS_EVERY_S
    ring.become(RING)
    await worker._append_ticks()
    assert offsets(world, PACKETS, 1) == len(LINES) + 1
    assert worker._ticks_pause() == worker_module.TICKS_SOON_S, "another may be overdue too"
    await worker.close()


async def test_while_it_restores_it_gives_signs_of_life(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large state takes long: whoever waits for it is told that somebody is at it."""
    worker, take_pen, may = worker_in(world), world.log.take_pen, asyncio.Event()

    async def slow(partition: int) -> Pen:
        await may.wait()
        return await take_pen(partition)

    monkeypatch.setattr(world.log, "take_pen", slow)
    worker.start_giving_signs()
    assigning = asyncio.create_task(worker.assign({1}))
    heartbeats = world.log.topics.setdefault((LAYOUT.topics.heartbeats, 1), [])
    async with asyncio.timeout(10):
        while not heartbeats:
            await asyncio.sleep(0)
    assert decode_heartbeat(heartbeats[-1].value or b"").condition == "restoring"
    may.set()
    await assigning
    await worker.stop_loops()
    await worker.close()


async def test_partitions_that_were_added_end_it_before_any_of_their_records_is_taken(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A rebalance may give them to it before it has looked at the topics."""
    layout = LAYOUT._replace(partitions=4)
    worker = Worker(Care(RING, world.ports, layout, 5_000, Metrics()))
    await worker.assign({0, 3})
    await worker.assign({0, 3, 4})
    assert isinstance(worker.failure.result(), PartitionsChanged)
    assert worker.position(PACKETS, 4) is None
    await worker.take(batch(3, 0, 20))
    assert worker.position(PACKETS, 3) == 0
    assert [record.levelname for record in caplog.records if "topics were made for 4" in record.message] == ["CRITICAL"]


async def test_they_are_noticed_within_a_minute_where_nothing_else_tells(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker_module.LOOK_AT_TOPICS_EVERY_S <= 30
    monkeypatch.setattr(worker_module, "LOOK_AT_TOPICS_EVERY_S", 0.01)
    layout = LAYOUT._replace(partitions=4)
    worker = Worker(Care(RING, world.ports, layout, 5_000, Metrics()))
    await worker.assign({0, 3})
    worker.start()
    world.log.partitions = 6
    await worker.failed()
    assert "t.packets has 6" in str(worker.failure.result())
    await worker.stop_loops()


async def test_a_partition_that_was_made_anew_has_another_owner_also_where_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As by `stateserver rebuild`: the worker ends, and is started again."""
    monkeypatch.setattr(worker_module, "LOOK_AT_TOPICS_EVERY_S", 0.01)
    world = World(transactions=True)
    world.log.topics[PACKETS, 3] = list(LINES)
    worker = worker_in(world)
    await worker.assign({3})
    await worker.take(batch(3, 0, 20))
    await worker.commit()
    worker.start()
    for _ in range(200):
        await asyncio.sleep(0)
    assert not worker.failure.done()
    await rebuild_partition(Place(3, world.log, LAYOUT), 5)
    await worker.failed()
    assert isinstance(worker.failure.result(), Fenced)
    await worker.stop_loops()


async def test_so_it_has_where_it_was_stopped_for_what_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "LOOK_AT_TOPICS_EVERY_S", 0.01)
    world = World(transactions=True)
    world.log.topics[PACKETS, 3] = list(LINES)
    first = worker_in(world)
    await first.assign({3})
    await first.take(batch(3, 0, 20))
    await first.commit()
    changes = world.log.topics[LAYOUT.topics.changes, 3]
    last = decode_change(changes[-1].value or b"")
    for at in (1, 2):  # two contents of one version
        value = encode_change(last._replace(version=last.version + 1, at=at))
        changes.append(LogLine(len(changes), 0, changes[-1].key, value))
    again = worker_in(world)
    await again.assign({3})
    again.start()
    for _ in range(200):
        await asyncio.sleep(0)
    assert not again.failure.done()
    await rebuild_partition(Place(3, world.log, LAYOUT), 5)
    await again.failed()
    assert isinstance(again.failure.result(), Fenced)
    await again.stop_loops()
