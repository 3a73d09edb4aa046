"""The worker's ports on the simulated broker: `Log`, and pens with and without transactions."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from random import Random

from stateserver.stream.errors import AppendFailed, BrokerUnreachable, Fenced
from stateserver.stream.kafka_pen import PlainPen
from stateserver.stream.ports import Bounds, Headers, LogRecord, Pen, Row, Sheet
from tests.simulation.kafka import Broker, Lost, Place, Transaction


class SimulatedLog:
    """`Log` of one process. `unordered` topics are compacted: there the order of different keys says nothing."""

    def __init__(self, broker: Broker, random: Random, unordered: frozenset[str], partitions: int) -> None:
        self.broker = broker
        self._partitions = partitions
        self._random = random
        self._unordered = unordered

    def arranged(self, topic: str, rows: Sequence[Row]) -> list[Row]:
        """Rows in an order that no hash of this interpreter has a say in; the last one stays the last."""
        if topic not in self._unordered or not rows:
            return list(rows)
        return [*sorted(rows[:-1], key=lambda row: row.key or b""), rows[-1]]

    async def append(self, topic: str, partition: int, rows: Sequence[Row], headers: Headers = ()) -> int:
        broker, place, rows = self.broker, (topic, partition), self.arranged(topic, rows)
        some = rows[: self._random.randrange(len(rows))]
        what = f"append {len(rows)} to {topic}/{partition}"
        try:
            end = await broker.write(
                what, lambda: broker.put(place, rows, headers), lambda: broker.put(place, some, headers)
            )
        except Lost as trouble:
            broker.trace.say(str(trouble))
            raise AppendFailed(topic, partition, trouble) from trouble
        broker.trace.say(f"{what}, to offset {end}")
        return end

    async def take_pen(self, partition: int) -> Pen:
        if not self.broker.transactions:
            return PlainPen(self.append, partition)
        epoch = await self.broker.request(lambda: self.broker.take_epoch(partition))
        self.broker.trace.say(f"took pen {partition}, epoch {epoch}")
        return SimulatedPen(self, partition, epoch)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        there = self.broker.partition(topic, partition)
        return await self.broker.request(lambda: Bounds(there.start, there.end))

    async def committed(self, topic: str, partition: int) -> int | None:
        return await self.broker.request(lambda: self.broker.committed.get((topic, partition)))

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        there, what = self.broker.partition(topic, partition), f"deletion of {topic}/{partition} before {offset}"
        try:
            await self.broker.write(what, lambda: there.trim(offset))
        except Lost as trouble:
            self.broker.trace.say(str(trouble))
            raise BrokerUnreachable({"bootstrap_servers": ["simulated"]}, trouble) from trouble
        self.broker.trace.say(what)

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        return await self.broker.request(lambda: dict.fromkeys(topics, self._partitions))

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[LogRecord]]:
        there, position = self.broker.partition(topic, partition), start
        while position < end:
            upto = min(end, position + self._random.choice([3, 10, 100]))
            reached = min(upto, await self.broker.request(lambda: there.stable_end))
            records = there.visible(position, reached)
            if reached <= position:
                await asyncio.sleep(0.2)  # an open transaction
            position = max(position, reached)
            if records:
                yield records


class SimulatedPen:
    """`Pen` with transactions: all or nothing, fenced by whoever takes it next. A failed write is its last."""

    commits = True

    def __init__(self, log: SimulatedLog, partition: int, epoch: int) -> None:
        self._log = log
        self._broker = log.broker
        self._partition = partition
        self._epoch = epoch
        self._trouble: Exception | None = None

    async def write(self, sheets: Sequence[Sheet], positions: Mapping[Place, int]) -> dict[str, int]:
        if self._trouble is not None:
            raise self._trouble
        what = f"transaction of pen {self._partition}, epoch {self._epoch}, to {sorted(positions.items())}"
        try:
            ends = await self._write(sheets, positions)
        except Fenced as trouble:
            self._broker.trace.say(f"{what}: fenced")
            self._trouble = trouble
            raise
        except Lost as trouble:
            self._broker.trace.say(f"{what}: {trouble}")
            self._trouble = AppendFailed(sheets[-1].topic, self._partition, trouble)
            raise self._trouble from trouble
        self._broker.trace.say(what)
        return ends

    def _check(self) -> None:
        if self._broker.is_fenced(self._partition, self._epoch):
            raise Fenced(self._partition)

    async def _write(self, sheets: Sequence[Sheet], positions: Mapping[Place, int]) -> dict[str, int]:
        broker = self._broker

        def begun() -> Transaction:
            self._check()
            return broker.begin(self._partition)

        transaction = await broker.write("begin", begun)
        ends = {}
        for topic, rows, headers in sheets:
            if rows:
                arranged, place = self._log.arranged(topic, rows), (topic, self._partition)

                def put(arranged: list[Row] = arranged, place: Place = place, headers: Headers = headers) -> int:
                    self._check()
                    return broker.put(place, arranged, headers, transaction)

                ends[topic] = await broker.write(f"write to {topic}", put)

        def commit() -> None:
            self._check()
            transaction.offsets.update(positions)
            broker.end_transaction(transaction, "committed")

        await broker.write("commit", commit)
        return ends

    async def close(self) -> None:
        """Put down; what is open stays so until the next one takes the pen."""
