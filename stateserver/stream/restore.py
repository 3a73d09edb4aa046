"""Getting a partition back: its systems from the state table at one consistent cut, its tables from disk and changelog.

Where that state is another release's, all that was told is withdrawn and told anew; where it is damaged, the journal is
folded again and must give what was told; where it is lost, the restore refuses.
"""

import logging
from collections.abc import Mapping
from typing import NamedTuple

from stateserver.domain.checkpoint import CorruptCheckpoint, restore
from stateserver.domain.rows import OtherRowFormat
from stateserver.security.keyring import KeyRing
from stateserver.stream.beginnings import Begun, Restoring, begun_anew, for_the_first_time, from_journal, withdrawn
from stateserver.stream.disk_copy import DiskCopy
from stateserver.stream.errors import CannotRebuild, JournalCutBack, StateLost
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE, Layout
from stateserver.stream.lost_state import check_nothing_is_missing, check_nothing_was_told, check_still_so
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.place import Place
from stateserver.stream.ports import Pen, Ports
from stateserver.stream.state_rows import MARKER_KEY, DamagedRow, Marker, decode_marker, rows_by_system
from stateserver.stream.table_reading import Progress, keep_table, read_table
from stateserver.stream.told import Told
from stateserver.stream.tracked import Tracked, tracked_again

logger = logging.getLogger(__name__)


class Restored(NamedTuple):
    """A partition ready to read on, the marker it goes on from, and its tables on disk."""

    processor: PartitionProcessor
    marker: Marker
    state: DiskCopy
    units: DiskCopy


async def restore_partition(partition: int, ring: KeyRing, ports: Ports, layout: Layout, pen: Pen) -> Restored:
    """The partition as of its last checkpoint: from its disk, else from the changelog, else from the journal.

    Raises HistoryTrimmed, JournalCutBack, StateLost, LaterRelease, CannotRebuild, EventsDiffer, Fenced, and what the
    ports raise.
    """
    state = DiskCopy(STATE_TABLE, layout.state, partition, ports)
    units = DiskCopy(UNITS_TABLE, layout.topics.units, partition, ports)
    this = Restoring(Place(partition, ports.log, layout), ring, ports, pen, state)
    try:
        processor, marker = await _by_state(this)
        if marker.changes_offset is not None:
            await _note_told(this, processor, marker)
    except (StateLost, CannotRebuild):
        if pen.commits:
            await check_still_so(this.place, ports.clock, this.seen)
        raise
    units.head = (await ports.log.bounds(layout.topics.units, partition)).end
    return Restored(processor, marker, state, units)


async def _by_state(this: Restoring) -> Begun:
    if this.state.position > 0:
        try:
            return await _by_table(this)
        except OtherRowFormat as other:
            logger.warning(
                "partition %d: its files are another release's (%s): reading Kafka's", this.partition, other.message
            )
        except (CorruptCheckpoint, DamagedRow) as trouble:
            logger.error("partition %d: its files are damaged (%s): restoring it from Kafka", this.partition, trouble)
        await this.state.clear()
    try:
        return await _by_table(this)
    except OtherRowFormat as other:
        return await begun_anew(this, other)
    except (CorruptCheckpoint, DamagedRow) as trouble:
        return await from_journal(this, trouble)


async def _by_table(this: Restoring) -> Begun:
    """The systems that the rows tell of. Raises CorruptCheckpoint, DamagedRow and OtherRowFormat."""
    read = await read_table(this.partition, this.ports, this.state)
    if MARKER_KEY not in read.rows:
        if read.rows:
            raise DamagedRow(f"{len(read.rows)} rows without a marker")
        await check_nothing_was_told(this.place, transactions=this.pen.commits)
        return await for_the_first_time(this)
    marker = this.seen = decode_marker(read.rows[MARKER_KEY])
    if marker.withdraws is not None:
        return await withdrawn(this, marker)
    positions = await _positions(this.place, marker)
    if this.pen.commits:
        await check_nothing_is_missing(this.place, marker)
    await keep_table(this.state, read)
    systems = _systems(read.rows)
    if marker.systems not in {None, len(systems)}:
        raise DamagedRow(f"{len(systems)} systems in the place of {marker.systems}")
    marker = marker._replace(began=_began(marker, positions), partitions=this.place.layout.partitions)
    return PartitionProcessor(this.partition, this.ring, positions, systems, era=marker.era), marker


def _systems(rows: Mapping[bytes, bytes]) -> dict[str, Tracked]:
    return {name: tracked_again(restore(name, own.core), own.notes) for name, own in rows_by_system(rows).items()}


def _began(marker: Marker, positions: Mapping[str, int]) -> dict[str, int]:
    """Where each journal was begun: 0 where an older marker doesn't say, and here where it is a new one."""
    began = marker.began or dict.fromkeys(marker.positions, 0)
    return {topic: began.get(topic, position) for topic, position in positions.items()}


async def _positions(place: Place, marker: Marker) -> dict[str, int]:
    """Where to read on. What is no longer read is kept, so that reading it again would not begin anew."""
    positions = dict(marker.positions)
    for topic in place.layout.journals:
        bounds = await place.log.bounds(topic, place.partition)
        position = positions.setdefault(topic, bounds.start)
        if position > bounds.end:
            raise JournalCutBack(topic, place.partition, position, bounds.end)
        if position < bounds.start:
            logger.error(
                "partition %d of %s: records from offset %d to %d are gone, they were never applied",
                place.partition,
                topic,
                position,
                bounds.start,
            )
            positions[topic] = bounds.start
    return positions


async def _note_told(this: Restoring, processor: PartitionProcessor, marker: Marker) -> None:
    """Have the processor know the events after its cut that were told already."""
    log, topic = this.ports.log, this.place.layout.topics.changes
    bounds = await log.bounds(topic, this.partition)
    versions = {name: one.system.version for name, one in processor.systems.items()}
    told = Told(topic, this.partition, versions, marker.era)
    progress = Progress(this.ports.clock, f"partition {this.partition}: {topic}", bounds.end)
    async for records in log.read(topic, this.partition, max(bounds.start, marker.changes_offset or 0), bounds.end):
        told.note(records)
        progress.tell(records[-1].offset + 1)
    processor.expect(told)
