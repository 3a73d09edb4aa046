"""What the workers' tables say of a partition, read beside them, to be held against a fold of the journal."""

from collections.abc import Callable, Collection

from aiokafka import TopicPartition

from stateserver.codec.system import decode_system
from stateserver.codec.topics import split_unit_key
from stateserver.commands.log_reader import Bounds, LogReader, Record
from stateserver.replay.comparing import LiveSystem, LiveTables, LiveUnit, Positions
from stateserver.stream.last_marker import find_last_marker
from stateserver.stream.layout import Layout
from stateserver.stream.state_rows import STANDS_FOR, Marker


class LiveTablesReader:
    """Reads the tables of one partition after the other; with `wanted`, of these systems alone."""

    def __init__(self, reader: LogReader, layout: Layout, wanted: Collection[str]) -> None:
        self._reader = reader
        self._layout = layout
        self._wanted = set(wanted)
        self._positions: dict[bytes, Positions] = {}
        self._cuts: dict[int, Positions] = {}
        self._held: dict[TopicPartition, Bounds] = {}

    async def survey(self, partitions: Collection[int]) -> None:
        """Find where these partitions' tables begin and end now; comes before `read`.

        The cuts first: what their checkpoints wrote is in all tables that are read after it.
        """
        layout = self._layout
        states = await self._reader.bounds([TopicPartition(layout.state, one) for one in partitions])
        for place, held in states.items():
            marker = await self._last_marker(place, held)
            self._cuts[place.partition] = {} if marker is None else marker.positions
        tables = [layout.topics.units, layout.topics.systems]
        self._held = await self._reader.bounds([TopicPartition(topic, one) for topic in tables for one in partitions])

    async def read(self, partition: int) -> LiveTables:
        """The tables as they stand. Raises CannotRead, and UnreadableValue for a row that is none."""
        tables = LiveTables(self._cuts[partition])
        topics = self._layout.topics
        await self._each(topics.units, partition, lambda record: self._take_unit(tables, record))
        await self._each(topics.systems, partition, lambda record: self._take_system(tables, record))
        return tables

    async def _last_marker(self, place: TopicPartition, held: Bounds) -> Marker | None:
        return await find_last_marker(held, lambda start, end: self._reader.read(place, start, end))

    async def _each(self, topic: str, partition: int, take: Callable[[Record], None]) -> None:
        place = TopicPartition(topic, partition)
        async for records in self._reader.read(place, *self._held[place]):
            for record in records:
                take(record)

    def _take_unit(self, tables: LiveTables, record: Record) -> None:
        system, path = split_unit_key(record.key or b"")
        if not self._wanted or system in self._wanted:
            row = LiveUnit(record.value, self._stands_for(record))
            tables.units.setdefault(system, {})[path] = row

    def _take_system(self, tables: LiveTables, record: Record) -> None:
        name = (record.key or b"").decode()
        if self._wanted and name not in self._wanted:
            return
        if record.value is None:
            tables.systems.pop(name, None)
        else:
            tables.systems[name] = LiveSystem(decode_system(record.value), self._stands_for(record))

    def _stands_for(self, record: Record) -> Positions | None:
        """The positions that a row says it stands for; None where it doesn't say."""
        said = dict(record.headers).get(STANDS_FOR)
        if said is None:
            return None
        if said not in self._positions:
            try:
                pairs = (part.rpartition(":") for part in said.decode().split(","))
                self._positions[said] = {topic: int(offset) for topic, _, offset in pairs}
            except ValueError:
                return None
        return self._positions[said]
