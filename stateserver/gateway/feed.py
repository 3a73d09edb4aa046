"""From the topics into the read model: reads them from where it must at the start, then follows them."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stateserver.codec.blast import decode_blast_part
from stateserver.codec.change import decode_change
from stateserver.codec.claim import decode_claim
from stateserver.codec.era import era_of
from stateserver.codec.heartbeat import decode_heartbeat
from stateserver.codec.schemas import UnreadableValue
from stateserver.codec.system import decode_system
from stateserver.codec.topics import Topics, split_blast_key, split_unit_key
from stateserver.codec.unit import split_unit
from stateserver.garbage import keep_for_good
from stateserver.gateway.heartbeat_watch import HeartbeatWatch
from stateserver.gateway.hub import Hub
from stateserver.gateway.liveness import Condition, Liveness
from stateserver.gateway.metrics import Metrics
from stateserver.gateway.read_model import ReadModel, Rows
from stateserver.gateway.system_model import Folded, SystemModel, Trouble
from stateserver.gateway.topic_reader import (
    RECORDS_A_STEP,
    Offsets,
    ReadAnew,
    Record,
    Records,
    TopicReader,
    TopicsMissing,
)
from stateserver.gateway.wall_clock import now_ms
from stateserver.kafka.unbroken import unbroken

log = logging.getLogger(__name__)

HISTORY_RECORDS: Final = 50_000
"""How many of a partition's latest changes are read at the start, so that clients can resume in them."""
STEP_S: Final = 0.02
"""What comes is carried over once in this time: so a thousand clients get a burst in one message each, not in many."""
FULL_STEP: Final = RECORDS_A_STEP // 2
"""With so much at once there is a backlog: no waiting then."""
LOOK_EVERY_S: Final = 2.0
HELD_UP_S: Final = 3.0
"""Who was held up for so long, by the broker or in this process, has perhaps only not heard that workers are there."""
RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
TROUBLE_RETRY_S: Final = 30.0

Taker = TypeVar("Taker")
Taken = TypeVar("Taken")


class Feed:
    """Keeps `reading` at the present; run `run` as a task."""

    def __init__(
        self,
        client_options: Mapping[str, Any],
        topics: Topics,
        journals: Sequence[str],
        reading: ReadModel,
        hub: Hub,
        liveness: Liveness,
        metrics: Metrics,
    ) -> None:
        self._client_options = client_options
        self._topics = topics
        self._journals = journals
        self._watch = HeartbeatWatch((), ())
        self._reading = reading
        self._hub = hub
        self._liveness = liveness
        self._metrics = metrics

    async def run(self) -> None:
        """Read and follow the topics until cancelled, starting over as often as it takes."""
        attempt = 0
        while True:
            try:
                async with TopicReader(self._client_options, self._topics, self._journals) as reader:
                    self._watch = HeartbeatWatch(
                        [one.partition for one in reader.partitions.heartbeats], self._journals
                    )
                    await self._read(reader)
                    attempt = 0
                    await self._follow(reader)
            except TopicsMissing as trouble:
                self._enter(Condition.NO_TOPICS, trouble)
            except ReadAnew as trouble:
                self._enter(Condition.READING_ANEW, trouble)
            except (KafkaError, OSError, TimeoutError) as trouble:
                self._enter(Condition.BROKER_LOST, trouble)
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    def _enter(self, condition: Condition, trouble: Exception) -> None:
        if condition is self._liveness.condition:
            return
        log.warning("the feed is %s: %s", condition, str(trouble) or type(trouble).__name__)
        self._liveness.enter(condition)
        self._hub.wake_all()

    async def _read(self, reader: TopicReader) -> None:
        """Read all that the present follows from, beside what is shown meanwhile."""
        await self._ask(reader)  # before all else: heartbeats that come behind this are young
        rows = await self._read_rows(reader)
        begins, ends = await reader.bounds(reader.partitions.changes)
        starts = {
            one: max(begins[one], min(rows.changes_from(one.partition), ends[one] - HISTORY_RECORDS)) for one in begins
        }
        fresh, gaps = await self._read_changes(reader, rows, starts, ends)
        if gaps:
            log.warning("events are missing in %d partitions: reading these from further back", len(gaps))
            starts |= {one: max(begins[one], rows.changes_from_earliest(one.partition)) for one in gaps}
            fresh, _ = await self._read_changes(reader, rows, starts, ends)
        async for records in reader.read_last(reader.partitions.heartbeats):
            self._take_heartbeats(records)
        self._reading.adopt(fresh)
        keep_for_good()
        for model in fresh.systems.values():
            if not model.whole:
                log.error("what is told of system %r is not whole: %s", model.name, model.trouble)
        self._watch.begin(time.monotonic())
        reader.follow(reader.partitions.all)
        self._liveness.has_read()
        self._judge()
        self._hub.published(self._reading.systems)

    async def _read_rows(self, reader: TopicReader) -> Rows:
        rows, topics = Rows(), self._topics
        takers: dict[str, Callable[[Rows, Record], None]] = {
            topics.units: _put_unit,
            topics.systems: _put_system,
            topics.blasts: _put_blast,
            topics.claims: _put_claim,
        }
        begins, ends = await reader.bounds(reader.partitions.rows)
        async for records in reader.read(begins, ends):
            for partition, batch in records.items():
                take = takers[partition.topic]
                for record in batch:
                    self._guarded(take, rows, record)
        return rows

    async def _read_changes(
        self, reader: TopicReader, rows: Rows, starts: Offsets, ends: Offsets
    ) -> tuple[ReadModel, set[TopicPartition]]:
        """A fresh reading, and the partitions in which events are missing."""
        fresh, gaps = self._reading.begin(rows), set[TopicPartition]()
        async for records in reader.read(starts, ends):
            for partition, batch in records.items():
                for record in batch:
                    folded = self._guarded(self._fold, fresh, record)
                    if folded is Folded.ANEW:
                        if not fresh.begin_anew(_system_of(record), era_of(record.headers)):
                            raise _begun_anew(_system_of(record))
                        folded = self._guarded(self._fold, fresh, record)
                    if folded is Folded.GAP:
                        gaps.add(partition)
            fresh.trim_logs()
        return fresh, gaps

    async def _follow(self, reader: TopicReader) -> None:
        """Take what comes, until there is trouble."""
        looking = asyncio.create_task(self._look_around(reader))
        retry_at = time.monotonic() + TROUBLE_RETRY_S
        try:
            while not looking.done():
                began = time.monotonic()
                records = await reader.step()
                self._take(records)
                self._liveness.beat()
                if sum(map(len, records.values())) < FULL_STEP:
                    await asyncio.sleep(began + STEP_S - time.monotonic())
                if time.monotonic() > retry_at and any(map(_may_be_cured, self._reading.systems.values())):
                    raise ReadAnew("what is told of some systems is not whole")
            looking.result()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_around(self, reader: TopicReader) -> None:
        """See that the broker is there, that what it has reaches us, and that workers are at work."""
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                self._metrics.lag.set(await reader.lag())
                await self._ask(reader)
            except (KafkaError, OSError, TimeoutError) as trouble:
                self._enter(Condition.BROKER_LOST, trouble)  # the consumer itself tries to connect again
                continue
            held_up = time.monotonic() - began_s > LOOK_EVERY_S + HELD_UP_S
            if held_up or self._liveness.condition is Condition.BROKER_LOST:
                self._watch.begin(time.monotonic())
            self._judge()

    async def _ask(self, reader: TopicReader) -> None:
        await unbroken(self._ask_for_ends(reader))

    async def _ask_for_ends(self, reader: TopicReader) -> None:
        asked_s = time.monotonic()
        self._watch.asked(await reader.heartbeat_ends(), await reader.journal_ends(), asked_s)

    def _judge(self) -> None:
        """Tell of each partition whether what is held of it is the present, where that has changed."""
        before = self._liveness.troubles
        self._liveness.watch(self._watch.standings(time.monotonic(), now_ms()), self._watch.troubled)
        if self._liveness.troubles == before:
            return
        for trouble in self._liveness.troubles:
            level = logging.INFO if trouble.condition is Condition.AWAITING_WORKER else logging.WARNING
            log.log(level, "not live: %s", trouble.shown())
        if self._liveness.live:
            log.info("the feed is live")
        self._hub.wake_all()

    def _take_heartbeats(self, records: Records) -> bool:
        """Whether there were any."""
        beats = list(_flat(records, self._topics.heartbeats))
        for record in beats:
            self._guarded(self._take_heartbeat, self._watch, record)
        return bool(beats)

    def _take_heartbeat(self, watch: HeartbeatWatch, record: Record) -> None:
        if record.value is not None:
            appended_ms = record.timestamp if record.timestamp >= 0 else None
            beat = decode_heartbeat(record.value)
            if beat.positions and self._reading.eras.is_withdrawn(record.partition, era_of(record.headers)):
                return  # its worker goes on from what was withdrawn, and doesn't know yet
            watch.came(record.partition, record.offset, beat, appended_ms)
            self._reading.positions |= {(topic, beat.partition): at for topic, at in beat.positions.items()}

    def _take(self, records: Records) -> None:
        """Carry over what came: events first, since rows only follow them."""
        touched = set[str]()
        for record in _flat(records, self._topics.changes):
            touched.add(_system_of(record))
            folded = self._guarded(self._fold, self._reading, record)
            if folded is Folded.ANEW:
                raise _begun_anew(_system_of(record))
            if folded in (Folded.GAP, Folded.CONFLICT):
                self._hub.published(touched)
                raise ReadAnew(f"the events of system {_system_of(record)!r} don't follow on each other")
        rows = self._topics.units, self._topics.systems, self._topics.blasts, self._topics.claims
        for record in _flat(records, *rows):
            self._guarded(self._take_row, self._reading, record)
        if self._take_heartbeats(records) and self._liveness.serving:
            self._judge()
        self._hub.published(touched)
        self._reading.trim_logs()  # not before: who keeps up must not fall behind by it

    def _take_row(self, reading: ReadModel, record: Record) -> None:
        if record.value is None:
            self._take_tombstone(reading, record)
        elif record.topic == self._topics.units:
            reading.refresh_unit(split_unit(record.value))
        elif record.topic == self._topics.systems:
            reading.refresh(decode_system(record.value), era_of(record.headers))
        elif record.topic == self._topics.claims:
            reading.claims.note(decode_claim(record.value), record.partition, record.offset)
        else:
            reading.blasts.put(decode_blast_part(record.value))

    def _take_tombstone(self, reading: ReadModel, record: Record) -> None:
        """Of a unit that is gone, events tell. What is withdrawn names the era that begins with it."""
        era, key = era_of(record.headers), record.key or b""
        if record.topic == self._topics.blasts:
            reading.blasts.drop(*split_blast_key(key))
        elif era and record.topic in (self._topics.units, self._topics.systems):
            name, _, path = key.decode().partition("/")
            model = reading.systems.get(name)
            if model is None or era < model.era:
                return
            if era > model.era or not (path == "" or model.withdraw_unit(path)):
                raise _begun_anew(name)

    def _fold(self, reading: ReadModel, record: Record) -> Folded | None:
        if record.value is None:
            return None
        folded = reading.fold(decode_change(record.value), record.partition, era_of(record.headers))
        self._metrics.changes.labels(folded.name.lower()).inc()
        return folded

    def _guarded(self, take: Callable[[Taker, Record], Taken], into: Taker, record: Record) -> Taken | None:
        """Take a record; one that can't be read is told and left out (of `changes`, that shows as a gap)."""
        try:
            return take(into, record)
        except (UnreadableValue, ValueError) as trouble:
            self._metrics.unreadable.labels(record.topic).inc()
            log.error("%s %s at %s: %s", record.topic, record.partition, record.offset, trouble)
            return None


def _put_unit(rows: Rows, record: Record) -> None:
    if record.value is None:
        rows.eras.note(record.partition, era_of(record.headers))
        rows.drop_unit(*split_unit_key(record.key or b""), era_of(record.headers))
    else:
        rows.put_unit(split_unit(record.value))


def _put_system(rows: Rows, record: Record) -> None:
    rows.eras.note(record.partition, era_of(record.headers))
    if record.value is None:
        rows.drop_system(_system_of(record), era_of(record.headers))
    else:
        rows.put_system(decode_system(record.value), era_of(record.headers))


def _put_blast(rows: Rows, record: Record) -> None:
    if record.value is None:
        rows.blasts.drop(*split_blast_key(record.key or b""))
    else:
        rows.blasts.put(decode_blast_part(record.value))


def _put_claim(rows: Rows, record: Record) -> None:
    if record.value is not None:
        rows.claims.note(decode_claim(record.value), record.partition, record.offset)


def _flat(records: Records, *topics: str) -> Iterator[Record]:
    for partition, batch in records.items():
        if not topics or partition.topic in topics:
            yield from batch


def _may_be_cured(model: SystemModel) -> bool:
    """By reading everything anew."""
    return not model.whole and model.trouble is not Trouble.WITHDRAWN


def _begun_anew(system: str) -> ReadAnew:
    return ReadAnew(f"what was told of system {system!r} was withdrawn, and is told anew")


def _system_of(record: Record) -> str:
    return (record.key or b"").decode(errors="replace")
