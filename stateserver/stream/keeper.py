"""A partition in a worker's care: restored, fed with batches, checkpointed, given ticks, let go."""

import asyncio
import logging
from typing import NamedTuple

from stateserver.codec.era import era_headers
from stateserver.codec.heartbeat import PartitionCondition
from stateserver.codec.packet import Kind
from stateserver.codec.topics import system_key
from stateserver.errors import StateServerError
from stateserver.security.envelope import SealingRefused, seal
from stateserver.security.keyring import KeyRing
from stateserver.stream.checkpoint import Copies, Events, write_checkpoint
from stateserver.stream.errors import EventsDiffer, Fenced, PartitionStuck
from stateserver.stream.layout import Layout
from stateserver.stream.metrics import Metrics
from stateserver.stream.outbox import Outbox
from stateserver.stream.partition import PartitionProcessor, TickDue
from stateserver.stream.ports import Batch, Pen, Ports, Row
from stateserver.stream.restore import Restored, restore_partition
from stateserver.stream.signs import Identity, Read, Signs

logger = logging.getLogger(__name__)

TICK_SOURCE = "worker"
TICK_UNDER_WAY_MS = 2_000
STUCK_AFTER_MS = 60_000
UNCUT_CHANGES_MAX = 20_000
"""With more changes than that since the last cut another is due at once, and reading waits until it is made: so memory,
and the time that a stop takes, are bounded. With five times as many a worker grew by 100 MiB (docs/performance.md).
"""


class Care(NamedTuple):
    """What all partitions of a worker share. `lateness_ms`: see Deadlines, Silence."""

    ring: KeyRing
    ports: Ports
    layout: Layout
    lateness_ms: int
    metrics: Metrics
    identity: Identity = Identity()


class PartitionKeeper:
    """One partition number: the systems of that partition in every journal topic."""

    def __init__(self, partition: int, care: Care) -> None:
        self.partition = partition
        self.stopped: StateServerError | None = None
        self.caught_up = False
        self._care = care
        self._ports = care.ports
        self._pen: Pen | None = None
        self._events: Events
        self._checkpointing = asyncio.Lock()
        self._restored: Restored | None = None
        self._unwritten: BaseException | None = None
        self._since_ms = care.ports.clock.now_ms()
        self.signs = Signs(partition, care.ports, care.layout, care.metrics, care.identity)
        self._ticked_ms: int | None = None
        self._records = 0
        self._uncut = 0
        self._cut_made = asyncio.Event()
        self._moved_at: dict[str, tuple[int, int]] = {}
        self._state_end = 0

    @property
    def restored(self) -> bool:
        return self._restored is not None

    @property
    def _processor(self) -> PartitionProcessor:
        assert self._restored is not None, "restore() comes first"
        return self._restored.processor

    def position(self, topic: str) -> int:
        """The offset of the next record wanted."""
        return self._processor.positions[topic]

    async def restore(self) -> None:
        """Come to where the last checkpoint was, as the only one who writes on. Raises as restore_partition does."""
        layout, log = self._care.layout, self._ports.log
        self._pen = await log.take_pen(self.partition)
        try:
            restored = await restore_partition(self.partition, self._care.ring, self._ports, layout, self._pen)
        except EventsDiffer as trouble:
            self._stop(trouble)
            self._state_end = (await log.bounds(layout.state, self.partition)).end
            return
        self._events = Events(
            Outbox(log, layout.topics.changes, self.partition, restored.marker.changes_offset),
            Outbox(log, layout.topics.rejected, self.partition, headers=era_headers(restored.marker.era)),
        )
        self._restored = restored
        self.signs.enter(PartitionCondition.READING)
        logger.info(
            "partition %d restored in %.1f s: %d systems, journal position %s",
            self.partition,
            (self._ports.clock.now_ms() - self._since_ms) / 1000,
            len(self._processor.systems),
            _shown(self._processor.positions),
        )

    async def take(self, batch: Batch) -> None:
        """Apply a batch and send its events on their way; waits only where Kafka, or a checkpoint, can't keep up.

        A record that can't be applied stops this partition, see `stopped`. Raises RecordsLost, and a failed write's
        error.
        """
        if self.stopped is not None:
            return
        emitted = self._processor.process(batch)
        self._events.changes.put(emitted.changes)
        self._events.rejected.put(emitted.rejected)
        self._records += len(batch.records)
        self._care.metrics.count(len(batch.records), len(emitted.changes), len(emitted.rejected))
        self._care.metrics.rejected_for.update(self._processor.intake.rejections.take_reasons())
        if emitted.stopped is not None:
            self._stop(emitted.stopped)
            return
        self._uncut += len(emitted.changes)
        self._care.metrics.waiting_bytes[self.partition] = self._events.waiting_bytes
        if self._uncut > UNCUT_CHANGES_MAX or self._events.full:
            await self._hold_back()

    async def _hold_back(self) -> None:
        """Read no more until Kafka has taken what waits for it."""
        metrics, since_ms = self._care.metrics, self._ports.clock.now_ms()
        metrics.held_back.add(self.partition)
        try:
            if self._uncut > UNCUT_CHANGES_MAX:
                await self._cut_soon()
            if self._events.full:
                await self._events.room()
        finally:
            metrics.held_back.discard(self.partition)
            metrics.held_back_ms += self._ports.clock.now_ms() - since_ms

    async def _cut_soon(self) -> None:
        """Wait until the next cut is made, not until it is written: only one is written at a time."""
        self._cut_made.clear()
        writing = asyncio.create_task(self.checkpoint())
        made = asyncio.create_task(self._cut_made.wait())
        writing.add_done_callback(_told_by_the_next)
        try:
            await asyncio.wait({writing, made}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            made.cancel()
        if writing.done():
            writing.result()

    def _stop(self, trouble: StateServerError) -> None:
        self.stopped = trouble
        self.signs.enter(PartitionCondition.STOPPED, str(trouble))
        self._care.metrics.stopped.add(self.partition)
        logger.critical("%s (%s)", trouble, trouble.hint, exc_info=trouble.__cause__)

    async def checkpoint(self) -> None:
        """Make what was applied durable, if there is anything. Raises what the ports raise.

        Whoever waits for it may be cancelled, the checkpoint is not: it is written to its end.
        """
        await asyncio.shield(asyncio.create_task(self._checkpoint()))

    async def _checkpoint(self) -> None:
        async with self._checkpointing:
            restored, pen = self._restored, self._pen
            if restored is None or pen is None or self.stopped is not None:
                return
            if self._unwritten is not None:
                raise self._unwritten
            if not (self._processor.moved or self._processor.unpublished):
                return
            cut = self._processor.cut(self._changes_offset(restored))
            self._uncut = 0
            self._cut_made.set()
            copies = Copies(restored.state, restored.units)
            try:
                await write_checkpoint(
                    self.partition, cut, restored.marker, self._ports, self._care.layout, self._events, pen, copies
                )
            except BaseException as trouble:
                # The next cut has only what moved since this one: written, it would pass for the whole.
                self._unwritten = trouble
                raise
            self._care.metrics.checkpoints += 1
            self._state_end = 0

    def _changes_offset(self, restored: Restored) -> int | None:
        """All events that follow on what is applied lie in `changes` from there on, or will."""
        if self._processor.expects:  # told before a crash: what another journal's records add lies behind them
            return restored.marker.changes_offset
        return self._events.changes.next_offset

    async def look_around(self) -> None:
        """See how far the journal is read: say so once it is to its end, raise PartitionStuck if nothing comes."""
        if self._restored is None or self.stopped is not None:
            return
        ends = [await self._look_at(topic) for topic in self._care.layout.journals]
        if all(ends) and self.restored and not self.caught_up:
            self.caught_up = True
            self.signs.enter(PartitionCondition.LIVE)
            logger.info(
                "partition %d ready: read to the end, %d records applied since the start, %d systems",
                self.partition,
                self._records,
                len(self._processor.systems),
            )

    async def _look_at(self, topic: str) -> bool:
        """Whether the topic is read to its end."""
        progress = await self._ports.journal.progress(topic, self.partition)
        if progress is None or self._restored is None:  # it may have been let go meanwhile
            return False
        position, now_ms = self.position(topic), self._ports.clock.now_ms()
        self._care.metrics.unread[(topic, self.partition)] = max(progress.end - position, 0)
        if progress.read >= progress.end and progress.handed <= position:
            self._moved_at.pop(topic, None)
            return True
        seen, since_ms = self._moved_at.get(topic, (-1, now_ms))
        if seen != progress.read + position:
            self._moved_at[topic] = (progress.read + position, now_ms)
        elif now_ms - since_ms > STUCK_AFTER_MS:
            raise PartitionStuck(topic, self.partition, position, progress.end, (now_ms - since_ms) / 1000)
        return False

    async def append_ticks(self) -> None:
        """Append a tick for each system that is silent beyond a deadline. Raises what the log raises."""
        if self._restored is None or self.stopped is not None:
            return
        processor = self._processor
        due = processor.ticks_due(self._ports.clock.now_ms(), self._care.lateness_ms)
        for topic in sorted({tick.topic for tick in due}):
            if not await self._look_at(topic):
                # Not read to its end: the records still to come may move the deadline. Ask again then.
                processor.forget_asked(tick.system for tick in due if tick.topic == topic)
                continue
            rows = [row for tick in due if tick.topic == topic for row in self._sealed(tick)]
            if not rows:
                continue
            await self._ports.log.append(topic, self.partition, rows)
            self._ticked_ms = self._ports.clock.now_ms()
            self._care.metrics.ticks += len(rows)
            logger.debug("partition %d: %d ticks appended", self.partition, len(rows))

    def _sealed(self, tick: TickDue) -> list[Row]:
        seal_as = (Kind.TICK, tick.system, TICK_SOURCE, 0, tick.created_at, tick.mode, b"")
        try:
            return [Row(system_key(tick.system), seal(self._care.ring, *seal_as))]
        except SealingRefused as refusal:
            logger.warning("no tick for system %s, whose deadline has passed: %s", tick.system, refusal)
            return []

    @property
    def awaits_ticks(self) -> bool:
        """Whether ticks are under way to us: with the next deadline overdue too, another one follows each."""
        return self._ticked_ms is not None and self._ports.clock.now_ms() < self._ticked_ms + TICK_UNDER_WAY_MS

    async def beat(self) -> None:
        """Give gateways a sign of life. Raises what the ports raise."""
        restored = self._restored
        read = None if restored is None or self.stopped is not None else Read(restored.processor, self._events)
        await self.signs.give(read, lambda: self._restored is restored)

    async def catch_up(self) -> None:
        """Have the tables on disk follow their changelogs where they are behind. Raises what the log raises."""
        restored = self._restored
        if restored is not None:
            lineage = bytes.fromhex(restored.marker.lineage)
            await asyncio.gather(restored.units.catch_up(lineage), restored.state.catch_up(lineage))
            lost = sum(not copy.usable for copy in (restored.units, restored.state))
            self._care.metrics.tables_lost[self.partition] = lost

    async def undisturbed(self) -> bool:
        """Whether nobody else wrote this partition's state since we did: asked when we are given it again.

        The pen is taken anew, as whoever had the partition meanwhile has taken it from us; it is ours only once we know
        that what we would write goes on from what is there.
        """
        restored, log = self._restored, self._ports.log
        if restored is None:
            return True
        async with self._checkpointing:
            fenced, self._pen = self._pen, None
            if fenced is not None:
                await fenced.close()
            pen = await log.take_pen(self.partition)
            try:
                if not await self._state_grew_beyond(restored.state.head):
                    self._pen = pen
            finally:
                if self._pen is None:
                    await pen.close()
            return self._pen is not None

    async def check_still_ours(self) -> None:
        """Raise Fenced where somebody wrote this partition's state, as `stateserver rebuild` does.

        A checkpoint would tell too, but where nothing is to be written there is none. Without transactions nobody may.
        """
        restored, pen = self._restored, self._pen
        if pen is None or not pen.commits or self._checkpointing.locked():
            return
        if restored is None and self.stopped is None:
            return
        async with self._checkpointing:
            seen = self._state_end
            end = self._state_end = (await self._ports.log.bounds(self._care.layout.state, self.partition)).end
            begin = seen if restored is None or seen else restored.state.head
            if end != seen and await self._state_grew_beyond(begin):
                raise Fenced(self.partition)

    async def _state_grew_beyond(self, head: int) -> bool:
        log, topic = self._ports.log, self._care.layout.state
        end = (await log.bounds(topic, self.partition)).end
        async for _ in log.read(topic, self.partition, head, end):
            return True
        return False

    async def close(self) -> None:
        """Let go of it; what was not checkpointed will be applied again by whoever comes next."""
        restored, self._restored = self._restored, None
        async with self._checkpointing:
            if restored is not None:
                await asyncio.gather(self._events.changes.close(), self._events.rejected.close())
                await asyncio.gather(restored.state.close(), restored.units.close())
            if self._pen is not None:
                await self._pen.close()
        self._care.metrics.forget(self.partition)


def _told_by_the_next(checkpoint: asyncio.Task[None]) -> None:
    """Its failure is kept (`_unwritten`) and raised by the one after it."""
    if not checkpoint.cancelled():
        checkpoint.exception()


def _shown(positions: dict[str, int]) -> str:
    return ", ".join(f"{topic} {offset}" for topic, offset in sorted(positions.items()))
