"""The state table's rows at its last marker: those on disk, with what the changelog has beyond them.

Faust's own reading of changelogs is not used. It counts offsets, so it waits for ever where a changelog ends in what
is no record (the marker of a transaction); it passes over errors of a store with a warning; and it knows of no cut
that several rows belong to.
"""

import logging
from typing import Final, NamedTuple

from stateserver.stream.changelog import CutReader, OtherLog
from stateserver.stream.disk_copy import DiskCopy
from stateserver.stream.ports import Clock, Ports, Row

logger = logging.getLogger(__name__)

PROGRESS_EVERY_MS: Final = 2_000


class TableRead(NamedTuple):
    """All rows, and where in the changelog they stand. `changed` are the keys of what the disk doesn't have yet.

    `begins_anew`: what the disk has is of another log.
    """

    rows: dict[bytes, bytes]
    position: int
    lineage: bytes
    changed: set[bytes]
    begins_anew: bool = False


class Progress:
    """Says now and then how far a topic is read."""

    def __init__(self, clock: Clock, what: str, end: int) -> None:
        self._clock = clock
        self._what = what
        self._end = end
        self._passed = 0
        self._told_ms = clock.now_ms()

    def add(self, records: int) -> None:
        """So many more are read, where offsets don't say how many."""
        self._passed += records
        self.tell(self._passed)

    def tell(self, offset: int) -> None:
        """It is read up to there."""
        now_ms = self._clock.now_ms()
        if now_ms - self._told_ms >= PROGRESS_EVERY_MS:
            self._told_ms = now_ms
            logger.info("%s read to offset %d of %d", self._what, offset, self._end)


async def read_table(partition: int, ports: Ports, disk: DiskCopy) -> TableRead:
    """Read it, and leave the disk as it is. Raises DamagedRow."""
    try:
        return await _read_on(partition, ports, disk.topic, disk.rows(), CutReader(disk.position, disk.lineage))
    except OtherLog as why:
        logger.warning("partition %d: its files are not of this changelog (%s): reading it all", partition, why)
        read = await _read_on(partition, ports, disk.topic, {}, CutReader(0, b""))
        return read._replace(begins_anew=True)


async def keep_table(disk: DiskCopy, read: TableRead) -> None:
    """Bring the disk up to what was read."""
    disk.head = read.position
    if read.begins_anew:
        await disk.clear()
    if read.position != disk.position:
        await disk.write([Row(key, read.rows.get(key)) for key in read.changed], read.position, read.lineage)


async def _read_on(partition: int, ports: Ports, topic: str, rows: dict[bytes, bytes], reader: CutReader) -> TableRead:
    bounds = await ports.log.bounds(topic, partition)
    if reader.position > bounds.end:
        raise OtherLog(f"it ends at offset {bounds.end}, before {reader.position}")
    progress = Progress(ports.clock, f"partition {partition}: {topic}", bounds.end)
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
    return TableRead(rows, reader.position, reader.lineage, changed)
