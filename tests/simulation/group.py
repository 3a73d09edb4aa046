"""The group: who reads which partitions of the journal. Its coordinator, and a member as Faust plays it.

A member that was silent for too long is thrown out, and does not know it before it asks: until then it believes that
its partitions are its own.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from random import Random

from stateserver.stream.ports import Batch, Progress
from stateserver.stream.worker import Worker
from tests.simulation.kafka import Broker, Place
from tests.simulation.loop import NOBODY

SESSION_S = 1.0
HEARTBEAT_S = 0.2
REBALANCE_S = 0.8
POLL_S = 0.08
WAITING_MAX = 4


class Coordinator:
    """Gives each partition number, in all topics, to one member of a generation."""

    def __init__(self, broker: Broker, random: Random, partitions: int, *, standbys: bool) -> None:
        self.generation = 0
        self.assigned: dict[str, set[int]] = {}
        self._broker = broker
        self._random = random
        self._partitions = partitions
        self._with_standbys = standbys
        self._seen: dict[str, float] = {}
        self._joining: dict[str, asyncio.Future[tuple[int, set[int]]]] = {}
        self._rebalancing = False

    def join(self, member: str) -> asyncio.Future[tuple[int, set[int]]]:
        """Ask for a part. The result is the generation and the partitions."""
        loop = asyncio.get_running_loop()
        self._seen[member] = loop.time()
        joined = self._joining[member] = loop.create_future()
        if not self._rebalancing:
            self._rebalance()
        if self.assigned.keys() <= self._joining.keys():
            loop.call_soon(self._complete, self.generation, context=NOBODY)
        return joined

    def _rebalance(self) -> None:
        self._rebalancing = True
        loop = asyncio.get_running_loop()
        loop.call_later(REBALANCE_S, self._complete, self.generation, context=NOBODY)

    def _complete(self, generation: int) -> None:
        if generation != self.generation or not self._rebalancing:
            return
        joining, self._joining = self._joining, {}
        members = sorted(joining)
        self._random.shuffle(members)
        self.generation += 1
        self._rebalancing = False
        self.assigned = {member: set() for member in members}
        for partition in range(self._partitions) if members else ():
            self.assigned[members[partition % len(members)]].add(partition)
        self._broker.trace.say(f"generation {self.generation}: {dict(sorted(self.assigned.items()))}")
        for member, joined in joining.items():
            self._watch(member, self.generation)
            if not joined.done():
                joined.set_result((self.generation, self.assigned[member]))

    def _watch(self, member: str, generation: int) -> None:
        """Throw it out once it is silent for too long."""
        if member not in self.assigned or generation != self.generation:
            return
        loop = asyncio.get_running_loop()
        silent_s = loop.time() - self._seen[member]
        if silent_s >= SESSION_S:
            self._broker.trace.say(f"{member} is taken for dead")
            self.leave(member)
            return
        loop.call_later(SESSION_S - silent_s + 0.001, self._watch, member, generation, context=NOBODY)

    def heartbeat(self, member: str, generation: int) -> bool:
        """Whether the member may go on as it is."""
        self._seen[member] = asyncio.get_running_loop().time()
        return member in self.assigned and generation == self.generation and not self._rebalancing

    def leave(self, member: str) -> None:
        """No longer there."""
        self._joining.pop(member, None)
        if self.assigned.pop(member, None) is not None and not self._rebalancing:
            self._rebalance()

    def standbys(self, member: str) -> set[int]:
        """The partitions that a member follows: those of the one before it."""
        members = sorted(self.assigned)
        if not self._with_standbys or len(members) < 2 or member not in members:
            return set()
        return set(self.assigned[members[members.index(member) - 1]])

    def commit(self, member: str, generation: int, positions: Mapping[Place, int]) -> None:
        """Take positions of a member of this generation; what others say is passed over."""
        if member in self.assigned and generation == self.generation:
            self._broker.commit(positions)


class Member:
    """Reads for one worker, as Faust does: `Journal`, and who hands it batches and partitions.

    `loses` tells how often a batch never comes, at present.
    """

    def __init__(
        self,
        name: str,
        broker: Broker,
        coordinator: Coordinator,
        topics: tuple[str, ...],
        random: Random,
        loses: Callable[[], float],
    ) -> None:
        self.name = name
        self.worker: Worker
        self._broker = broker
        self._coordinator = coordinator
        self._topics = topics
        self._random = random
        self._loses = loses
        self._generation = 0
        self._partitions: set[int] = set()
        self._reading = False
        self._read: dict[Place, int] = {}
        self._follows: dict[Place, int] = {}
        self._waiting: asyncio.Queue[Batch] = asyncio.Queue(WAITING_MAX)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Join, and go on."""
        self._tasks = [asyncio.create_task(each) for each in (self._belong(), self._fetch(), self._feed())]

    async def stop(self) -> None:
        """Leave the group."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._broker.request(lambda: self._coordinator.leave(self.name))

    async def _belong(self) -> None:
        while True:
            self._generation, self._partitions = await (await self._broker.request(self._join))
            assigning = asyncio.create_task(self._begin())
            fine = True
            while fine:
                await asyncio.sleep(HEARTBEAT_S)
                fine = await self._broker.request(lambda: self._coordinator.heartbeat(self.name, self._generation))
            assigning.cancel()
            await asyncio.gather(assigning, return_exceptions=True)
            self._reading = False
            while not self._waiting.empty():
                self._waiting.get_nowait()
            await self.worker.hold()

    def _join(self) -> asyncio.Future[tuple[int, set[int]]]:
        return self._coordinator.join(self.name)

    async def _begin(self) -> None:
        await self.worker.assign(self._partitions)
        if self.worker.failure.done():
            return
        await self.worker.stand_by(self._coordinator.standbys(self.name))
        self._read = {}
        for topic in self._topics:
            for partition in self._partitions:
                position = self.worker.position(topic, partition)
                if position is not None:
                    self._read[topic, partition] = position
        self._follows = dict(self._read)
        self._reading = True

    async def _fetch(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            if not self._reading:
                continue
            wanted = dict(self._read)
            batches = await self._broker.request(partial(self._fetched, wanted))
            for batch in batches:
                place = (batch.topic, batch.partition)
                if not self._reads_on(place, wanted[place]):
                    break
                self._read[place] = batch.next_offset
                if self._random.random() < self._loses():
                    self._follows[place] = batch.next_offset
                    continue
                follows, self._follows[place] = self._follows[place], batch.next_offset
                for _ in range(1 if self._random.random() < 0.95 else 2):
                    await self._waiting.put(batch._replace(follows=follows))

    def _reads_on(self, place: Place, position: int) -> bool:
        """Whether it still reads there, and not from elsewhere since a rebalance."""
        return self._reading and self._read.get(place) == position

    def _fetched(self, wanted: Mapping[Place, int]) -> list[Batch]:
        batches = []
        for (topic, partition), position in wanted.items():
            there = self._broker.partition(topic, partition)
            lines = there.visible(position, there.end)[: self._random.choice([1, 4, 20])]
            if lines:
                batches.append(Batch(topic, partition, 0, lines))
        return batches

    async def _feed(self) -> None:
        while True:
            await self.worker.take(await self._waiting.get())

    # Journal.

    async def commit(self, positions: Mapping[Place, int]) -> None:
        await self._broker.request(lambda: self._coordinator.commit(self.name, self._generation, positions))

    async def progress(self, topic: str, partition: int) -> Progress | None:
        place = (topic, partition)
        if not self._reading or place not in self._read:
            return None
        there = self._broker.partition(topic, partition)
        end = await self._broker.request(lambda: there.end)
        read = self._read.get(place)
        return None if read is None else Progress(read, self._follows[place], end)
