"""Faults to put into the production code, to see that the simulator finds them: see `test_mutations`."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from stateserver.stream import beginnings, checkpoint, keeper
from stateserver.stream.checkpoint import Events
from stateserver.stream.disk_copy import DiskCopy
from stateserver.stream.errors import AppendFailed, Fenced
from stateserver.stream.keeper import PartitionKeeper
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.place import Place
from stateserver.stream.ports import Batch, Pen, Row, Sheet
from stateserver.stream.signs import Read, Signs
from stateserver.stream.state_rows import Marker
from stateserver.stream.told import Told
from stateserver.stream.withdrawal import Finished
from stateserver.stream.worker import Worker
from tests.simulation.kafka import Place as Where
from tests.simulation.log import SimulatedLog, SimulatedPen


class Patch(Protocol):
    """pytest's, as far as it is needed."""

    def setattr(self, target: Any, name: Any, value: Any = ..., /) -> None: ...


def events_are_not_flushed(patch: Patch) -> None:
    """A state is written before its events are safe."""

    async def flush(self: Events) -> None:
        pass

    patch.setattr(Events, "flush", flush)


def disk_before_kafka(patch: Patch) -> None:
    """Rows are written to disk before the changelog has them, which may never be."""
    write = checkpoint.write_checkpoint

    async def disk_first(number: int, cut: Any, before: Any, *rest: Any) -> None:
        state = rest[-1].state
        await state.write(cut.state, state.position, state.lineage)
        await write(number, cut, before, *rest)

    patch.setattr(keeper, "write_checkpoint", disk_first)


def nobody_is_fenced(patch: Patch) -> None:
    """A worker that was fenced takes the pen again and goes on writing."""
    write = SimulatedPen.write

    async def insist(self: SimulatedPen, sheets: Sequence[Sheet], positions: Mapping[Where, int]) -> dict[str, int]:
        try:
            return await write(self, sheets, positions)
        except Fenced:
            again: Pen = await self._log.take_pen(self._partition)
            return await again.write(sheets, positions)

    patch.setattr(SimulatedPen, "write", insist)


def committed_before_the_marker(patch: Patch) -> None:
    """Without transactions, the group is told of positions that are not durable yet."""
    write = checkpoint.write_checkpoint

    async def commit_first(number: int, cut: Any, before: Any, ports: Any, *rest: Any) -> None:
        await ports.journal.commit({(topic, number): offset for topic, offset in cut.positions.items()})
        await write(number, cut, before, ports, *rest)

    patch.setattr(keeper, "write_checkpoint", commit_first)


def checkpoints_can_be_cancelled(patch: Patch) -> None:
    """What stops a worker may cut off a checkpoint; the next one follows all the same (found by the simulator)."""

    async def cancellable(self: PartitionKeeper) -> None:
        self._unwritten = None
        await self._checkpoint()

    patch.setattr(PartitionKeeper, "checkpoint", cancellable)


def a_failed_checkpoint_is_followed(patch: Patch) -> None:
    """A failed write is passed over, as if the next cut had all of it."""
    check = PartitionKeeper._checkpoint

    async def go_on(self: PartitionKeeper) -> None:
        try:
            await check(self)
        except AppendFailed:
            self._unwritten = None

    patch.setattr(PartitionKeeper, "_checkpoint", go_on)


def a_full_disk_is_the_end(patch: Patch) -> None:
    """A disk that takes nothing fails the worker."""

    async def unguarded(self: DiskCopy, doing: Awaitable[None]) -> None:
        await doing

    patch.setattr(DiskCopy, "_guarded", unguarded)


def lost_batches_go_unnoticed(patch: Patch) -> None:
    """Where the batch before ended is not looked at."""
    process = PartitionProcessor.process

    def trusting(self: PartitionProcessor, batch: Batch) -> Any:
        return process(self, batch._replace(follows=0))

    patch.setattr(PartitionProcessor, "process", trusting)


def repeats_are_applied_again(patch: Patch) -> None:
    """Records before our position are not passed over."""
    process = PartitionProcessor.process

    def eager(self: PartitionProcessor, batch: Batch) -> Any:
        self.positions[batch.topic] = min(self.positions[batch.topic], batch.records[0].offset)
        return process(self, batch._replace(follows=0))

    patch.setattr(PartitionProcessor, "process", eager)


def events_are_taken_for_told(patch: Patch) -> None:
    """After a restore, events are not told that nobody told before."""

    def none(self: Told, system: str, first: int, rows: Iterable[Row]) -> list[Row]:
        return []

    patch.setattr(Told, "untold", none)


def ticks_are_not_given(patch: Patch) -> None:
    """Nobody notices silence."""

    async def nothing(self: Worker) -> None:
        pass

    patch.setattr(Worker, "_append_ticks", nothing)


def an_append_goes_to_the_front(patch: Patch) -> None:
    """The last of several events overtakes the others."""
    append = SimulatedLog.append

    async def hasty(self: SimulatedLog, topic: str, partition: int, rows: Sequence[Row], *rest: Any) -> int:
        return await append(self, topic, partition, [rows[-1], *rows[:-1]] if "changes" in topic else rows, *rest)

    patch.setattr(SimulatedLog, "append", hasty)


def heartbeats_run_ahead(patch: Patch) -> None:
    """They call applied what is not told yet."""
    give = Signs.give

    class Careless(Events):
        async def flush(self) -> None:
            pass

    async def hasty(self: Signs, read: Read | None, still_ours: Callable[[], bool]) -> None:
        careless = None if read is None else read._replace(events=Careless(*read.events))
        await give(self, careless, still_ours)

    patch.setattr(Signs, "give", hasty)


def a_withdrawal_is_left_half_done(patch: Patch) -> None:
    """Whoever comes after the one that began it goes on as if it were over."""

    async def leave(place: Place, pen: Pen, marker: Marker) -> Finished:
        end = (await place.log.bounds(place.layout.state, place.partition)).end
        return Finished(marker._replace(withdraws=None), end)

    patch.setattr(beginnings, "finish", leave)


MUTATIONS: dict[Callable[[Patch], None], int] = {
    events_are_not_flushed: 1,
    disk_before_kafka: 13,
    committed_before_the_marker: 1,
    a_failed_checkpoint_is_followed: 403,
    a_full_disk_is_the_end: 9,
    lost_batches_go_unnoticed: 17,
    repeats_are_applied_again: 10,
    events_are_taken_for_told: 6,
    ticks_are_not_given: 1,
    an_append_goes_to_the_front: 1,
    checkpoints_can_be_cancelled: 770,
    nobody_is_fenced: 15,
    heartbeats_run_ahead: 30,
    a_withdrawal_is_left_half_done: 128,
}
"""And the first seed that finds it, from 1 on: so many it takes."""
