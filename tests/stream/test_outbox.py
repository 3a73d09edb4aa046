"""Outboxes: in order, at once, in batches; a failure reaches everyone."""

import asyncio
from collections.abc import Sequence

import pytest

from stateserver.stream import outbox
from stateserver.stream.outbox import Outbox
from stateserver.stream.ports import Headers, Row
from tests.stream.simulated import Power, PowerCut, SimulatedLog

ROWS = [Row(b"key", b"%d" % number) for number in range(10)]


class SlowLog(SimulatedLog):
    """Writes when it is told to; `appends` is how many rows each write had."""

    def __init__(self) -> None:
        super().__init__({}, Power())
        self.go_on = asyncio.Event()
        self.appends: list[int] = []

    async def append(self, topic: str, partition: int, rows: Sequence[Row], headers: Headers = ()) -> int:
        self.appends.append(len(rows))
        await self.go_on.wait()
        return await super().append(topic, partition, rows, headers)


def written(log: SimulatedLog) -> list[bytes | None]:
    return [line.value for line in log.topics["t", 1]]


async def test_what_is_put_is_written_in_order() -> None:
    log = SimulatedLog({}, Power())
    box = Outbox(log, "t", 1)
    for row in ROWS:
        box.put([row])
        await asyncio.sleep(0)
    await box.flush()
    assert written(log) == [row.value for row in ROWS]
    assert box.next_offset == len(ROWS)


async def test_what_comes_during_a_write_goes_out_with_the_next() -> None:
    log = SlowLog()
    box = Outbox(log, "t", 1)
    for row in ROWS:
        box.put([row])
        await asyncio.sleep(0)
    log.go_on.set()
    await box.flush()
    assert log.appends == [1, 9]
    assert written(log) == [row.value for row in ROWS]


async def test_flush_waits_for_what_was_put_before_it_alone() -> None:
    log = SlowLog()
    box = Outbox(log, "t", 1)
    box.put(ROWS)
    flushing = asyncio.create_task(box.flush())
    await asyncio.sleep(0)
    assert not flushing.done()
    log.go_on.set()
    await flushing
    await box.flush()


async def test_a_full_box_asks_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "WAITING_BYTES_MAX", 5)
    log = SlowLog()
    box = Outbox(log, "t", 1)
    box.put(ROWS[:1])
    await asyncio.sleep(0)
    box.put(ROWS[1:])
    assert box.full
    waiting = asyncio.create_task(box.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    log.go_on.set()
    await waiting
    assert not box.full


async def test_a_failed_write_fails_all_who_wait_and_nothing_follows_it() -> None:
    log = SimulatedLog({}, Power(cut_at=3))
    box = Outbox(log, "t", 1)
    box.put(ROWS[:5])
    with pytest.raises(PowerCut):
        await box.flush()
    log.power = Power()
    box.put(ROWS[5:])
    with pytest.raises(PowerCut):
        await box.flush()
    assert written(log) == [b"0", b"1"]
