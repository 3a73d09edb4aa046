"""A worker's own word on its health, in every state it can be in; and over HTTP, also where its loop stands still."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from stateserver.broker.ports import free_port
from stateserver.stream.errors import RecordsLost, RecordStopsPartition
from stateserver.stream.health import (
    BEHIND_AFTER_MS,
    LOOP_STALLED_S,
    SAID,
    SILENT_AFTER_MS,
    Health,
    Verdict,
    WorkerCondition,
)
from stateserver.stream.health_server import serve_health
from stateserver.stream.metrics import Metrics
from stateserver.stream.ports import Pen, Progress
from stateserver.stream.worker import Worker
from tests.stream.simulated import World
from tests.stream.test_worker import LINES, PACKETS, batch, worker_in, world

__all__ = ["world"]

END = len(LINES)
C = WorkerCondition


async def caught_up(world: World, *partitions: int) -> Worker:
    """A worker that has read all there is, and has said so."""
    worker = worker_in(world)
    await worker.assign(partitions)
    for partition in partitions:
        await worker.take(batch(partition, 0, END))
        world.journal.seen[PACKETS, partition] = Progress(END, END, END)
    await worker._look_around()
    await beaten(worker)
    return worker


async def beaten(worker: Worker) -> None:
    """Each partition has given a sign of life."""
    await worker._beat()
    await asyncio.gather(*worker._beats.values())


async def test_waiting_for_a_group_then_with_no_part_in_it(world: World) -> None:
    worker = worker_in(world)
    assert worker.verdict() == Verdict(C.WAITING_FOR_GROUP)
    await worker.assign(())
    assert worker.verdict() == Verdict(C.SPARE)
    assert worker.verdict().ready


async def test_restoring_reading_live(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, take_pen, may = worker_in(world), world.log.take_pen, asyncio.Event()

    async def slow(partition: int) -> Pen:
        await may.wait()
        return await take_pen(partition)

    monkeypatch.setattr(world.log, "take_pen", slow)
    assigning = asyncio.create_task(worker.assign({1, 2}))
    await asyncio.sleep(0)
    assert worker.verdict()[:2] == (C.RESTORING, (1, 2))
    may.set()
    await assigning
    assert worker.verdict()[:2] == (C.READING, (1, 2))
    for partition in (1, 2):
        await worker.take(batch(partition, 0, END))
    world.journal.seen[PACKETS, 1] = Progress(END, END, END)
    world.journal.seen[PACKETS, 2] = Progress(END, END, END + 1)
    await worker._look_around()
    assert worker.verdict()[:2] == (C.READING, (2,))
    world.journal.seen[PACKETS, 2] = Progress(END, END, END)
    await worker._look_around()
    assert worker.verdict().condition is C.LIVE
    assert worker.verdict().ready
    await worker.close()


async def test_rebalancing(world: World) -> None:
    worker = await caught_up(world, 1)
    await worker.hold()
    assert worker.verdict() == Verdict(C.REBALANCING, (1,))
    await worker.assign({1})
    assert worker.verdict().condition is C.LIVE
    await worker.close()


async def test_a_stopped_partition_is_told_beside_others_that_go_on(world: World) -> None:
    worker = await caught_up(world, 1, 2)
    worker._keepers[2]._stop(RecordStopsPartition(PACKETS, 2, 9, ZeroDivisionError()))
    assert worker.verdict()[:2] == (C.STOPPED, (2,))
    assert not worker.verdict().ready
    await worker.close()


async def test_stalled_on_kafka(world: World) -> None:
    """What it says gets nowhere: so would its events."""
    worker = await caught_up(world, 1)
    since = world.clock.now_ms()
    world.clock.time_ms += SILENT_AFTER_MS
    assert worker.verdict().condition is C.LIVE
    world.clock.time_ms += 1
    assert worker.verdict() == Verdict(C.KAFKA_STALLED, (1,), since)
    await beaten(worker)
    assert worker.verdict().condition is C.LIVE
    await worker.close()


async def test_behind(world: World) -> None:
    """The journal goes on, and nothing comes of it to us."""
    worker = await caught_up(world, 1)
    since = world.clock.now_ms()
    for waited in range(0, BEHIND_AFTER_MS + 1, 1_000):
        world.clock.time_ms = since + waited
        world.journal.seen[PACKETS, 1] = Progress(END, END, END + 1 + waited)
        await beaten(worker)
        assert worker.verdict().condition is C.LIVE
    world.clock.time_ms += 1
    assert worker.verdict() == Verdict(C.BEHIND, (1,), since)
    await worker.close()


async def test_about_to_end(world: World) -> None:
    worker = await caught_up(world, 1)
    worker.fail(RecordsLost(PACKETS, 1, 2, 3))
    assert worker.verdict() == Verdict(C.ENDING)
    await worker.close()


async def test_one_partition_that_waits_for_kafka_keeps_no_other_from_giving_signs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await caught_up(world, 1, 2)
    progress = world.journal.progress

    async def stuck(topic: str, partition: int) -> Progress | None:
        if partition == 1:
            await asyncio.Event().wait()
        return await progress(topic, partition)

    monkeypatch.setattr(world.journal, "progress", stuck)
    heartbeats = worker._care.layout.topics.heartbeats
    before = len(world.log.topics[heartbeats, 2])
    for _ in range(3):
        await worker._beat()
        await worker._beats[2]
    assert len(world.log.topics[heartbeats, 2]) == before + 3
    await worker.close()


class Clock:
    """One that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def asked(port: int, path: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_over_http_with_a_loop_that_turns_and_one_that_stands_still() -> None:
    clock, port = Clock(), free_port()
    health = Health(clock)
    serve_health(Metrics(), health, port)
    assert asked(port, "/health/live") == (200, {"live": True, "condition": "starting"})
    status, answer = asked(port, "/health/ready")
    assert (status, answer["ready"], answer["condition"]) == (503, False, "starting")
    health.report(Verdict(C.LIVE, (1, 2), 7))
    assert asked(port, "/health/ready") == (
        200,
        {"ready": True, "condition": "live", "reason": SAID[C.LIVE], "partitions": [1, 2], "since": 7},
    )
    health.report(Verdict(C.STOPPED, (2,), 9))
    status, answer = asked(port, "/health/ready")
    assert (status, answer["partitions"], answer["since"]) == (503, [2], 9)
    assert asked(port, "/health/live")[0] == 200, "started anew it would stop there again"
    clock.now_s += LOOP_STALLED_S + 1
    assert asked(port, "/health/live") == (503, {"live": False, "condition": "loop_stalled"})
    assert asked(port, "/health/ready")[0] == 503


def test_every_condition_is_said_in_words() -> None:
    assert SAID.keys() == set(WorkerCondition)
