"""A table's partition on disk: a copy of its changelog that makes restarts quick, and that nothing waits for.

Kafka has all of it, so a disk that is full or broken costs the next restart some time and nothing else: it is told,
and the copy is made good from the changelog as soon as the disk takes it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import suppress

from stateserver.stream.changelog import CutReader, OtherLog
from stateserver.stream.errors import StoreUnusable
from stateserver.stream.layout import STATE_TABLE
from stateserver.stream.ports import LogRecord, PartitionStore, Ports, Row
from stateserver.stream.state_rows import DamagedRow

logger = logging.getLogger(__name__)

TRY_AGAIN_AFTER_MS = 10_000


class DiskCopy:
    """The copy of one table's partition. Raises StoreInUse where its files are in others' hands.

    `head` is the changelog offset up to which (not included) the table stands.
    """

    def __init__(self, table: str, topic: str, partition: int, ports: Ports) -> None:
        self._table = table
        self.topic = topic
        self._partition = partition
        self._ports = ports
        self.head = 0
        self._writing = asyncio.Lock()
        self._lost_at_ms: int | None = None
        self._closed = False
        self._given_up = False
        self._store: PartitionStore | None = None
        self._open()

    def _open(self) -> None:
        try:
            self._store = self._ports.stores.open(self._table, self._partition)
        except StoreUnusable as trouble:
            self._lose(trouble)

    @property
    def usable(self) -> bool:
        """Whether the disk takes what is written."""
        return self._store is not None

    @property
    def position(self) -> int:
        """The changelog offset up to which (not included) the rows on disk stand."""
        return 0 if self._store is None else self._store.position

    @property
    def lineage(self) -> bytes:
        return b"" if self._store is None else self._store.lineage

    @property
    def behind(self) -> bool:
        """Whether the changelog has more than the disk."""
        return self.position != self.head

    def rows(self) -> dict[bytes, bytes]:
        """All rows on disk."""
        if self._store is None:
            return {}
        try:
            return dict(self._store.rows())
        except StoreUnusable as trouble:
            self._lose(trouble)
            return {}

    async def write(self, rows: Iterable[Row], position: int, lineage: bytes) -> None:
        """Write rows and position, unless the disk is lost."""
        if self._store is not None and not self._closed:
            await self._guarded(self._store.write(rows, position, lineage))

    async def clear(self) -> None:
        """Delete all rows."""
        if self._store is not None and not self._closed:
            await self._guarded(self._store.clear())

    async def _guarded(self, doing: Awaitable[None]) -> None:
        try:
            await doing
        except StoreUnusable as trouble:
            self._lose(trouble)

    def _lose(self, trouble: StoreUnusable) -> None:
        if self._lost_at_ms is None:
            logger.error(
                "partition %d goes on without its files of table %s: %s", self._partition, self._table, trouble
            )
        self._lost_at_ms = self._ports.clock.now_ms()
        self._drop_files()

    def _drop_files(self) -> None:
        self._store = None
        with suppress(StoreUnusable):
            self._ports.stores.close(self._table, self._partition)

    async def keep_up(self, rows: Sequence[Row], end: int, lineage: bytes) -> None:
        """A checkpoint wrote rows, the last one right before changelog offset `end`."""
        async with self._writing:
            in_step, self.head = not self.behind, end
            if in_step:
                await self.write(rows, end, lineage)

    async def catch_up(self, lineage: bytes) -> None:
        """Read what the changelog has beyond the disk, if there is anything. `lineage` is that of the present log."""
        if not self.behind or self._closed or self._given_up:
            return
        if self._store is None:
            now_ms = self._ports.clock.now_ms()
            if self._lost_at_ms is not None and now_ms < self._lost_at_ms + TRY_AGAIN_AFTER_MS:
                return
            self._open()
            if self._store is None:
                return
            logger.info("partition %d: the files of table %s can be used again", self._partition, self._table)
            self._lost_at_ms = None
        if self.position and (self.lineage != lineage or self.position > self.head):
            await self.clear()
        if self._table == STATE_TABLE:
            await self._catch_up_with_cuts()
        else:
            await self._catch_up_with_rows(lineage)

    async def _catch_up_with_cuts(self) -> None:
        reader = CutReader(self.position, self.lineage)
        try:
            async for records in self._records(reader.start, self.head):
                async with self._writing:
                    rows = reader.take(records)
                    if rows and self.position < reader.position:
                        await self.write(rows, reader.position, reader.lineage)
        except OtherLog as trouble:
            logger.warning("partition %d: table %s is read anew: %s", self._partition, self._table, trouble)
            await self.clear()
        except DamagedRow as trouble:
            await self._give_up(trouble)

    async def _give_up(self, trouble: DamagedRow) -> None:
        """Kafka itself has lost what would make it good. Who starts next finds out, and takes the journal."""
        logger.error(
            "partition %d goes on without its files of table %s until it starts anew: their changelog is damaged (%s)",
            self._partition,
            self._table,
            trouble,
        )
        await self.clear()
        self._given_up = True
        self._drop_files()

    async def _catch_up_with_rows(self, lineage: bytes) -> None:
        target = self.head
        async for records in self._records(self.position, target):
            async with self._writing:
                rows = [Row(record.key, record.value) for record in records if record.key is not None]
                await self.write(rows, records[-1].offset + 1, lineage)
        async with self._writing:
            # The last records may have been compacted away.
            if self.usable and self.position < target:
                await self.write([], target, lineage)

    async def _records(self, start: int, end: int) -> AsyncIterator[Sequence[LogRecord]]:
        log, topic, partition = self._ports.log, self.topic, self._partition
        begins = (await log.bounds(topic, partition)).start
        async for records in log.read(topic, partition, max(begins, start), end):
            if not self.usable or self._closed:
                return
            yield records

    async def close(self) -> None:
        """Close the files; what is being written is written."""
        self._closed = True
        async with self._writing:
            self._drop_files()
