"""Getting a partition back: its tables from disk and changelog, its systems from the table, at one consistent cut.

Faust's own reading of changelogs is not used. It counts offsets, so it waits for ever where a changelog ends in what
is no record (the marker of a transaction); it passes over errors of a store with a warning; and it knows of no cut
that several rows belong to.
"""

import logging
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from stateserver.domain.checkpoint import CorruptCheckpoint, restore
from stateserver.security.keyring import KeyRing
from stateserver.stream.errors import HistoryTrimmed, JournalCutBack
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE, Layout
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.ports import Bounds, Log, LogRecord, PartitionStore, Ports, Row
from stateserver.stream.state_rows import (
    MARKER_KEY,
    STANDS_FOR,
    DamagedRow,
    Marker,
    decode_marker,
    rows_by_system,
    stands_for,
)
from stateserver.stream.tracked import Tracked, tracked_again

logger = logging.getLogger(__name__)

LINEAGE_BYTES = 16
PROGRESS_EVERY_MS = 5_000


class Restored(NamedTuple):
    """A partition ready to read on, and the changelog it goes on with."""

    processor: PartitionProcessor
    lineage: str


class OtherLog(Exception):
    """The rows on disk are not of this changelog."""


async def restore_partition(partition: int, ring: KeyRing, ports: Ports, layout: Layout) -> Restored:
    """The partition as of its last checkpoint: from its disk, else from the changelog, else from the journal.

    Raises HistoryTrimmed, JournalCutBack, and what the ports raise.
    """
    store = ports.stores.open(STATE_TABLE, partition)
    was_on_disk = store.position > 0
    try:
        rows = await _table_rows(ports, layout.state, partition, store)
        restored = await _folded(partition, ring, ports, layout, rows)
    except (CorruptCheckpoint, DamagedRow) as trouble:
        restored = await _second_try(partition, ring, ports, layout, store, was_on_disk, trouble)
    await _follow_units(ports, layout, partition, restored.lineage)
    return restored


async def _second_try(
    partition: int,
    ring: KeyRing,
    ports: Ports,
    layout: Layout,
    store: PartitionStore,
    was_on_disk: bool,
    trouble: Exception,
) -> Restored:
    if was_on_disk:
        logger.error("partition %d: its files are damaged (%s): restoring it from Kafka", partition, trouble)
        await store.clear()
        try:
            rows = await _table_rows(ports, layout.state, partition, store)
            return await _folded(partition, ring, ports, layout, rows)
        except (CorruptCheckpoint, DamagedRow) as again:
            trouble = again
    return await _from_journal(partition, ring, ports, layout, store, trouble)


async def _table_rows(ports: Ports, topic: str, partition: int, store: PartitionStore) -> dict[bytes, bytes]:
    """The state table's rows at its last marker: those on disk, with what the changelog has beyond them."""
    bounds = await ports.log.bounds(topic, partition)
    if store.position:
        try:
            return await _read_on(ports, topic, partition, store, bounds)
        except OtherLog as why:
            logger.warning("partition %d: its files are not of this changelog (%s): reading all of it", partition, why)
            await store.clear()
    return await _read_on(ports, topic, partition, store, bounds)


async def _read_on(
    ports: Ports, topic: str, partition: int, store: PartitionStore, bounds: Bounds
) -> dict[bytes, bytes]:
    table = _Table(dict(store.rows()), store.position, store.lineage)
    if store.position > bounds.end:
        raise OtherLog(f"it ends at offset {bounds.end}, before {store.position}")
    start = max(bounds.start, store.position - 1)
    told = ports.clock.now_ms()
    async for records in ports.log.read(topic, partition, start, bounds.end):
        table.take(records)
        if ports.clock.now_ms() - told > PROGRESS_EVERY_MS:
            told = ports.clock.now_ms()
            logger.info("partition %d: %s read to offset %d of %d", partition, topic, table.position, bounds.end)
    if not table.proved:
        raise OtherLog("the marker they end with is not in it")
    if table.position != store.position:
        await store.write(table.changed_rows(), table.position, table.lineage)
    return table.rows


class _Table:
    """Rows of the state table, followed along its changelog from marker to marker."""

    def __init__(self, rows: dict[bytes, bytes], position: int, lineage: bytes) -> None:
        self.rows = rows
        self.position = position
        self.lineage = lineage
        self.proved = position == 0
        self._changed: set[bytes] = set()
        self._unmarked: list[LogRecord] = []

    def take(self, records: Sequence[LogRecord]) -> None:
        for record in records:
            if not self.proved:
                self._prove(record)
            elif record.key == MARKER_KEY:
                self._apply_marked(record)
            else:
                self._unmarked.append(record)

    def _prove(self, record: LogRecord) -> None:
        """The first record read must be the marker that the rows on disk end with."""
        ours = record.offset == self.position - 1 and record.key == MARKER_KEY and record.value is not None
        if not ours or bytes.fromhex(decode_marker(record.value or b"").lineage) != self.lineage:
            raise OtherLog(f"another record lies at offset {record.offset}")
        self.proved = True

    def _apply_marked(self, marker: LogRecord) -> None:
        assert marker.value is not None
        cut = dict(marker.headers).get(STANDS_FOR)
        for record in (*self._unmarked, marker):
            key = record.key
            if key is None or dict(record.headers).get(STANDS_FOR) != cut:
                continue  # of a checkpoint that was cut off
            if record.value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = record.value
            self._changed.add(key)
        self._unmarked.clear()
        self.position = marker.offset + 1
        self.lineage = bytes.fromhex(decode_marker(marker.value).lineage)

    def changed_rows(self) -> list[Row]:
        return [Row(key, self.rows.get(key)) for key in self._changed]


async def _folded(partition: int, ring: KeyRing, ports: Ports, layout: Layout, rows: dict[bytes, bytes]) -> Restored:
    """The systems that the rows tell of. Raises CorruptCheckpoint and DamagedRow."""
    if MARKER_KEY not in rows:
        starts = {topic: (await ports.log.bounds(topic, partition)).start for topic in layout.journals}
        return Restored(PartitionProcessor(partition, ring, starts), secrets.token_hex(LINEAGE_BYTES))
    marker = decode_marker(rows[MARKER_KEY])
    systems: dict[str, Tracked] = {}
    for name, system_rows in rows_by_system(rows).items():
        systems[name] = tracked_again(restore(name, system_rows.core), system_rows.notes)
    positions = await _positions(partition, ports.log, layout, marker)
    return Restored(PartitionProcessor(partition, ring, positions, systems), marker.lineage)


async def _positions(partition: int, log: Log, layout: Layout, marker: Marker) -> dict[str, int]:
    """Where to read on. What is no longer read is kept, so that reading it again would not begin anew."""
    positions = dict(marker.positions)
    for topic in layout.journals:
        bounds = await log.bounds(topic, partition)
        position = positions.setdefault(topic, bounds.start)
        if position > bounds.end:
            raise JournalCutBack(topic, partition, position, bounds.end)
        if position < bounds.start:
            logger.error(
                "partition %d of %s: records from offset %d to %d are gone, they were never applied",
                partition,
                topic,
                position,
                bounds.start,
            )
            positions[topic] = bounds.start
    return positions


async def _from_journal(
    partition: int, ring: KeyRing, ports: Ports, layout: Layout, store: PartitionStore, trouble: Exception
) -> Restored:
    """An empty partition that will fold its journal from the beginning; its old rows are struck out."""
    starts = {}
    for topic in layout.journals:
        starts[topic] = (await ports.log.bounds(topic, partition)).start
        if starts[topic] > 0:
            raise HistoryTrimmed(topic, partition, starts[topic], str(trouble)) from trouble
    logger.error(
        "partition %d: its checkpoint is damaged (%s): rebuilding it from the beginning of its journal",
        partition,
        trouble,
    )
    marker = Marker(starts, secrets.token_hex(LINEAGE_BYTES), None)
    marker_row = Row(MARKER_KEY, marker.encode())
    struck_out = [Row(key, None) for key, _ in store.rows() if key != MARKER_KEY]
    end = await ports.log.append(layout.state, partition, [*struck_out, marker_row], stands_for(starts))
    await store.clear()
    await store.write([marker_row], end, bytes.fromhex(marker.lineage))
    return Restored(PartitionProcessor(partition, ring, starts), marker.lineage)


async def _follow_units(ports: Ports, layout: Layout, partition: int, lineage: str) -> None:
    """Bring the units table on disk up to its changelog. No cut matters here: the state writes each unit it changes."""
    topic = layout.topics.units
    store = ports.stores.open(UNITS_TABLE, partition)
    bounds = await ports.log.bounds(topic, partition)
    if store.position > bounds.end or (store.position and store.lineage.hex() != lineage):
        logger.warning("partition %d: its files are not of this changelog: reading all of %s", partition, topic)
        await store.clear()
    start = max(bounds.start, store.position)
    async for records in ports.log.read(topic, partition, start, bounds.end):
        rows = [Row(record.key, record.value) for record in records if record.key is not None]
        await store.write(rows, records[-1].offset + 1, bytes.fromhex(lineage))
