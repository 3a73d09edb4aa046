"""A world in memory to run a worker's production code in: a log, stores and a clock that can be stopped at any step.

`Power` counts the steps that reach outside (appends, writes, commits). Cut at a step, that step and all later ones
fail, or just miss their answer, as when a process is killed.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence

from stateserver.stream.errors import Fenced, StoreUnusable
from stateserver.stream.kafka_pen import PlainPen
from stateserver.stream.ports import Bounds, Headers, LogRecord, Pen, Ports, Progress, Row, Sheet
from tests.stream.journals import LogLine

READ_BATCH = 7


class PowerCut(Exception):
    """The process is dead."""


class Power:
    """Cut at a given step: `late` says whether that step still takes effect outside."""

    def __init__(self, cut_at: int | None = None, *, late: bool = False) -> None:
        self.steps = 0
        self._cut_at = cut_at
        self._late = late

    def before(self) -> None:
        """A step begins."""
        self.steps += 1
        if self._cut_at is not None and (self.steps > self._cut_at or (self.steps == self._cut_at and not self._late)):
            raise PowerCut

    def after(self) -> None:
        """Its answer comes back."""
        if self._cut_at is not None and self.steps >= self._cut_at:
            raise PowerCut


class SimulatedLog:
    """`Log`: what outlives the worker lies in `topics`."""

    def __init__(self, topics: dict[tuple[str, int], list[LogLine]], power: Power) -> None:
        self.topics = topics
        self.power = power
        self.now_ms = 0
        self.pens: dict[int, int] = {}
        # Where pens commit the group's positions; without, there are no transactions.
        self.positions: dict[tuple[str, int], int] | None = None
        self.starts: dict[tuple[str, int], int] = {}
        self.partitions = 4

    async def take_pen(self, partition: int) -> Pen:
        self.power.before()
        if self.positions is None:
            return PlainPen(self.append, partition)
        return SimulatedPen(self, partition, self.positions)

    async def append(self, topic: str, partition: int, rows: Sequence[Row], headers: Headers = ()) -> int:
        # Cut off, some of the rows may be there already.
        lines = self.topics.setdefault((topic, partition), [])
        for row in rows:
            self.power.before()
            lines.append(LogLine(len(lines), self.now_ms, row.key, row.value, (*headers, *row.headers)))
            await asyncio.sleep(0)
        self.power.after()
        return len(lines)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        return Bounds(self.starts.get((topic, partition), 0), len(self.topics.get((topic, partition), ())))

    async def committed(self, topic: str, partition: int) -> int | None:
        return None if self.positions is None else self.positions.get((topic, partition))

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        self.power.before()
        self.starts[topic, partition] = max(offset, self.starts.get((topic, partition), 0))
        self.power.after()

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        return dict.fromkeys(topics, self.partitions)

    def held(self, topic: str, partition: int) -> list[LogLine]:
        """What was not deleted."""
        return self.topics.get((topic, partition), [])[self.starts.get((topic, partition), 0) :]

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[LogRecord]]:
        assert start >= self.starts.get((topic, partition), 0), "read where nothing is any more"
        lines = self.topics.get((topic, partition), [])[start:end]
        for at in range(0, len(lines), READ_BATCH):
            yield lines[at : at + READ_BATCH]


class SimulatedPen:
    """`Pen` with transactions: all or nothing, and fenced by whoever takes it next."""

    commits = True

    def __init__(self, log: SimulatedLog, partition: int, committed: dict[tuple[str, int], int]) -> None:
        self._log = log
        self._partition = partition
        self._committed = committed
        self._number = log.pens[partition] = log.pens.get(partition, 0) + 1

    async def write(self, sheets: Sequence[Sheet], positions: Mapping[tuple[str, int], int]) -> dict[str, int]:
        log = self._log
        for _ in range(3):  # the transaction is begun, filled, and ended
            log.power.before()
            await asyncio.sleep(0)
        if log.pens[self._partition] != self._number:
            raise Fenced(self._partition)
        ends = {}
        for topic, rows, headers in sheets:
            if rows:
                lines = log.topics.setdefault((topic, self._partition), [])
                lines += [
                    LogLine(len(lines) + at, log.now_ms, row.key, row.value, (*headers, *row.headers))
                    for at, row in enumerate(rows)
                ]
                ends[topic] = len(lines)
        self._committed.update(positions)
        log.power.after()
        return ends

    async def close(self) -> None:
        pass


class SimulatedStore:
    """`PartitionStore`: rows and position change together."""

    def __init__(self, power: Power, stores: "SimulatedStores") -> None:
        self.power = power
        self.stores = stores
        self.table: dict[bytes, bytes] = {}
        self.position = 0
        self.lineage = b""

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted(self.table.items()))

    async def write(self, rows: Iterable[Row], position: int, lineage: bytes) -> None:
        self.power.before()
        if self.stores.full:
            raise StoreUnusable("a full disk", "no space left")
        for key, value, _ in rows:
            assert key is not None
            if value is None:
                self.table.pop(key, None)
            else:
                self.table[key] = value
        self.position, self.lineage = position, lineage
        self.power.after()

    async def clear(self) -> None:
        self.power.before()
        self.table.clear()
        self.position, self.lineage = 0, b""
        self.power.after()


class SimulatedStores:
    """`Stores`: a disk, that may be full."""

    def __init__(self, power: Power) -> None:
        self.power = power
        self.full = False
        self.disk: dict[tuple[str, int], SimulatedStore] = {}

    def open(self, table: str, partition: int) -> SimulatedStore:
        return self.disk.setdefault((table, partition), SimulatedStore(self.power, self))

    def close(self, table: str, partition: int) -> None:
        pass


class SimulatedJournal:
    """`Journal`: what was committed, and an end that the test sets."""

    def __init__(self, power: Power) -> None:
        self.power = power
        self.committed: dict[tuple[str, int], int] = {}
        self.seen: dict[tuple[str, int], Progress] = defaultdict(lambda: Progress(0, 0, 0))

    async def commit(self, positions: Mapping[tuple[str, int], int]) -> None:
        self.power.before()
        self.committed.update(positions)
        self.power.after()

    async def progress(self, topic: str, partition: int) -> Progress | None:
        return self.seen[topic, partition]


class SimulatedClock:
    """`Clock` that a test moves."""

    def __init__(self) -> None:
        self.time_ms = 1_000_000

    def now_ms(self) -> int:
        return self.time_ms

    async def sleep(self, seconds: float) -> None:
        self.time_ms += int(seconds * 1000)
        await asyncio.sleep(0)


class World:
    """All of it. `restart` gives a new process the same log and, if it is kept, the same disk."""

    def __init__(self, *, transactions: bool = False) -> None:
        self.log = SimulatedLog({}, Power())
        self.stores = SimulatedStores(Power())
        self.journal = SimulatedJournal(Power())
        self.clock = SimulatedClock()
        if transactions:
            self.log.positions = self.journal.committed

    def restart(self, power: Power, *, keep_disk: bool) -> None:
        """Power comes back."""
        if not keep_disk:
            self.stores.disk.clear()
        self.log.power = self.stores.power = self.journal.power = power
        for store in self.stores.disk.values():
            store.power = power

    @property
    def ports(self) -> Ports:
        return Ports(self.log, self.journal, self.stores, self.clock)
