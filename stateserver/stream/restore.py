"""Getting a partition back: its systems from the state table at one consistent cut, its table from disk and changelog.

Faust's own reading of changelogs is not used. It counts offsets, so it waits for ever where a changelog ends in what
is no record (the marker of a transaction); it passes over errors of a store with a warning; and it knows of no cut
that several rows belong to.
"""

import logging
import secrets
from typing import NamedTuple

from stateserver.domain.checkpoint import CorruptCheckpoint, restore
from stateserver.security.keyring import KeyRing
from stateserver.stream.changelog import CutReader, OtherLog
from stateserver.stream.disk_copy import DiskCopy
from stateserver.stream.errors import HistoryTrimmed, JournalCutBack
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE, Layout
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.ports import Clock, Log, Pen, Ports, Row, Sheet
from stateserver.stream.state_rows import (
    MARKER_KEY,
    DamagedRow,
    Marker,
    decode_marker,
    rows_by_system,
    stands_for,
)
from stateserver.stream.told import Told
from stateserver.stream.tracked import Tracked, tracked_again

logger = logging.getLogger(__name__)

LINEAGE_BYTES = 16
PROGRESS_EVERY_MS = 2_000


class Restored(NamedTuple):
    """A partition ready to read on, the changelog it goes on with, and its tables on disk.

    `changes_offset`: events after the cut are found in `changes` from there on.
    """

    processor: PartitionProcessor
    lineage: str
    changes_offset: int | None
    state: DiskCopy
    units: DiskCopy


class Place(NamedTuple):
    """Which partition is to be restored, and what with."""

    partition: int
    ring: KeyRing
    ports: Ports
    layout: Layout
    state: DiskCopy


async def restore_partition(partition: int, ring: KeyRing, ports: Ports, layout: Layout, pen: Pen) -> Restored:
    """The partition as of its last checkpoint: from its disk, else from the changelog, else from the journal.

    Raises HistoryTrimmed, JournalCutBack, and what the ports raise.
    """
    state = DiskCopy(STATE_TABLE, layout.state, partition, ports)
    units = DiskCopy(UNITS_TABLE, layout.topics.units, partition, ports)
    place = Place(partition, ring, ports, layout, state)
    processor, marker = await _by_state(place, pen)
    if marker.changes_offset is not None:
        await _note_told(place, processor, marker.changes_offset)
    units.head = (await ports.log.bounds(layout.topics.units, partition)).end
    return Restored(processor, marker.lineage, marker.changes_offset, state, units)


async def _by_state(place: Place, pen: Pen) -> tuple[PartitionProcessor, Marker]:
    was_on_disk = place.state.position > 0
    try:
        return await _folded(place, await _table_rows(place))
    except (CorruptCheckpoint, DamagedRow) as why:
        trouble: Exception = why
    if was_on_disk:
        logger.error("partition %d: its files are damaged (%s): restoring it from Kafka", place.partition, trouble)
        await place.state.clear()
        try:
            return await _folded(place, await _table_rows(place))
        except (CorruptCheckpoint, DamagedRow) as again:
            trouble = again
    return await _from_journal(place, pen, trouble)


async def _table_rows(place: Place) -> dict[bytes, bytes]:
    """The state table's rows at its last marker: those on disk, with what the changelog has beyond them."""
    try:
        return await _read_on(place)
    except OtherLog as why:
        logger.warning("partition %d: its files are not of this changelog (%s): reading it all", place.partition, why)
        await place.state.clear()
        return await _read_on(place)


async def _read_on(place: Place) -> dict[bytes, bytes]:
    partition, ports, topic, disk = place.partition, place.ports, place.layout.state, place.state
    rows = disk.rows()
    reader = CutReader(disk.position, disk.lineage)
    bounds = await ports.log.bounds(topic, partition)
    disk.head = bounds.end
    if reader.position > bounds.end:
        raise OtherLog(f"it ends at offset {bounds.end}, before {reader.position}")
    progress = _Progress(ports.clock, f"partition {partition}: {topic}", bounds.end)
    changed: set[bytes] = set()
    async for records in ports.log.read(topic, partition, max(bounds.start, reader.start), bounds.end):
        for key, value, _ in reader.take(records):
            if key is None:
                continue
            changed.add(key)
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
        progress.tell(records[-1].offset + 1)
    if not reader.proved:
        raise OtherLog("the marker they end with is not in it")
    disk.head = reader.position
    if reader.position != disk.position:
        await disk.write([Row(key, rows.get(key)) for key in changed], reader.position, reader.lineage)
    return rows


class _Progress:
    """Says now and then how far a topic is read."""

    def __init__(self, clock: Clock, what: str, end: int) -> None:
        self._clock = clock
        self._what = what
        self._end = end
        self._told_ms = clock.now_ms()

    def tell(self, offset: int) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._told_ms >= PROGRESS_EVERY_MS:
            self._told_ms = now_ms
            logger.info("%s read to offset %d of %d", self._what, offset, self._end)


async def _folded(place: Place, rows: dict[bytes, bytes]) -> tuple[PartitionProcessor, Marker]:
    """The systems that the rows tell of. Raises CorruptCheckpoint and DamagedRow."""
    partition, log, layout = place.partition, place.ports.log, place.layout
    if MARKER_KEY not in rows:
        if rows:
            raise DamagedRow(f"{len(rows)} rows without a marker")
        marker = Marker(await _starts(place), secrets.token_hex(LINEAGE_BYTES), 0)
        return PartitionProcessor(partition, place.ring, dict(marker.positions)), marker
    marker = decode_marker(rows[MARKER_KEY])
    systems: dict[str, Tracked] = {}
    for name, system_rows in rows_by_system(rows).items():
        systems[name] = tracked_again(restore(name, system_rows.core), system_rows.notes)
    if marker.systems not in {None, len(systems)}:
        raise DamagedRow(f"{len(systems)} systems in the place of {marker.systems}")
    positions = await _positions(partition, log, layout, marker)
    return PartitionProcessor(partition, place.ring, positions, systems), marker


async def _starts(place: Place) -> dict[str, int]:
    """Where the journal begins, by topic."""
    log, partition = place.ports.log, place.partition
    return {topic: (await log.bounds(topic, partition)).start for topic in place.layout.journals}


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


async def _from_journal(place: Place, pen: Pen, trouble: Exception) -> tuple[PartitionProcessor, Marker]:
    """An empty partition that will fold its journal from the beginning; its old rows are struck out."""
    partition, layout, disk = place.partition, place.layout, place.state
    starts = await _starts(place)
    for topic, start in starts.items():
        if start > 0:
            raise HistoryTrimmed(topic, partition, start, str(trouble)) from trouble
    logger.error(
        "partition %d: its checkpoint is damaged (%s): rebuilding it from the beginning of its journal",
        partition,
        trouble,
    )
    marker = Marker(starts, secrets.token_hex(LINEAGE_BYTES), 0, pen.commits, 0)
    marker_row = Row(MARKER_KEY, marker.encode())
    struck_out = [Row(key, None) for key in sorted(await _keys(place)) if key != MARKER_KEY]
    sheet = Sheet(layout.state, [*struck_out, marker_row], stands_for(starts))
    ends = await pen.write([sheet], {(topic, partition): start for topic, start in starts.items()})
    await disk.clear()
    disk.head = ends[layout.state]
    await disk.write([marker_row], ends[layout.state], bytes.fromhex(marker.lineage))
    return PartitionProcessor(partition, place.ring, starts), marker


async def _keys(place: Place) -> set[bytes]:
    """Every key that the changelog has."""
    log, topic = place.ports.log, place.layout.state
    bounds = await log.bounds(topic, place.partition)
    keys: set[bytes] = set()
    async for records in log.read(topic, place.partition, bounds.start, bounds.end):
        keys.update(record.key for record in records if record.key is not None)
    return keys


async def _note_told(place: Place, processor: PartitionProcessor, start: int) -> None:
    """Have the processor know the events after its cut that were told already."""
    log, topic = place.ports.log, place.layout.topics.changes
    bounds = await log.bounds(topic, place.partition)
    told = Told(topic, place.partition, {name: one.system.version for name, one in processor.systems.items()})
    progress = _Progress(place.ports.clock, f"partition {place.partition}: {topic}", bounds.end)
    async for records in log.read(topic, place.partition, max(bounds.start, start), bounds.end):
        told.note(records)
        progress.tell(records[-1].offset + 1)
    processor.expect(told)
