"""Why a worker has rejected a command: looked up in `rejected`, as nothing else tells."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiokafka.errors import KafkaError

from stateserver.codec.rejected import decode_rejected
from stateserver.codec.schemas import UnreadableValue
from stateserver.codec.topics import system_key
from stateserver.gateway.keyed_reading import KeyedReader
from stateserver.gateway.refusals import JournalUnreachable
from stateserver.kafka.readers import reader

LIMIT_S: Final = 15.0
FETCH_BYTES: Final = 1 << 20
FETCH_WAIT_MS: Final = 500
AROUND_MS: Final = 60 * 60_000
"""Commands are rejected soon, and clocks differ: what was rejected since so long before it was given is looked at."""


class Rejections:
    """`topic` is that of the rejected records."""

    def __init__(self, client_options: Mapping[str, Any], topic: str) -> None:
        self._client_options = client_options
        self._topic = topic
        self._turn = asyncio.Semaphore(2)

    async def reason(self, system: str, journal: str, partition: int, offset: int, since_ms: int) -> str | None:
        """Why the record of a system at that offset of a journal, given at that time, was rejected; None: it wasn't.

        To be asked once a worker is past it: what it rejects it tells before it says so. Raises JournalUnreachable.
        """
        consumer = reader(self._client_options, fetch_bytes=FETCH_BYTES, wait_ms=FETCH_WAIT_MS)
        try:
            async with self._turn, asyncio.timeout(LIMIT_S):
                await consumer.start()
                rejected = KeyedReader(consumer, self._topic, partition, system_key(system))
                await rejected.open()
                rejected.seek(max(rejected.begin, await rejected.offset_at(since_ms - AROUND_MS)))
                while records := await rejected.next(rejected.end):
                    for record in records:
                        reason = _reason_of(record.value or b"", (journal, partition, offset))
                        if reason is not None:
                            return reason
                return None
        except (KafkaError, OSError, TimeoutError) as trouble:
            raise JournalUnreachable(str(trouble) or type(trouble).__name__) from trouble
        finally:
            await consumer.stop()


def _reason_of(value: bytes, place: tuple[str, int, int]) -> str | None:
    try:
        row = decode_rejected(value)
    except UnreadableValue:
        return None
    return row.reason if (row.topic, row.partition, row.offset) == place else None
