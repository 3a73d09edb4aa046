"""A worker's disk: it may be full, lose its last writes with the power, be damaged, or be gone."""

import asyncio
from collections.abc import Iterable, Iterator
from random import Random
from typing import NamedTuple

from stateserver.stream.errors import StoreUnusable
from stateserver.stream.ports import PartitionStore, Row
from tests.simulation.loop import NOBODY
from tests.simulation.trace import Trace

UNSYNCED_MAX = 4
"""Writes that a power cut may take back."""


class Table(NamedTuple):
    """What lies in one table's files."""

    rows: dict[bytes, bytes]
    position: int = 0
    lineage: bytes = b""


class Disk:
    """What outlives a process: each table's last states, the newest last. A crash keeps it, a power cut not all."""

    def __init__(self, random: Random, trace: Trace) -> None:
        self.full = False
        self.tables: dict[tuple[str, int], list[Table]] = {}
        self.damaged: set[tuple[str, int]] = set()
        """Those that nobody has deleted since. Whoever restores from one finds out; nobody else looks."""
        self.trace = trace
        self.random = random

    def replaced(self) -> "Disk":
        """An empty one in its place."""
        fresh = Disk(self.random, self.trace)
        fresh.full = self.full
        return fresh

    def newest(self, table: str, partition: int) -> Table:
        return self.tables.setdefault((table, partition), [Table({})])[-1]

    def without_power(self) -> "Disk":
        """What is left when it comes back: of each table some of the last writes are gone, as they were not synced."""
        left = self.replaced()
        left.damaged = set(self.damaged)
        left.tables = {place: states[: self.random.randint(1, len(states))] for place, states in self.tables.items()}
        return left

    def damage(self) -> None:
        """Spoil a row of some state table."""
        for (table, partition), states in self.tables.items():
            newest = states[-1]
            if table == "state" and newest.rows:
                key = self.random.choice(sorted(newest.rows))
                rows = {**newest.rows, key: newest.rows[key][:-1] + b"?"}
                states[-1] = newest._replace(rows=rows)
                self.damaged.add((table, partition))
                self.trace.say(f"row {key!r} of {table}/{partition} is damaged")


class SimulatedStore:
    """`PartitionStore`: rows and position change together, as if in a thread that ends even if nobody waits for it."""

    def __init__(self, disk: Disk, table: str, partition: int) -> None:
        self._disk = disk
        self._place = (table, partition)
        _, self._position, self._lineage = disk.newest(table, partition)
        self.closed = False

    @property
    def position(self) -> int:
        return self._position

    @property
    def lineage(self) -> bytes:
        return self._lineage

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        assert not self.closed, "read after it was closed"
        return iter(sorted(self._disk.newest(*self._place).rows.items()))

    async def write(self, rows: Iterable[Row], position: int, lineage: bytes) -> None:
        await self._become(list(rows), position, lineage)

    async def clear(self) -> None:
        await self._become(None, 0, b"")

    async def _become(self, changed: list[Row] | None, position: int, lineage: bytes) -> None:
        disk, loop = self._disk, asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()

        def write() -> None:
            trouble = self._write(changed, position, lineage)
            if written.done():
                return
            if trouble is None:
                written.set_result(None)
            else:
                written.set_exception(trouble)

        loop.call_later(disk.random.choice([0, 0, 0.001, 0.02]), write, context=NOBODY)
        await written
        self._position, self._lineage = position, lineage

    def _write(self, changed: list[Row] | None, position: int, lineage: bytes) -> StoreUnusable | None:
        if self.closed or self._disk.full:
            return StoreUnusable("files", "closed" if self.closed else "no space left")
        rows = {} if changed is None else dict(self._disk.newest(*self._place).rows)
        if changed is None:
            self._disk.damaged.discard(self._place)
        for key, value, _ in changed or ():
            assert key is not None
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
        states = self._disk.tables[self._place]
        states.append(Table(rows, position, lineage))
        del states[:-UNSYNCED_MAX]
        return None


class SimulatedStores:
    """`Stores` of one process."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._open: dict[tuple[str, int], SimulatedStore] = {}

    def open(self, table: str, partition: int) -> PartitionStore:
        place = (table, partition)
        if place not in self._open:
            if self._disk.full and self._disk.random.random() < 0.5:
                raise StoreUnusable("a full disk", "no space left")
            self._open[place] = SimulatedStore(self._disk, table, partition)
        return self._open[place]

    def close(self, table: str, partition: int) -> None:
        store = self._open.pop((table, partition), None)
        if store is not None:
            store.closed = True
