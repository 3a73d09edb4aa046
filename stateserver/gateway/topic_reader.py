"""A Kafka consumer of all partitions of the topics that a gateway reads, in no group, committing nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from stateserver.codec.topics import Topics
from stateserver.errors import StateServerError
from stateserver.gateway.heartbeat_watch import Journal
from stateserver.kafka.admins import admin

RECORDS_A_STEP: Final = 2_000
STEP_MS: Final = 500
BROKER_ANSWER_S: Final = 5.0
STALLED_S: Final = 15.0
RETRY_BACKOFF_MS: Final = 500


class Record(Protocol):
    """A record as the consumer gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


Offsets = dict[TopicPartition, int]
Records = Mapping[TopicPartition, Sequence[Record]]


class TopicsMissing(StateServerError):
    """The worker, which makes the topics, has not run yet."""


class ReadAnew(StateServerError):
    """The topics are not what was read any more, or something was missed: read them from the start."""


class Partitions(NamedTuple):
    """The partitions of each topic that is read."""

    changes: list[TopicPartition]
    units: list[TopicPartition]
    systems: list[TopicPartition]
    blasts: list[TopicPartition]
    claims: list[TopicPartition]
    heartbeats: list[TopicPartition]

    @property
    def rows(self) -> list[TopicPartition]:
        """Those of the topics that are read whole."""
        return [*self.units, *self.systems, *self.blasts, *self.claims]

    @property
    def all(self) -> list[TopicPartition]:
        """All of them."""
        return [*self.changes, *self.rows, *self.heartbeats]


class TopicReader:
    """For `async with`: connects, and finds the partitions. Raises TopicsMissing where there are none yet."""

    partitions: Partitions

    def __init__(self, client_options: Mapping[str, Any], topics: Topics, journals: Sequence[str]) -> None:
        self._client_options = client_options
        self._topics = topics
        self._journals = journals
        self._journal_partitions: list[TopicPartition] = []
        self._consumer = AIOKafkaConsumer(
            **client_options,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # an offset that is gone is a trouble to tell, not to skip
            isolation_level="read_committed",
            retry_backoff_ms=RETRY_BACKOFF_MS,
            fetch_max_wait_ms=STEP_MS,
        )
        self._progress: dict[TopicPartition, tuple[int, float]] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._consumer.start()
            self.partitions = await self._find_partitions()
            self._consumer.assign(self.partitions.all)
            for partition in self.partitions.all:
                self._consumer.seek(partition, 0)
            self._consumer.pause(*self.partitions.all)
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def _find_partitions(self) -> Partitions:
        names = [getattr(self._topics, name) for name in Partitions._fields]
        async with admin(self._client_options) as client:
            # Of all topics: a broker may create one that is asked for by name, not as the worker would.
            described = await client.describe_topics()
        counts: dict[str, int] = {
            topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]
        }
        missing = [name for name in names if not counts.get(name)]
        if missing:
            raise TopicsMissing(f"no topic {', '.join(missing)}", "start a worker: it makes them")
        self._journal_partitions = [
            TopicPartition(name, number) for name in self._journals for number in range(counts.get(name, 0))
        ]
        return Partitions(*([TopicPartition(name, number) for number in range(counts[name])] for name in names))

    async def bounds(self, partitions: Sequence[TopicPartition]) -> tuple[Offsets, Offsets]:
        """The first offset of each partition, and the one behind its last record."""
        async with asyncio.timeout(BROKER_ANSWER_S):
            return await self._consumer.beginning_offsets(partitions), await self._ends(partitions)

    async def _ends(self, partitions: Sequence[TopicPartition]) -> Offsets:
        """The offset behind the last record of each partition."""
        async with asyncio.timeout(BROKER_ANSWER_S):
            ends: Offsets = await self._consumer.end_offsets(partitions)
        return ends

    async def read(self, begin: Offsets, end: Offsets) -> AsyncIterator[Records]:
        """The records from `begin` to `end` of these partitions alone. Raises ReadAnew if it gets nowhere."""
        for partition, offset in begin.items():
            self._consumer.seek(partition, offset)
        goals = {partition: end[partition] for partition in begin if begin[partition] < end[partition]}
        remaining, begun = set(goals), set[TopicPartition]()
        self._consumer.resume(*remaining)
        moved_at = time.monotonic()
        while remaining:
            records = await self.step()
            # Once for each: while somebody writes, the end that fetching tells runs ahead of us.
            for partition in records.keys() - begun:
                goals[partition] = self._known_end(partition, goals[partition])
            begun |= records.keys()
            yield records
            reached = {one for one in remaining if await self._consumer.position(one) >= goals[one]}
            if reached:
                self._consumer.pause(*reached)
                remaining -= reached
            if records or reached:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > STALLED_S:
                raise ReadAnew(f"nothing came from {len(remaining)} partitions that have more")

    async def read_last(self, partitions: Sequence[TopicPartition]) -> AsyncIterator[Records]:
        """The last record of each, where there is one; `follow` goes on behind it."""
        begins, ends = await self.bounds(partitions)
        async for records in self.read({one: max(begins[one], end - 1) for one, end in ends.items()}, ends):
            yield records

    def follow(self, partitions: Collection[TopicPartition]) -> None:
        """From now on `step` gives what comes, after what was read so far."""
        self._consumer.resume(*partitions)
        self._progress.clear()

    async def step(self) -> Records:
        """What has come; nothing, if nothing comes for a while."""
        records: Records = await self._consumer.getmany(timeout_ms=STEP_MS, max_records=RECORDS_A_STEP)
        return records

    def _known_end(self, partition: TopicPartition, told: int) -> int:
        """Asked for the end, the embedded broker tells where the last batch begins, and one; fetching tells the end."""
        return max(told, self._consumer.highwater(partition) or 0)

    async def heartbeat_ends(self) -> dict[int, int]:
        """Where `heartbeats` ends, by partition."""
        return {one.partition: end for one, end in (await self._ends(self.partitions.heartbeats)).items()}

    async def journal_ends(self) -> dict[Journal, int]:
        """Where the journals end, of which nothing is read here."""
        return {(one.topic, one.partition): end for one, end in (await self._ends(self._journal_partitions)).items()}

    async def lag(self) -> int:
        """How many records of all partitions are still to be read. Asks the broker, so it tells that it is there.

        Raises ReadAnew where a partition has become shorter than what was read of it, or doesn't move.
        """
        ends = await self._ends(self.partitions.all)
        now, behind = time.monotonic(), 0
        for partition, told in ends.items():
            end = self._known_end(partition, told)
            position = await self._consumer.position(partition)
            if position > end:
                raise ReadAnew(f"{partition.topic} {partition.partition} has lost records that were read")
            before, since = self._progress.get(partition, (-1, now))
            if position == end or position != before:
                self._progress[partition] = (position, now)
            elif now - since > STALLED_S:
                raise ReadAnew(f"{partition.topic} {partition.partition} has more, but nothing comes")
            behind += end - position
        return behind
