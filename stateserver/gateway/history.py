"""Events that are older than what a gateway holds in memory, read from the `changes` topic.

A version's place in its partition is found by halving: from any offset the system's next event has some version,
and a later offset never has an earlier one, but for what a worker that died repeats. A start that is too early is
therefore never wrong: what lies before the version asked for is passed over.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stateserver.codec.change import decode_change
from stateserver.codec.era import era_of
from stateserver.codec.schemas import UnreadableValue
from stateserver.codec.topics import Topics, system_key
from stateserver.domain.change import Change
from stateserver.gateway.change_log import LoggedChange, logged
from stateserver.gateway.known_places import KnownPlaces
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import HistoryUnreachable, UnknownSystem
from stateserver.gateway.system_model import SystemModel
from stateserver.kafka.readers import reader
from stateserver.kafka.unbroken import unbroken

READERS_MAX: Final = 2
"""How many look something up at a time; others wait for their turn."""
LIMIT_S: Final = 30.0
QUIET_S: Final = 10.0
FETCH_BYTES: Final = 256 << 10
STEP_MS: Final = 250
NEAR_RECORDS: Final = 500
"""So close to the place, reading on is quicker than halving."""
NOTE_EVERY: Final = 250


class _Found(NamedTuple):
    """A system's event as it lies in the topic."""

    change: Change
    offset: int


class History:
    """`reading` tells in which partition a system lives."""

    def __init__(self, client_options: Mapping[str, Any], topics: Topics, reading: ReadModel) -> None:
        self._client_options = client_options
        self._topic = topics.changes
        self._reading = reading
        self._places = KnownPlaces()
        self._generation = reading.generation
        self._turn = asyncio.Semaphore(READERS_MAX)

    async def changes(self, system: str, after: int, limit: int) -> Sequence[LoggedChange] | None:
        """Up to `limit` events of a system that follow the version `after`, without a gap.

        None where the first of them is not in the topic any more. Fewer than `limit`: all that the reading model knows
        of, or those before a gap; none only where nothing follows. Raises UnknownSystem, HistoryUnreachable.
        """
        model = self._reading.systems.get(system)
        if model is None or model.partition is None:
            raise UnknownSystem(system)
        if self._generation != self._reading.generation:
            self._places.forget()
            self._generation = self._reading.generation
        try:
            async with self._turn, asyncio.timeout(LIMIT_S):
                return await self._read(model, after, min(after + limit, model.version))
        except (KafkaError, OSError, TimeoutError) as trouble:
            raise HistoryUnreachable(str(trouble) or type(trouble).__name__) from trouble

    async def _read(self, model: SystemModel, after: int, last: int) -> Sequence[LoggedChange] | None:
        consumer = reader(self._client_options, fetch_bytes=FETCH_BYTES, wait_ms=STEP_MS)
        try:
            await unbroken(consumer.start())
            assert model.partition is not None
            place = TopicPartition(self._topic, model.partition)
            search = _Search(consumer, place, model.name, model.era, self._places)
            return await search.changes(after, last)
        finally:
            await consumer.stop()


class _Search:
    """One look-up in one partition, of events of one era."""

    def __init__(self, consumer: Any, place: TopicPartition, system: str, era: int, places: KnownPlaces) -> None:
        self._consumer = consumer
        self._place = place
        self._system = system
        self._key = system_key(system)
        self._era = era
        self._places = places
        consumer.assign([place])

    async def changes(self, after: int, last: int) -> Sequence[LoggedChange] | None:
        """The events after `after` up to `last`; None where the first of them is gone."""
        begins = await self._consumer.beginning_offsets([self._place])
        self._consumer.seek(self._place, await self._find(after, begins[self._place]))
        found: list[LoggedChange] = []
        wanted = after + 1
        while wanted <= last and (events := await self._next()):
            for change, offset in events:
                if change.version > wanted:
                    return found or None  # what lies between is gone, or could not be read
                if change.version == wanted <= last:
                    found.append(logged(change))
                    if wanted % NOTE_EVERY == 0:
                        self._places.note(self._system, wanted, offset)
                    wanted += 1
        return found if found or wanted > last else None

    async def _find(self, after: int, begin: int) -> int:
        """An offset from which the system's next event is not later than the one after `after`, if there is such."""
        known = self._places.between(self._system, after)
        low = max(begin, known.low or 0)
        if known.high is None:
            ends = await self._consumer.end_offsets([self._place])
            high: int = ends[self._place]
        else:
            high = known.high
        while high - low > NEAR_RECORDS:
            middle = (low + high) // 2
            self._consumer.seek(self._place, middle)
            first = next(iter(await self._next(high)), None)
            if first is not None and first.change.version <= after:
                low = first.offset
                self._places.note(self._system, first.change.version, first.offset)
            else:
                high = middle
        return low

    async def _next(self, end: int | None = None) -> list[_Found]:
        """The system's events in what comes next, some at least; none at the partition's end, or behind `end`."""
        quiet_since = time.monotonic()
        while True:
            fetched = await self._consumer.getmany(self._place, timeout_ms=STEP_MS)
            records = fetched.get(self._place, ())
            found = [one for record in records if record.key == self._key and (one := self._read(record)) is not None]
            if found:
                return found
            if records:
                quiet_since = time.monotonic()
            if await self._at(end, quiet_since):
                return []

    def _read(self, record: Any) -> _Found | None:
        if record.value is None or era_of(record.headers) != self._era:
            return None
        try:
            return _Found(decode_change(record.value), record.offset)
        except UnreadableValue:
            return None  # it shows as a gap

    async def _at(self, end: int | None, quiet_since: float) -> bool:
        """Fetching tells the partition's end, where a broker tells too little when it is asked for it."""
        told = self._consumer.highwater(self._place)
        position = await self._consumer.position(self._place)
        if (end is not None and position >= end) or (told is not None and position >= told):
            return True
        return time.monotonic() - quiet_since > QUIET_S
