"""A broker in memory: partitions with offsets, transactions with epochs, outages, compaction, retention.

A request travels, takes effect, and its answer travels back. Who dies meanwhile may or may not have had its effect.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple, TypeVar

from stateserver.stream.ports import Headers, Row
from tests.simulation.loop import NOBODY, sender
from tests.simulation.trace import Trace
from tests.stream.journals import LogLine

T = TypeVar("T")
Place = tuple[str, int]

TRANSACTION_S_MAX = 60.0


class Transaction:
    """Rows that nobody sees before it is committed."""

    def __init__(self) -> None:
        self.state = "open"
        self.first: dict[Place, int] = {}
        self.offsets: dict[Place, int] = {}


class Stored(NamedTuple):
    """A record, and the transaction it is part of."""

    line: LogLine
    transaction: Transaction | None


class Partition:
    """One partition of a topic. Offsets have holes where markers of transactions lie, and after compaction."""

    def __init__(self) -> None:
        self.records: list[Stored] = []
        self.start = 0
        self.end = 0
        self.open: list[int] = []

    @property
    def stable_end(self) -> int:
        """Up to where readers of what is committed come."""
        return min(self.open, default=self.end)

    def put(self, now_ms: int, rows: Sequence[Row], headers: Headers, transaction: Transaction | None) -> int:
        """Append; the offset after the last row."""
        for row in rows:
            line = LogLine(self.end, now_ms, row.key, row.value, (*headers, *row.headers))
            self.records.append(Stored(line, transaction))
            self.end += 1
        return self.end

    def visible(self, start: int, end: int) -> list[LogLine]:
        """What is committed in [start, end)."""
        first = bisect_left(self.records, start, key=lambda stored: stored.line.offset)
        last = bisect_left(self.records, min(end, self.stable_end), key=lambda stored: stored.line.offset)
        return [
            line
            for line, transaction in self.records[first:last]
            if transaction is None or transaction.state == "committed"
        ]

    def compact(self, below: int) -> None:
        """Leave of each key the last record, and whatever is not below that offset. Tombstones stay."""
        below = min(below, self.stable_end)
        last = {line.key: line.offset for line in self.visible(0, below)}
        self.records = [
            stored
            for stored in self.records
            if stored.line.offset >= below or last.get(stored.line.key) == stored.line.offset
        ]

    def trim(self, start: int) -> None:
        """Delete what lies before."""
        self.start = max(self.start, min(start, self.stable_end))
        self.records = [stored for stored in self.records if stored.line.offset >= self.start]


class Lost(Exception):
    """A request failed, or its answer did not come."""


class Broker:
    """All partitions, who writes what, and the weather. `transactions`: whether it knows any (the embedded doesn't)."""

    def __init__(self, random: Random, trace: Trace, *, transactions: bool) -> None:
        self.transactions = transactions
        self.partitions: dict[Place, Partition] = {}
        self.committed: dict[Place, int] = {}
        self.trace = trace
        self.stormy = False
        self.slow = random.choice([0.002, 0.01, 0.05])
        self.jumped_ms = 0
        self.on_append: Callable[[Place, Sequence[Row]], None] = lambda *_: None
        self.on_commit: Callable[[Mapping[Place, int]], None] = lambda *_: None
        self._random = random
        self._epochs: dict[int, int] = {}
        self._open: dict[int, Transaction] = {}

    def now_ms(self) -> int:
        """The clock of everyone."""
        return int(asyncio.get_running_loop().time() * 1000) + self.jumped_ms

    def partition(self, topic: str, number: int) -> Partition:
        return self.partitions.setdefault((topic, number), Partition())

    # Requests.

    def _travel_s(self) -> float:
        random = self._random
        if self.stormy and random.random() < 0.3:
            return random.expovariate(1.5)
        return random.expovariate(1 / self.slow) if random.random() < 0.7 else 0.0

    async def request(self, effect: Callable[[], T]) -> T:
        """Send a request. It may take effect after its sender has died.

        Without transactions not any more when another has taken the sender's place, as nothing would fence it: that a
        broker takes up what came so long ago over a connection that is closed is not promised to do no harm.
        """
        loop, process = asyncio.get_running_loop(), sender()
        answer: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, trouble: Exception | None) -> None:
            if answer.done():
                return
            if trouble is not None:
                answer.set_exception(trouble)
            else:
                answer.set_result(result)

        def arrive() -> None:
            if process is not None and process.succeeded and not self.transactions:
                return
            try:
                result, trouble = effect(), None
            except Exception as raised:  # noqa: BLE001 it travels to whoever asked
                result, trouble = None, raised
            loop.call_later(self._travel_s(), settle, result, trouble, context=NOBODY)

        loop.call_later(self._travel_s(), arrive, context=NOBODY)
        result: T = await answer
        return result

    async def write(self, what: str, effect: Callable[[], T], partly: Callable[[], object] | None = None) -> T:
        """As request, for what changes something: in a storm it may fail before, in the midst of, or after its effect.

        A broker without idempotent producers may also be told it twice.
        """
        fate = self._fate()
        if fate == "fails":
            await self.request(lambda: None)
            raise Lost(f"{what}: no broker took it")
        if fate == "partly" and partly is not None:
            await self.request(partly)
            raise Lost(f"{what}: only some of it was taken")
        result = await self.request(effect)
        if fate == "lost":
            raise Lost(f"{what}: no answer came")
        if fate == "twice" and not self.transactions:
            self.trace.say(f"{what} is written twice")
            return await self.request(effect)
        return result

    def _fate(self) -> str:
        if not self.stormy:
            return "well"
        return self._random.choice(["well", "well", "well", "well", "well", "well", "fails", "partly", "lost", "twice"])

    def put(self, place: Place, rows: Sequence[Row], headers: Headers, transaction: Transaction | None = None) -> int:
        """Rows take effect."""
        partition = self.partition(*place)
        if transaction is not None and place not in transaction.first:
            transaction.first[place] = partition.end
            partition.open.append(partition.end)
        end = partition.put(self.now_ms(), rows, headers, transaction)
        if transaction is None:
            self.on_append(place, [row._replace(headers=(*headers, *row.headers)) for row in rows])
        return end

    # Transactions.

    def take_epoch(self, pen: int) -> int:
        """Fence whoever had the pen; what it left open is struck out."""
        self._epochs[pen] = self._epochs.get(pen, -1) + 1
        left = self._open.pop(pen, None)
        if left is not None:
            self.end_transaction(left, "aborted")
        return self._epochs[pen]

    def is_fenced(self, pen: int, epoch: int) -> bool:
        return self._epochs[pen] != epoch

    def begin(self, pen: int) -> Transaction:
        """Open a transaction of this pen, which is struck out if it takes too long."""
        transaction = self._open[pen] = Transaction()
        loop = asyncio.get_running_loop()
        loop.call_later(TRANSACTION_S_MAX, self.end_transaction, transaction, "aborted", context=NOBODY)
        return transaction

    def end_transaction(self, transaction: Transaction, state: str) -> None:
        """Make its rows visible, or never."""
        if transaction.state != "open":
            return
        transaction.state = state
        if state == "committed":
            for place in transaction.first:
                lines = [stored.line for stored in self.partitions[place].records if stored[1] is transaction]
                self.on_append(place, [Row(line.key, line.value, line.headers) for line in lines])
            self.commit(transaction.offsets)
        for place, first in transaction.first.items():
            partition = self.partitions[place]
            partition.open.remove(first)
            partition.end += 1  # a marker
        for pen, under_way in list(self._open.items()):
            if under_way is transaction:
                del self._open[pen]

    def commit(self, offsets: Mapping[Place, int]) -> None:
        """The group's positions."""
        self.committed.update(offsets)
        self.on_commit(offsets)
