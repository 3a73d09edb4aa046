"""Partitions that begin with nothing: for the first time, anew because another release made their state, or from the
journal because it is damaged. Each begins with a marker, which is there before anything is told.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from stateserver.domain.rows import OtherRowFormat
from stateserver.security.keyring import KeyRing
from stateserver.stream.disk_copy import DiskCopy
from stateserver.stream.errors import HistoryTrimmed, KeysMissing, LaterRelease
from stateserver.stream.last_marker import last_marker
from stateserver.stream.missing_keys import no_longer_opened
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.place import Place
from stateserver.stream.ports import Pen, Ports, Row, Sheet
from stateserver.stream.state_rows import MARKER_KEY, DamagedRow, Marker, new_lineage, stands_for
from stateserver.stream.table_reading import Progress
from stateserver.stream.withdrawal import begin_anew, finish, journal_beginnings, latest_era

logger = logging.getLogger(__name__)

Begun = tuple[PartitionProcessor, Marker]
"""A partition, and the marker that it goes on from."""


@dataclass(slots=True)
class Restoring:
    """Which partition is to be restored, and what with. `seen` is its last marker, as far as we know."""

    place: Place
    ring: KeyRing
    ports: Ports
    pen: Pen
    state: DiskCopy
    seen: Marker | None = None

    @property
    def partition(self) -> int:
        return self.place.partition

    def empty(self, marker: Marker) -> PartitionProcessor:
        """The partition as of a marker before which nothing was applied."""
        return PartitionProcessor(self.partition, self.ring, dict(marker.positions), era=marker.era)


async def for_the_first_time(this: Restoring) -> Begun:
    """A partition of which nothing was told yet: its marker comes before anything else."""
    starts = await _starts(this.place)
    for topic, start in starts.items():
        if start > 0:
            logger.warning(
                "partition %d of %s begins at offset %d: what came before is not known here; units appear as they are "
                "heard of, and versions count from 1",
                this.partition,
                topic,
                start,
            )
    marker = Marker(
        starts, new_lineage(), 0, this.pen.commits, 0, began=starts, partitions=this.place.layout.partitions
    )
    await _put_down(this, marker)
    return this.empty(marker), marker


async def _starts(place: Place) -> dict[str, int]:
    """Where the journal begins, by topic."""
    return {topic: (await place.log.bounds(topic, place.partition)).start for topic in place.layout.journals}


async def begun_anew(this: Restoring, other: OtherRowFormat) -> Begun:
    """The state is another release's: all that was told is withdrawn, and told anew by the rules of this one."""
    if not isinstance(other.found, int) or other.found > other.reads:
        raise LaterRelease(this.partition, other) from other
    before = await last_marker(this.place)
    assert before is not None, "rows without a marker are damaged"
    starts = await journal_beginnings(this.place, before)
    count = sum(before.positions.values()) - sum(starts[topic] for topic in before.positions)
    logger.warning(
        "partition %d: its state is of another release (%s). What was told of it is withdrawn, and told anew from its "
        "journal, from the beginning: %d records were applied so far",
        this.partition,
        other.message,
        count,
    )
    progress = Progress(this.ports.clock, f"partition {this.partition}: its journal", count)
    missing = await no_longer_opened(this.place, this.ring, before.positions, before.era, progress.add)
    if missing:
        raise KeysMissing(this.partition, missing)
    return await withdrawn(this, await begin_anew(this.place, this.pen, before, this.ports.clock.now_ms()))


async def withdrawn(this: Restoring, marker: Marker) -> Begun:
    """What a marker says is still to be taken away is taken away."""
    logger.warning("partition %d: withdrawing what was told of it in an earlier era", this.partition)
    done, end = await finish(this.place, this.pen, marker)
    await _begin_disk(this, done, end)
    return this.empty(done), done


async def from_journal(this: Restoring, trouble: Exception) -> Begun:
    """An empty partition that will fold its journal from the beginning; its old rows are struck out.

    What was told stands: the fold has to give the same.
    """
    before = await _undamaged_marker(this.place)
    began = {} if before is None else before.began or {}
    starts = await _starts(this.place)
    for topic, start in starts.items():
        if start > began.get(topic, 0):
            raise HistoryTrimmed(topic, this.partition, start, str(trouble)) from trouble
    logger.error(
        "partition %d: its checkpoint is damaged (%s): rebuilding it from the beginning of its journal",
        this.partition,
        trouble,
    )
    era = await latest_era(this.place) if before is None else before.era
    marker = Marker(
        starts, new_lineage(), 0, this.pen.commits, 0, era, began=starts, partitions=this.place.layout.partitions
    )
    struck_out = [Row(key, None) for key in sorted(await _keys(this.place)) if key != MARKER_KEY]
    await _put_down(this, marker, struck_out)
    return this.empty(marker), marker


async def _undamaged_marker(place: Place) -> Marker | None:
    try:
        return await last_marker(place)
    except DamagedRow:
        return None


async def _put_down(this: Restoring, marker: Marker, struck_out: Sequence[Row] = ()) -> None:
    """Make a marker the whole state, in Kafka and on the disk."""
    state = this.place.layout.state
    sheet = Sheet(state, [*struck_out, Row(MARKER_KEY, marker.encode())], stands_for(marker.positions))
    ends = await this.pen.write([sheet], {(topic, this.partition): at for topic, at in marker.positions.items()})
    await _begin_disk(this, marker, ends[state])


async def _begin_disk(this: Restoring, marker: Marker, end: int) -> None:
    """The disk has that marker and nothing else: it lies right before offset `end` of the changelog."""
    this.seen = marker
    await this.state.clear()
    this.state.head = end
    await this.state.write([Row(MARKER_KEY, marker.encode())], end, bytes.fromhex(marker.lineage))


async def _keys(place: Place) -> set[bytes]:
    """Every key that the changelog has."""
    log, topic = place.log, place.layout.state
    bounds = await log.bounds(topic, place.partition)
    keys: set[bytes] = set()
    async for records in log.read(topic, place.partition, bounds.start, bounds.end):
        keys.update(record.key for record in records if record.key is not None)
    return keys
