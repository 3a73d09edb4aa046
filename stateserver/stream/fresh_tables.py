"""A partition folded again from its journal by the worker's own code, beside whoever works on it: all its tables' rows.

What was told of it is checked on the way: the fold must give the events that lie in `changes`, and no others. (What
withdraws them, so that others may be told, is in `withdrawal`.)
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from stateserver.codec.blast import encode_blast
from stateserver.codec.change import decode_change
from stateserver.codec.system import SystemRow
from stateserver.domain.change import Change
from stateserver.security.keyring import KeyRing
from stateserver.stream.errors import CannotSwap, EventsDiffer
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.place import Place
from stateserver.stream.ports import Batch, Row
from stateserver.stream.state_rows import MARKER_KEY, Marker, decode_marker, is_of_the_core
from stateserver.stream.told import Told

DIGEST_BYTES: Final = 8
LOOK_AHEAD_RECORDS: Final = 20_000
Passed = Callable[[int], object]


def digest(value: bytes) -> bytes:
    """Tells values apart without keeping them."""
    return hashlib.blake2b(value, digest_size=DIGEST_BYTES).digest()


class LiveTable:
    """The partition of a compacted topic, as far as it was read: of each key the digest of what it has, if anything."""

    def __init__(self, place: Place, topic: str) -> None:
        self.digests: dict[bytes, bytes | None] = {}
        self.marker: Marker | None = None
        self.topic = topic
        self._place = place
        self._read_to = 0

    async def read_on(self) -> None:
        """Take in what it has got since. Raises what the log raises, and DamagedRow."""
        log, partition = self._place.log, self._place.partition
        bounds = await log.bounds(self.topic, partition)
        async for records in log.read(self.topic, partition, max(self._read_to, bounds.start), bounds.end):
            for record in records:
                if record.key == MARKER_KEY and record.value is not None:
                    self.marker = decode_marker(record.value)
                elif record.key is not None:
                    self.digests[record.key] = None if record.value is None else digest(record.value)
        self._read_to = bounds.end

    def differing(self, wanted: Mapping[bytes, bytes]) -> list[Row]:
        """Rows that make it hold what is wanted, and nothing else."""
        gone = [Row(key, None) for key, has in self.digests.items() if has is not None and key not in wanted]
        return [*gone, *(Row(key, value) for key, value in wanted.items() if self.digests.get(key) != digest(value))]

    def replacing(self, wanted: Mapping[bytes, bytes]) -> list[Row]:
        """As `differing`, with all rows anew, and every key that ever was struck out."""
        gone = [Row(key, None) for key in self.digests if key not in wanted]
        return [*gone, *(Row(key, value) for key, value in wanted.items())]


class BlastRow(NamedTuple):
    """A row of `blasts`; without its value where that lies there anyway, as all of them would fill the memory."""

    digest: bytes
    value: bytes | None


class Rebuilt:
    """All rows of a partition's tables as of `positions`, by table."""

    def __init__(self) -> None:
        self.state: dict[bytes, bytes] = {}
        self.units: dict[bytes, bytes] = {}
        self.blasts: dict[bytes, BlastRow] = {}
        self.systems: dict[str, SystemRow] = {}
        self.untold: Change | None = None
        self.positions: dict[str, int] = {}

    def states_that_differ(self, live: LiveTable) -> int:
        """How many rows of the systems' state differ: from that alone follows whether what comes next is told right."""
        ours = {key: digest(value) for key, value in self.state.items() if is_of_the_core(key)}
        theirs = {key: has for key, has in live.digests.items() if has is not None and is_of_the_core(key)}
        return sum(ours.get(key) != theirs.get(key) for key in ours.keys() | theirs.keys())

    def blasts_that_differ(self, live: LiveTable) -> list[Row]:
        """Rows that make `blasts` hold these and nothing else. Raises CannotSwap where one changed while we folded."""
        rows = [Row(key, None) for key, has in live.digests.items() if has is not None and key not in self.blasts]
        for key, row in self.blasts.items():
            if live.digests.get(key) != row.digest:
                if row.value is None:
                    raise CannotSwap(f"a row of {live.topic} has changed meanwhile", "try again")
                rows.append(Row(key, row.value))
        return rows


class Rebuilding:
    """The fold, as far as it has come. `passed` is told how many journal records it went over."""

    def __init__(
        self, place: Place, ring: KeyRing, starts: Mapping[str, int], era: int, blasts: LiveTable, passed: Passed
    ) -> None:
        self.rebuilt = Rebuilt()
        self._place = place
        self._blasts = blasts
        self._passed = passed
        self._processor = PartitionProcessor(place.partition, ring, dict(starts), era=era)
        self._versions: dict[str, int] = {}
        self._told = Told(place.layout.topics.changes, place.partition, self._versions, era)
        self._told_from: dict[str, int] = {}
        self._told_to = 0

    async def read_told(self) -> None:
        """Take in what `changes` has got since. Raises EventsDiffer where it contradicts itself."""
        topic, log, partition = self._place.layout.topics.changes, self._place.log, self._place.partition
        bounds = await log.bounds(topic, partition)
        self._versions.update({name: one.system.version for name, one in self._processor.systems.items()})
        async for records in log.read(topic, partition, max(self._told_to, bounds.start), bounds.end):
            self._told.note(records)
        self._told_to = bounds.end
        for system, first in self._told.begins.items():
            self._told_from.setdefault(system, first)
        self._processor.expect(self._told)

    async def fold_to(self, positions: Mapping[str, int]) -> None:
        """Apply the journal up to there. Raises EventsDiffer, RecordStopsPartition, and what the log raises."""
        for topic, end in positions.items():
            await self._fold(topic, end)

    async def _fold(self, topic: str, end: int, *, keep: bool = True) -> None:
        processor, partition = self._processor, self._place.partition
        start = processor.positions[topic]
        async for records in self._place.log.read(topic, partition, start, end):
            emitted = processor.process(Batch(topic, partition, processor.positions[topic], records))
            if emitted.stopped is not None:
                raise emitted.stopped
            if keep:
                self._passed(len(records))
                self._note_untold(emitted.changes)
                self._take_blasts()
        processor.positions[topic] = max(start, end)  # what is no record counts too

    def _note_untold(self, rows: Iterable[Row]) -> None:
        """An event that nobody was told. What lies before a system's first one in `changes` was: retention took it."""
        for row in rows if self.rebuilt.untold is None else ():
            change = decode_change(row.value or b"")
            if change.version >= self._told_from.get(change.system, 0):
                self.rebuilt.untold = change
                return

    def _take_blasts(self) -> None:
        for system, stage in self._processor.take_blasts():
            for key, value in encode_blast(system, stage):
                is_there = self._blasts.digests.get(key) == digest(value)
                self.rebuilt.blasts[key] = BlastRow(digest(value), None if is_there else value)

    def cut(self) -> None:
        """Bring `rebuilt` up to where the fold stands."""
        processor, rebuilt = self._processor, self.rebuilt
        while processor.moved or processor.unpublished:
            cut = processor.cut()
            _merge(rebuilt.state, cut.state)
            _merge(rebuilt.units, cut.units)
            rebuilt.systems.update((row.system, row) for row in cut.systems)
        rebuilt.positions = dict(processor.positions)

    async def check_what_was_told_since(self) -> None:
        """Fold on, for nothing else, until all that was told is found. Raises EventsDiffer and CannotSwap."""
        log, partition = self._place.log, self._place.partition
        for topic in self._place.layout.journals:
            end = (await log.bounds(topic, partition)).end
            while self._processor.expects and (start := self._processor.positions[topic]) < end:
                await self._fold(topic, min(end, start + LOOK_AHEAD_RECORDS), keep=False)
        if self._processor.expects:
            raise EventsDiffer(self._place.layout.topics.changes, partition, *self._told.any_open())


def _merge(table: dict[bytes, bytes], rows: Iterable[Row]) -> None:
    for row in rows:
        assert row.key is not None
        if row.value is None:
            table.pop(row.key, None)
        else:
            table[row.key] = row.value
