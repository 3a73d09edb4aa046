"""Where a system's journal lies, and whether this is its home: told by the record that was last applied of it.

Its row names a partition and an offset, but no topic, of which there may be several; and only the record itself says
that it was forwarded from another State Server. So that record is looked up.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stateserver.codec.system import SystemRow
from stateserver.codec.topics import system_key
from stateserver.gateway.keyed_reading import KeyedReader
from stateserver.gateway.refusals import HomeUnknown, JournalUnreachable, NotAtHome
from stateserver.kafka.readers import reader

FORWARDED_HEADER: Final = "via"
"""The header that names the way a forwarded record came (spec page 3, Mesh)."""
LOOK_UP_S: Final = 10.0
STEP_MS: Final = 2_000
FETCH_WAIT_MS: Final = 500
FETCH_BYTES: Final = 64 << 10
SEARCH_S: Final = 60.0
SEARCH_BYTES: Final = 4 << 20


class JournalHome:
    """`journals` are the packets topics."""

    def __init__(self, client_options: Mapping[str, Any], journals: Sequence[str]) -> None:
        self._client_options = client_options
        self._journals = journals
        self._topics: dict[str, str] = {}
        self._turn = asyncio.Semaphore(2)

    async def home(self, row: SystemRow) -> str:
        """The topic to append a system's commands to. Raises NotAtHome, HomeUnknown, JournalUnreachable."""
        for topic in self._likely(row.system):
            record = await self._record(topic, row)
            if record is None or record.key != system_key(row.system):
                continue
            self._topics[row.system] = topic
            if any(name == FORWARDED_HEADER for name, _ in record.headers):
                raise NotAtHome(row.system)
            return topic
        raise HomeUnknown(row.system)

    async def topic(self, row: SystemRow | None) -> str:
        """The topic that a system lives in; the first one for a system that is new. Raises as `home`, but NotAtHome."""
        if row is None or len(self._journals) == 1:
            return self._journals[0]
        if row.system not in self._topics:
            try:
                return await self.home(row)
            except NotAtHome:
                """Its topic is known now all the same."""
        return self._topics[row.system]

    async def find(self, topic: str, partition: int, begin: int, key: bytes, value: bytes) -> int | None:
        """The offset of that very record, from `begin` on; None where it isn't there. Raises JournalUnreachable."""
        async with self._reading(SEARCH_BYTES, SEARCH_S) as consumer:
            journal = KeyedReader(consumer, topic, partition, key)
            await journal.open()
            journal.seek(max(begin, journal.begin))
            while records := await journal.next(journal.end):
                for record in records:
                    if record.value == value:
                        return int(record.offset)
            return None

    def _likely(self, system: str) -> list[str]:
        known = self._topics.get(system)
        return sorted(self._journals, key=lambda topic: topic != known)

    async def _record(self, topic: str, row: SystemRow) -> Any:
        """The record at the row's place in that topic, or None where there is none (any more)."""
        place = TopicPartition(topic, row.partition)
        async with self._reading(FETCH_BYTES, LOOK_UP_S) as consumer:
            consumer.assign([place])
            begins, ends = await asyncio.gather(consumer.beginning_offsets([place]), consumer.end_offsets([place]))
            # A broker may understate an end by part of a batch: only what lies before the begin is surely gone.
            if row.offset < begins[place] or not ends[place]:
                return None
            consumer.seek(place, row.offset)
            while True:
                found = (await consumer.getmany(place, timeout_ms=STEP_MS)).get(place, ())
                if found or row.offset >= ends[place]:
                    return next((record for record in found if record.offset == row.offset), None)

    @asynccontextmanager
    async def _reading(self, fetch_bytes: int, limit_s: float) -> AsyncIterator[Any]:
        """A consumer that is connected, for so long at most. Raises JournalUnreachable."""
        consumer = reader(self._client_options, fetch_bytes=fetch_bytes, wait_ms=FETCH_WAIT_MS)
        try:
            async with self._turn, asyncio.timeout(limit_s):
                await consumer.start()
                yield consumer
        except (KafkaError, OSError, TimeoutError) as trouble:
            raise JournalUnreachable(str(trouble) or type(trouble).__name__) from trouble
        finally:
            await consumer.stop()
