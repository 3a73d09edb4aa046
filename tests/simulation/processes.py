"""Worker processes: the production code over simulated ports, started, killed, paused, and started again."""

import asyncio
from collections.abc import Collection
from random import Random

from stateserver.stream.errors import (
    AppendFailed,
    BrokerUnreachable,
    CannotRebuild,
    Fenced,
    PartitionStuck,
    RecordsLost,
)
from stateserver.stream.keeper import Care, PartitionKeeper
from stateserver.stream.metrics import Metrics
from stateserver.stream.place import Place
from stateserver.stream.ports import Ports
from stateserver.stream.rebuild import check_rebuild, rebuild_partition
from stateserver.stream.worker import Worker
from tests.simulation.disk import Disk, SimulatedStores
from tests.simulation.group import Coordinator, Member
from tests.simulation.kafka import Broker
from tests.simulation.log import SimulatedLog
from tests.simulation.loop import NOBODY, Process, SimulatedLoop
from tests.simulation.scenario import Scenario
from tests.stream.withdrawn import FORMAT, FULL_RING, SHORT_RING, of_format

LATENESS_MS = 5_000
STOP_WITHIN_S = 4.5
MAY_END_WITH = (AppendFailed, BrokerUnreachable, Fenced, PartitionStuck, RecordsLost)
"""What a worker may fail with: it is started again, and goes on. Everything else is a fault of ours."""


class SimulatedClock:
    """`Clock`: the broker's, which everyone shares."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def now_ms(self) -> int:
        return self._broker.now_ms()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Operator:
    """Somebody who runs `stateserver rebuild`, each time in a process of its own, which may die at any await."""

    def __init__(self, scenario: Scenario, broker: Broker, random: Random) -> None:
        self.process: Process | None = None
        self.quiet = False
        self._scenario = scenario
        self._broker = broker
        self._random = random
        self._times = 0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.alive

    def rebuild(self, partitions: Collection[int]) -> None:
        """Begin to."""
        self._times += 1
        process = self.process = Process(f"op.{self._times}", self._kill)
        process.fuse = -1 if self.quiet or self._random.random() < 0.5 else self._random.randint(1, 60)
        self._broker.trace.say(f"rebuilds {sorted(partitions)}", process.name)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        loop.spawn(self._run(process, partitions), process)

    def _kill(self, process: Process) -> None:
        self._broker.trace.say("killed", process.name)
        process.alive = False

    async def _run(self, process: Process, partitions: Collection[int]) -> None:
        """As `stateserver.commands.rebuild` has it."""
        scenario, broker = self._scenario, self._broker
        unordered = frozenset({scenario.layout.state, scenario.layout.topics.units})
        log = SimulatedLog(broker, self._random, unordered, scenario.partitions)
        try:
            for partition in sorted(partitions):
                place = Place(partition, log, scenario.layout)
                await check_rebuild(place, FULL_RING)
                await rebuild_partition(place, broker.now_ms())
        except MAY_END_WITH as trouble:
            broker.trace.say(f"failed: {trouble}")
        except CannotRebuild as trouble:
            broker.trace.say(f"refused: {trouble}")
            if not isinstance(trouble.__cause__, Fenced):
                broker.trace.violate(f"a rebuild was refused: {trouble}")
        process.alive = False


class Machine:
    """A disk, and one worker process after the other that runs on it, as a process manager has it."""

    def __init__(
        self, number: int, scenario: Scenario, broker: Broker, coordinator: Coordinator, random: Random
    ) -> None:
        self.number = number
        self.disk = Disk(random, broker.trace)
        self.process: Process | None = None
        self.worker: Worker | None = None
        self.wanted = False
        self.wanted_before = False
        self.quiet = False
        self._scenario = scenario
        self._broker = broker
        self._coordinator = coordinator
        self._random = random
        self._lives = 0
        self._stop = asyncio.Event()
        self.ring = SHORT_RING if scenario.upgrade else FULL_RING

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.alive

    @property
    def keepers(self) -> list[PartitionKeeper]:
        """Of the partitions in its care."""
        return [] if self.worker is None or not self.running else list(self.worker._keepers.values())

    def _loop(self) -> SimulatedLoop:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        return loop

    def start(self) -> None:
        """A new process on this disk."""
        self.wanted = True
        if self.process is not None:
            self.process.succeeded = True
        self._lives += 1
        name = f"{self.number}.{self._lives}"
        process = self.process = Process(name, self._accident)
        self._set_fuse(process)
        self._stop = asyncio.Event()
        self._broker.trace.say("starts", name)
        self._loop().spawn(self._live(process), process)

    def _set_fuse(self, process: Process) -> None:
        scenario = self._scenario
        rate = sum(1 / every for every in (scenario.kill_every, scenario.pause_every) if every)
        process.fuse = -1 if self.quiet or not rate else 1 + int(self._random.expovariate(rate))

    def _accident(self, process: Process) -> None:
        """At some await."""
        kill, pause = self._scenario.kill_every, self._scenario.pause_every
        if pause and (not kill or self._random.random() < kill / (kill + pause)):
            self.pause()
        else:
            self.kill()

    def pause(self) -> None:
        """It stands still, perhaps so long that it is taken for dead."""
        process = self.process
        if process is None or not process.alive or process.paused:
            return
        process.paused = True
        seconds = self._random.choice([0.1, 1.5, 3.0, 6.0])
        self._broker.trace.say(f"paused for {seconds} s", process.name)
        self._loop().call_later(seconds, self._resume, process, context=NOBODY)

    def _resume(self, process: Process) -> None:
        if process.alive and process.paused:
            self._broker.trace.say("wakes up", process.name)
            self._set_fuse(process)
            self._loop().resume(process)

    def kill(self, *, power: bool = False) -> None:
        """Nothing of it ever runs again. With the power, what the disk had not synced may be gone."""
        if self.process is None or not self.process.alive:
            return
        self._broker.trace.say("power cut" if power else "killed", self.process.name)
        if power:
            self.disk = self.disk.without_power()
        self._end(self.process)

    def _end(self, process: Process) -> None:
        process.alive = False
        if self._random.random() < 0.2 and not self.quiet:
            self._broker.trace.say("its disk is gone", process.name)
            # What is still being written to the old one gets nowhere.
            self.disk = self.disk.replaced()
        self._loop().call_later(0.1 + self._random.expovariate(3), self._start_again, process, context=NOBODY)

    def _start_again(self, process: Process) -> None:
        if self.wanted and self.process is process:
            self.start()

    def upgrade(self) -> None:
        """The next release will be started here, which knows the key that lacked."""
        self.ring = FULL_RING
        for tables in self.disk.tables.values():
            for at, table in enumerate(tables):
                rows = {key: of_format(row, -1) if FORMAT in row else row for key, row in table.rows.items()}
                tables[at] = table._replace(rows=rows)

    def stop(self) -> None:
        """Ask it to end in good order, and do not start it again."""
        self.wanted = False
        self._stop.set()

    async def _live(self, process: Process) -> None:
        """As `stateserver.stream.run` has it."""
        scenario, broker = self._scenario, self._broker
        unordered = frozenset({scenario.layout.state, scenario.layout.topics.units})
        topics = scenario.layout.journals
        member = Member(process.name, broker, self._coordinator, topics, self._random, lambda: scenario.loses)
        log = SimulatedLog(broker, self._random, unordered, scenario.partitions)
        ports = Ports(log, member, SimulatedStores(self.disk), SimulatedClock(broker))
        care = Care(self.ring, ports, scenario.layout, LATENESS_MS, Metrics())
        worker = self.worker = member.worker = Worker(care)
        worker.start_giving_signs()
        member.start()
        worker.start()
        ends = [asyncio.ensure_future(end) for end in (worker.failed(), self._stop.wait())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await worker.stop_loops()
                if not worker.failure.done():
                    await worker.commit()
                await member.stop()
                await worker.close()
        except TimeoutError:
            broker.trace.say("did not stop in time")
        except MAY_END_WITH as trouble:
            worker.fail(trouble)
        self._look_at(worker)
        self._end(process)

    def _look_at(self, worker: Worker) -> None:
        trace = self._broker.trace
        if not worker.failure.done():
            trace.say("ended in good order")
            return
        trouble = worker.failure.result()
        trace.say(f"failed: {type(trouble).__name__}: {trouble}")
        if not isinstance(trouble, MAY_END_WITH):
            trace.violate(f"a worker failed with {type(trouble).__name__}: {trouble}")
