"""What the worker needs of the world: a log, a store for each table's partition, a clock.

Everything that touches Kafka, disk or time goes through these. Kafka's side is in `kafka_log` and `transport`,
RocksDB's in `rocks`; a simulation can put others in their place. Awaits are for batches, never for one record.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

Headers = Sequence[tuple[str, bytes | None]]


class LogRecord(Protocol):
    """A record as it was read, with the attributes of aiokafka's. `timestamp` in ms since 1970, Kafka's own."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int | None: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Row(NamedTuple):
    """A record to be written; no value is a tombstone. `headers` are its own, beside those of all that go with it."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Sheet(NamedTuple):
    """Rows for one topic of a checkpoint, and the headers that all of them carry."""

    topic: str
    rows: Sequence[Row]
    headers: Headers = ()


BATCH_RECORDS_MAX: Final = 500
"""Nothing else happens while a batch is applied, so none may take long."""


class Bounds(NamedTuple):
    """The first offset a partition still has, and the one its next record will get."""

    start: int
    end: int


class Batch(NamedTuple):
    """Records of one partition of the journal, in order, and where the batch before it (or a seek) ended.

    With `follows` a reader notices a batch that got lost on the way to it.
    """

    topic: str
    partition: int
    follows: int
    records: Sequence[LogRecord]

    @property
    def next_offset(self) -> int:
        return self.records[-1].offset + 1


class Pen(Protocol):
    """The right to write a partition's state. One has it at a time: who takes it fences who had it before."""

    @property
    def commits(self) -> bool:
        """Whether `write` also tells the group how far the journal is done."""
        ...

    async def write(self, sheets: Sequence[Sheet], positions: Mapping[tuple[str, int], int]) -> dict[str, int]:
        """Write sheets, and the group's positions: offset of the next record wanted, by (topic, partition).

        All or nothing where the broker has transactions; else in order, each sheet safe before the next one.
        The result is the offset after the last row, by topic. Raises Fenced where another has the pen by now, and
        StateServerError where it can't be written.
        """
        ...

    async def close(self) -> None:
        """Put it down. What was not written whole is not there."""
        ...


class Log(Protocol):
    """Topics, read and written by partition."""

    async def take_pen(self, partition: int) -> Pen:
        """Become the one who writes the state of a partition; what its last writer left half done is struck out."""
        ...

    async def append(self, topic: str, partition: int, rows: Sequence[Row], headers: Headers = ()) -> int:
        """Write rows, in order, after all that was appended before. Returns when they are safe.

        The result is the offset after the last one's. Raises StateServerError where that can't be had.
        """
        ...

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """What the partition holds now."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[LogRecord]]:
        """All there is in [start, end), in batches."""
        ...

    async def committed(self, topic: str, partition: int) -> int | None:
        """How far the group was told that a partition is done; None where it was told nothing, or has forgotten it."""
        ...

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Delete the records before that offset. Raises DeletionRefused, and StateServerError where nobody answers."""
        ...

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        """How many partitions each topic has; 0 where there is none of that name."""
        ...


class Progress(NamedTuple):
    """How far a partition of the journal is read: what lies before `read` was handed on, if there was a record at all.

    `handed` is the offset after the last record handed on, `end` the one the next record will get.
    """

    read: int
    handed: int
    end: int


class Journal(Protocol):
    """The group's reading of the journal. Batches come to the worker by themselves; this is the rest."""

    async def commit(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Tell the group how far (topic, partition) are done: offset of the next record wanted."""
        ...

    async def progress(self, topic: str, partition: int) -> Progress | None:
        """How far it is read; None while that is not known (it is being assigned)."""
        ...


class PartitionStore(Protocol):
    """One table's rows of one partition, on disk, and how far its changelog is in them."""

    @property
    def position(self) -> int:
        """The changelog offset up to which (not included) the rows stand; 0 in an empty store."""
        ...

    @property
    def lineage(self) -> bytes:
        """Which changelog the rows came from; b"" in an empty store."""
        ...

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """All rows, in order of keys."""
        ...

    async def write(self, rows: Iterable[Row], position: int, lineage: bytes) -> None:
        """Write rows (no value: delete) and position, all of it or nothing."""
        ...

    async def clear(self) -> None:
        """Delete all rows: position 0 again."""
        ...


class Stores(Protocol):
    """Where the tables' partitions lie."""

    def open(self, table: str, partition: int) -> PartitionStore:
        """The store of a partition, made if need be; the same one each time while it is open."""
        ...

    def close(self, table: str, partition: int) -> None:
        """Close its files, if it is open."""
        ...


class Clock(Protocol):
    """Time, and waiting for it."""

    def now_ms(self) -> int:
        """Ms since 1970 (UTC)."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Ports(NamedTuple):
    """The world, as a worker is given it."""

    log: Log
    journal: Journal
    stores: Stores
    clock: Clock
