"""A worker: the partitions it was given, and what is done for them all the time. Knows its ports alone.

Whatever fails here fails the worker as a whole (`failure`): the process ends, is started again, and goes on from the
last checkpoint. Only a record that can't be applied stops its own partition and no other.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from stateserver.codec.heartbeat import EVERY_S
from stateserver.codec.packet import Kind
from stateserver.stream.errors import BrokerUnreachable, PartitionsChanged
from stateserver.stream.health import Verdict, WorkerCondition, judge
from stateserver.stream.keeper import Care, PartitionKeeper
from stateserver.stream.ports import BATCH_RECORDS_MAX, Batch
from stateserver.stream.standby import Standby
from stateserver.stream.topic_needs import topics_of

logger = logging.getLogger(__name__)

CHECKPOINT_EVERY_S = 0.15
CHECKPOINT_EVERY_S_WHEN_BEHIND = 1.0
"""Who has much left to read has no reader who waits; what moves many times between two checkpoints is written once."""
TICKS_EVERY_S = 0.5
TICKS_SOON_S = 0.05
REPORT_EVERY_S = 60.0
CATCH_UP_EVERY_S = 1.0
FOLLOW_EVERY_S = 5.0
LOOK_AT_TOPICS_EVERY_S = 20.0
LOOK_EVERY_S = 0.25
LOOK_EVERY_S_WHEN_READY = 10.0


class Worker:
    """Keeps partitions. `when_ready` is called when all is read."""

    def __init__(self, care: Care, *, when_ready: Callable[[], None] = lambda: None) -> None:
        self._care = care
        self._when_ready = when_ready
        self._given_a_part = False
        self._gives_ticks = True
        self._keepers: dict[int, PartitionKeeper] = {}
        self._restores: dict[int, asyncio.Task[None]] = {}
        self._standbys: dict[int, Standby] = {}
        self._beats: dict[int, asyncio.Task[None]] = {}
        self._on_hold = False
        self._reported = 0
        self._in_full_batches = 0
        self._paused_at = 0
        self._loops: list[asyncio.Task[None]] = []
        self.failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self.ready = asyncio.Event()

    def start_giving_signs(self) -> None:
        """Begin to give signs of life: of partitions that are being restored too, so before all is."""
        self._every(lambda: EVERY_S, self._beat)

    def start(self) -> None:
        """Begin to checkpoint, look around and give ticks."""
        self._every(self._checkpoint_pause, self._checkpoint_unless_on_hold)
        self._every(self._look_pause, self._look_around)
        self._every(lambda: CATCH_UP_EVERY_S, self._catch_up)
        self._every(lambda: FOLLOW_EVERY_S, self._follow)
        self._every(lambda: REPORT_EVERY_S, self._report)
        self._every(lambda: LOOK_AT_TOPICS_EVERY_S, self._look_at_topics)
        self._every(self._ticks_pause, self._append_ticks)

    async def _report(self) -> None:
        metrics = self._care.metrics
        if metrics.records != self._reported:
            self._reported = metrics.records
            logger.info(
                "%d records applied since the start, %d changes, %d rejected, %d ticks, %d unread",
                metrics.records,
                metrics.changes,
                metrics.rejected,
                metrics.ticks,
                sum(metrics.unread.values()),
            )

    def _checkpoint_pause(self) -> float:
        """Longer while most records come in batches as large as they may be: then more of them wait."""
        records, in_full_batches = self._care.metrics.records - self._paused_at, self._in_full_batches
        self._paused_at, self._in_full_batches = self._care.metrics.records, 0
        return CHECKPOINT_EVERY_S_WHEN_BEHIND if 2 * in_full_batches > records else CHECKPOINT_EVERY_S

    def _look_pause(self) -> float:
        return LOOK_EVERY_S_WHEN_READY if self.ready.is_set() else LOOK_EVERY_S

    def _every(self, pause: Callable[[], float], do: Callable[[], Awaitable[None]]) -> None:
        async def loop() -> None:
            while True:
                await self._care.ports.clock.sleep(pause())
                await self._guard(do())

        self._loops.append(asyncio.create_task(loop()))

    async def _guard(self, doing: Awaitable[None]) -> None:
        """Whatever goes wrong is the end of the worker, never silence."""
        try:
            await doing
        except Exception as trouble:  # noqa: BLE001 it is told by `failure`
            self.fail(trouble)

    def fail(self, trouble: BaseException) -> None:
        """End the worker; the first trouble counts."""
        if not self.failure.done():
            self.failure.set_result(trouble)

    async def failed(self) -> None:
        """Return when the worker has failed."""
        await asyncio.wait({self.failure})

    @property
    def partitions(self) -> set[int]:
        """Those in its care."""
        return set(self._keepers)

    @property
    def standing_by(self) -> set[int]:
        """Those in others' care that it follows."""
        return set(self._standbys)

    async def assign(self, partitions: Iterable[int]) -> None:
        """Care for exactly these; returns when they are restored. May be cancelled and called anew."""
        wanted = set(partitions)
        self._on_hold = True
        if (layout := self._care.layout).partitions is not None and max(wanted, default=0) >= layout.partitions:
            self._check_counts(dict.fromkeys(layout.journals, max(wanted) + 1))
            return
        await self._stop_standing_by(wanted & self._standbys.keys())
        await self.let_go(self.partitions - wanted)
        for partition in sorted(self.partitions):
            self._keepers[partition].signs.hold_anew()
            if not await self._keepers[partition].undisturbed():
                logger.warning("partition %d was in other care meanwhile: restoring it anew", partition)
                await self.let_go([partition])
        for partition in sorted(wanted - self.partitions):
            keeper = self._keepers[partition] = PartitionKeeper(partition, self._care)
            self._restores[partition] = asyncio.create_task(self._guard(keeper.restore()))
        self.ready.clear()
        if self._restores:
            await asyncio.wait(self._restores.values())
        self._restores = {partition: task for partition, task in self._restores.items() if not task.done()}
        self._given_a_part, self._on_hold = True, False

    async def hold(self) -> None:
        """A last checkpoint, then nothing more until partitions are assigned anew: others may be given them."""
        self._on_hold = True
        await self.commit()

    async def let_go(self, partitions: Iterable[int]) -> None:
        """Care for these no longer."""
        for partition in list(partitions):
            task = self._restores.pop(partition, None)
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await self._stop_beating([partition])
            keeper = self._keepers.pop(partition, None)
            if keeper is not None:
                await keeper.close()

    async def stand_by(self, partitions: Iterable[int]) -> None:
        """Follow exactly these, which are in others' care, onto our disk."""
        wanted = set(partitions) - self.partitions
        await self._stop_standing_by(self._standbys.keys() - wanted)
        for partition in wanted - self._standbys.keys():
            self._standbys[partition] = Standby(partition, self._care.ports, self._care.layout)
            logger.info("standing by for partition %d", partition)

    async def _stop_standing_by(self, partitions: Iterable[int]) -> None:
        for partition in list(partitions):
            await self._standbys.pop(partition).close()

    async def _follow(self) -> None:
        for standby in list(self._standbys.values()):
            await standby.follow()

    async def close(self) -> None:
        """Let go of everything."""
        await self.let_go(self.partitions)
        await self._stop_standing_by(self._standbys)

    def position(self, topic: str, partition: int) -> int | None:
        """The offset of the next record wanted; None where the partition is not in our care, or not restored yet."""
        keeper = self._keepers.get(partition)
        return keeper.position(topic) if keeper is not None and keeper.restored else None

    async def take(self, batch: Batch) -> None:
        """Apply a batch. Never raises: see `failure`."""
        keeper = self._keepers.get(batch.partition)
        if keeper is not None and keeper.restored and not self._on_hold:
            await self._guard(keeper.take(batch))
            if len(batch.records) >= BATCH_RECORDS_MAX:
                self._in_full_batches += len(batch.records)
            await self._care.ports.clock.sleep(0)  # with more batches waiting, nobody else would have a turn
        # Else it was fetched before a rebalance: after it, reading goes on at our position, or at another worker's.

    async def checkpoint(self) -> None:
        """Make all that was applied durable. Raises what the ports raise."""
        await asyncio.gather(*(keeper.checkpoint() for keeper in list(self._keepers.values())))

    async def _checkpoint_unless_on_hold(self) -> None:
        if not self._on_hold:
            await self.checkpoint()

    async def commit(self) -> None:
        """A checkpoint for those who must not fail by it: see `failure`."""
        await self._guard(self.checkpoint())

    async def _look_around(self) -> None:
        for keeper in list(self._keepers.values()):
            was_caught_up = keeper.caught_up
            await keeper.look_around()
            if keeper.caught_up and not was_caught_up:
                self._give_sign(keeper)  # gateways wait for it
        keepers = self._keepers.values()
        if keepers and all(keeper.caught_up for keeper in keepers) and not self.ready.is_set():
            self.ready.set()
            logger.info("ready: %d partitions read to their end", len(keepers))
            self._when_ready()
        if any(keeper.stopped for keeper in keepers):
            self.ready.clear()

    async def _look_at_topics(self) -> None:
        """See that the topics are what they were, and the partitions' state what we wrote."""
        layout = self._care.layout
        try:
            if layout.partitions is not None:
                counts = await self._care.ports.log.partition_counts(topics_of(layout))
                self._check_counts({topic: count for topic, count in counts.items() if count != layout.partitions})
            for keeper in list(self._keepers.values()):
                await keeper.check_still_ours()
        except BrokerUnreachable as trouble:
            logger.debug("can't look at the topics: %s", trouble)  # whoever needs the broker says so

    def _check_counts(self, changed: Mapping[str, int]) -> None:
        """Nothing is taken any more where keys may find other partitions than their systems' state lies in."""
        if not changed:
            return
        self._on_hold = True
        trouble = PartitionsChanged(changed, self._care.layout.partitions or 0)
        logger.critical("%s", trouble)
        self.fail(trouble)

    async def _catch_up(self) -> None:
        await asyncio.gather(*(keeper.catch_up() for keeper in list(self._keepers.values())))

    def _ticks_pause(self) -> float:
        """Short while some are under way: after an outage one follows on the other, and all are overdue."""
        return TICKS_SOON_S if any(keeper.awaits_ticks for keeper in self._keepers.values()) else TICKS_EVERY_S

    async def _append_ticks(self) -> None:
        if self._on_hold or not self._can_give_ticks():
            return
        for keeper in list(self._keepers.values()):
            await keeper.append_ticks()

    def _can_give_ticks(self) -> bool:
        """Whether the key ring, as it is now, can seal them; said whenever that is no longer so."""
        before, self._gives_ticks = self._gives_ticks, self._care.ring.has_current(Kind.TICK)
        if before and not self._gives_ticks:
            logger.warning(
                "the key ring has no current key for TICK: systems that fall silent get no ticks, so their lost "
                "contact is not noticed and their blasts do not close. `stateserver keys new` makes one"
            )
        return self._gives_ticks

    async def _beat(self) -> None:
        """Have each partition give a sign of life, but those that still wait for Kafka with the last one."""
        for keeper in self._keepers.values():
            self._give_sign(keeper)

    def _give_sign(self, keeper: PartitionKeeper) -> None:
        under_way, ours = self._beats.get(keeper.partition), self._keepers.get(keeper.partition) is keeper
        if ours and (under_way is None or under_way.done()) and not (self._on_hold and keeper.restored):
            self._beats[keeper.partition] = asyncio.create_task(self._sign_of(keeper))

    async def _sign_of(self, keeper: PartitionKeeper) -> None:
        await self._guard(keeper.beat())

    async def _stop_beating(self, partitions: Iterable[int]) -> None:
        beats = [self._beats.pop(partition) for partition in list(partitions) if partition in self._beats]
        for beat in beats:
            beat.cancel()
        await asyncio.gather(*beats, return_exceptions=True)

    def verdict(self) -> Verdict:
        """How it is with all that is in its care."""
        if self.failure.done():
            return Verdict(WorkerCondition.ENDING)
        verdict = judge(self._keepers.values(), self._care.ports.clock.now_ms())
        if verdict.condition in (WorkerCondition.STOPPED, WorkerCondition.RESTORING):
            return verdict
        if not self._given_a_part:
            return Verdict(WorkerCondition.WAITING_FOR_GROUP)
        return Verdict(WorkerCondition.REBALANCING, tuple(sorted(self._keepers))) if self._on_hold else verdict

    async def stop_loops(self) -> None:
        """Do nothing more by itself."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._stop_beating(self._beats)
