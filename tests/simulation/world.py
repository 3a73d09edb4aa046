"""A run: a cluster and its troubles, from one seed to a verdict."""

import asyncio
import logging
from random import Random

from stateserver.domain.deadlines import next_deadline
from stateserver.domain.records import FrameRecord
from stateserver.stream import keeper, partition
from stateserver.stream.keeper import PartitionKeeper
from stateserver.stream.ports import Row
from tests.simulation.group import Coordinator
from tests.simulation.kafka import TRANSACTION_S_MAX, Broker
from tests.simulation.loop import LostItsWay, SimulatedLoop
from tests.simulation.oracle import Truth, Verdict, Watch
from tests.simulation.processes import Machine, Operator
from tests.simulation.scenario import BEGINNING_MS, Line, Scenario
from tests.simulation.trace import Trace
from tests.stream.journals import RING, LogLine, last_values, sealed
from tests.stream.withdrawn import FORMAT, LATE_RING, of_format

SETTLES_WITHIN_S = 90.0
SILENCE_MS = 700_000
SILENCES_MAX = 30


class Failed(AssertionError):
    """A seed that shows a fault, and how."""

    def __init__(self, scenario: Scenario, violations: list[str], trace: Trace) -> None:
        told = "\n".join(trace.lines())
        wrong = "\n".join(f"* {violation}" for violation in violations)
        super().__init__(f"{told}\n\n{scenario.shown()}\n{wrong}\nAgain: make simulate SEEDS={scenario.seed}")
        self.violations = violations


class World:
    """Everything in one run."""

    def __init__(self, scenario: Scenario, trace: Trace) -> None:
        self.scenario = scenario
        self.random = Random(f"world {scenario.seed}")
        self.trace = trace
        self.broker = Broker(self.random, trace, transactions=scenario.transactions)
        self.broker.jumped_ms = BEGINNING_MS
        self.watch = Watch(self.broker, scenario.layout, changelog_is_damaged=scenario.damage == "changelog")
        self.coordinator = Coordinator(self.broker, self.random, scenario.partitions, standbys=scenario.standbys)
        self.machines = [
            Machine(number, scenario, self.broker, self.coordinator, self.random) for number in range(scenario.workers)
        ]
        self.operator = Operator(scenario, self.broker, self.random)
        self.journal: dict[tuple[str, int], list[LogLine]] = {}

    async def run(self) -> None:
        """From the first start to the verdict."""
        self.random.choice(self.machines).start()
        feeding = asyncio.create_task(self._feed())
        await self._have_accidents()
        await feeding
        self._calm()
        await self._settle()
        self._keep_journal()
        if not self.trace.violations:
            truth = Truth(self.journal)
            verdict = Verdict(self.broker, self.scenario.layout, truth, self.watch)
            verdict.give(self.machines, changelog_is_damaged=self.scenario.damage == "changelog")

    async def _feed(self) -> None:
        """Packet Servers append what the site says; the time of the site is the time of the world."""
        for line, late in zip(self.scenario.lines, self.scenario.late, strict=True):
            if self.random.random() < 0.15:
                await asyncio.sleep(self.random.choice([0.05, 0.2, 0.6]))
            ahead = line.record.created_at - self.broker.now_ms()
            if ahead > 0:
                self.broker.jumped_ms += ahead
            self.broker.put((line.topic, line.partition), [_sealed(line, late=late)], ())
            self.trace.say(f"{type(line.record).__name__} of {line.system} in {line.topic}/{line.partition}")

    async def _have_accidents(self) -> None:
        for number in range(self.scenario.accidents):
            await asyncio.sleep(self.random.expovariate(2.5))
            if self.scenario.upgrade_at == number:
                await self._upgrade()
            self._accident()

    async def _upgrade(self) -> None:
        """All workers are stopped, and those of the next release find the state of the one before."""
        self.trace.say("the next release comes")
        for machine in self.machines:
            machine.wanted_before, machine.wanted = machine.wanted, False
            machine.kill()
        while self.operator.running:
            await asyncio.sleep(0.1)
        await asyncio.sleep(TRANSACTION_S_MAX)  # what the dead left open is struck out
        self.broker.stormy, storms = False, self.scenario.storms
        untold = [number for number in range(self.scenario.partitions) if not self._of_an_older_format(number)]
        self.operator.quiet = True
        if untold:
            self.operator.rebuild(untold)
        while self.operator.running:
            await asyncio.sleep(0.1)
            self.broker.stormy = False
        self.operator.quiet, self.scenario.storms = False, storms
        for machine in self.machines:
            machine.upgrade()
            if machine.wanted_before:
                machine.start()

    def _of_an_older_format(self, number: int) -> bool:
        """Make its state another release's. False where nothing in it tells: it is of no system yet."""
        there = self.broker.partition(self.scenario.layout.state, number)
        for at, stored in enumerate(there.records):
            value = stored.line.value
            if value is not None and FORMAT in value:
                there.records[at] = stored._replace(line=stored.line._replace(value=of_format(value, -1)))
        live = last_values(there.visible(0, there.end))
        return any(FORMAT in value for value in live.values())

    def _accident(self) -> None:
        scenario, machine = self.scenario, self.random.choice(self.machines)
        possible = [lambda: self._come_or_go(machine)] * 3 + [machine.kill, lambda: machine.kill(power=True)]
        if scenario.pause_every:
            possible.append(machine.pause)
        if scenario.storms:
            possible += [self._storm] * 2
        if scenario.disk_troubles:
            possible += [lambda: self._fill(machine), lambda: self._damage_disk(machine)]
        if scenario.compaction:
            possible += [self._compact] * 2
        if scenario.rebuilds:
            possible += [self._rebuild] * 2
        if scenario.damage is not None:
            possible.append(self._damage_changelog if scenario.damage == "changelog" else self._retention)
        self.random.choice(possible)()

    def _come_or_go(self, machine: Machine) -> None:
        if not machine.running and not machine.wanted:
            machine.start()
        elif machine.running and sum(other.running for other in self.machines) > 1:
            machine.stop()
        else:
            self.random.choice(self.machines).kill()

    def _rebuild(self) -> None:
        if not self.operator.running:
            count = self.random.randint(1, self.scenario.partitions)
            self.operator.rebuild(self.random.sample(range(self.scenario.partitions), count))

    def _storm(self) -> None:
        self.broker.stormy = True
        self.trace.say("the broker is in trouble")
        asyncio.get_running_loop().call_later(self.random.choice([0.2, 1.0, 2.0]), self._storm_is_over)

    def _storm_is_over(self) -> None:
        self.broker.stormy = False
        self.trace.say("the broker is well")

    def _fill(self, machine: Machine) -> None:
        machine.disk.full = not machine.disk.full
        self.trace.say(f"disk {machine.number} is {'full' if machine.disk.full else 'no longer full'}")

    def _damage_disk(self, machine: Machine) -> None:
        machine.kill()
        machine.disk.damage()

    def _damage_changelog(self) -> None:
        """Spoil a row that a restore needs."""
        there = self.broker.partition(self.scenario.layout.state, self.random.randrange(self.scenario.partitions))
        last = {line.key: line.offset for line in there.visible(0, there.end) if line.value is not None}
        if not last:
            return
        spoilt = self.random.choice(sorted(last.values()))
        for at, (line, transaction) in enumerate(there.records):
            if line.offset == spoilt:
                there.records[at] = there.records[at]._replace(
                    line=line._replace(value=(line.value or b"")[:-1] + b"?")
                )
                self.trace.say(f"offset {spoilt} of the changelog is damaged: {line.key!r}, {transaction is None}")

    def _compact(self) -> None:
        layout = self.scenario.layout
        for (topic, number), there in self.broker.partitions.items():
            if topic in {layout.state, layout.topics.units, layout.topics.blasts, layout.topics.systems}:
                below = self.random.randint(0, there.end)
                self.trace.say(f"{topic}/{number} is compacted below {below}")
                there.compact(below)

    def _keep_journal(self) -> None:
        """What was appended to the journal, also after it is no longer there."""
        for place, there in self.broker.partitions.items():
            if place[0] in self.scenario.layout.journals:
                kept = self.journal.setdefault(place, [])
                after = kept[-1].offset if kept else -1
                kept += [line for line in there.visible(0, there.end) if line.offset > after]

    def _retention(self) -> None:
        """Delete the beginning of the journal, as far as it was applied."""
        self._keep_journal()
        for place, position in self.watch.durable.items():
            start = self.random.randint(0, position)
            self.trace.say(f"{place} is trimmed to {start}")
            self.broker.partition(*place).trim(start)

    def _calm(self) -> None:
        """The troubles are over, but for disks that stay full."""
        self.trace.say("the troubles are over")
        self.broker.stormy = False
        for machine in self.machines:
            machine.quiet = True
            if machine.process is not None:
                machine.process.fuse = -1
                if machine.process.paused:
                    machine._resume(machine.process)
            machine.disk.full = machine.disk.full and self.random.random() < 0.3
        self.scenario.loses = 0
        if self.operator.process is not None:
            self.operator.process.fuse = -1
        if not any(machine.wanted for machine in self.machines):
            self.machines[0].start()

    async def _settle(self) -> None:
        """Until everything is applied and durable, then what falls due in long silences too."""
        for _ in range(SILENCES_MAX):
            await self._come_to_rest()
            if self.trace.violations or not self._deadlines():
                return
            self.broker.jumped_ms += SILENCE_MS
            self.trace.say("a long silence")
            await asyncio.sleep(0.6)
        self.trace.violate(f"something is still due after long silences: {self._deadlines()}")

    async def _come_to_rest(self) -> None:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + SETTLES_WITHIN_S
        while not self.trace.violations and (unrest := self._unrest()) is not None:
            if loop.time() > give_up:
                self.trace.violate(f"it does not come to rest: {unrest}")
            await asyncio.sleep(0.3)

    def _unrest(self) -> str | None:
        """What is yet to be done, None where nothing is."""
        if self.operator.running:
            return "somebody rebuilds"
        cared_for = sorted(keeper.partition for machine in self.machines for keeper in machine.keepers)
        if cared_for != list(range(self.scenario.partitions)):
            return f"partitions in care: {cared_for}"
        reasons = [self._unrest_of(machine, keeper) for machine in self.machines for keeper in machine.keepers]
        return next(filter(None, reasons), None)

    def _unrest_of(self, machine: Machine, keeper: PartitionKeeper) -> str | None:
        number, restored = keeper.partition, keeper._restored
        if keeper.stopped is not None:
            self.trace.violate(f"partition {number} stopped: {keeper.stopped}")
        if restored is None or keeper._checkpointing.locked():
            return f"partition {number} is restored, or being written"
        if restored.marker.era < self.watch.era_of_state(number):
            return f"partition {number} was withdrawn, and its worker doesn't know it yet"
        if restored.processor.moved or restored.processor.unpublished:
            return f"partition {number} is not written"
        for topic in self.scenario.layout.journals:
            end = self.broker.partition(topic, number).end
            committed = self.broker.committed.get((topic, number))
            position = keeper.position(topic)
            # Without transactions a member that was thrown out can't commit: the next record's checkpoint does.
            if position != end or (committed != end and end > 0 and self.broker.transactions):
                return f"{topic}/{number} ends at {end}, is applied to {position}, committed to {committed}"
        for copy in (restored.state, restored.units):
            if copy.behind and not machine.disk.full and not copy._given_up:
                return f"table {copy._table}/{number} on disk {machine.number} is behind"
        return None

    def _deadlines(self) -> list[str]:
        """Systems with something due that a tick has yet to come for."""
        return [
            name
            for machine in self.machines
            for keeper in machine.keepers
            for name, tracked in keeper._processor.systems.items()
            if tracked.frame_appended_at is not None and next_deadline(tracked.system) is not None
        ]


def _sealed(line: Line, *, late: bool) -> Row:
    """As it comes; `late`: with a key that workers lack before the next release."""
    return sealed(line.record, line.system, LATE_RING if late and isinstance(line.record, FrameRecord) else RING)


def run_seed(seed: int, trace: Trace | None = None) -> Trace:
    """One run. Raises Failed."""
    trace = trace or Trace()
    scenario = Scenario(seed)
    loop = SimulatedLoop(Random(f"loop {seed}"), in_order=scenario.in_order)
    logging.disable(logging.CRITICAL)
    violations = trace.violations
    usual = keeper.UNCUT_CHANGES_MAX, partition.PUBLISHED_UNITS_MAX
    keeper.UNCUT_CHANGES_MAX, partition.PUBLISHED_UNITS_MAX = scenario.uncut_changes_max, scenario.published_units_max

    async def run() -> None:
        running = asyncio.create_task(World(scenario, trace).run())
        while not running.done() and not violations:
            await asyncio.wait({running}, timeout=0.5)
        if running.done():
            running.result()

    try:
        loop.run_until_complete(run())
    except LostItsWay as lost:
        violations.append(str(lost))
    finally:
        keeper.UNCUT_CHANGES_MAX, partition.PUBLISHED_UNITS_MAX = usual
        logging.disable(logging.NOTSET)
        loop.dispose()
    if violations:
        raise Failed(scenario, violations, trace)
    return trace
