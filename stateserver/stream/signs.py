"""A partition's signs of life: what gateways are told of it, and what the worker tells of its own health.

A gateway believes them, so they never say more than is so: what they call applied was told before them.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from stateserver.codec.era import FIRST_ERA, era_headers
from stateserver.codec.heartbeat import (
    Heartbeat,
    PartitionCondition,
    TroubledSource,
    encode_heartbeat,
    heartbeat_key,
)
from stateserver.kafka.pursuit import Pursuit
from stateserver.stream.checkpoint import Events
from stateserver.stream.intake import told_of
from stateserver.stream.layout import Layout
from stateserver.stream.metrics import Metrics
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.ports import Ports, Progress, Row

logger = logging.getLogger(__name__)


class Identity(NamedTuple):
    """A worker process: a name drawn at its start, and the version that it runs."""

    worker: str = "nobody"
    version: str = ""


class Read(NamedTuple):
    """A partition that is restored and read on: what was made of it, and what is on its way to be told."""

    processor: PartitionProcessor
    events: Events


class Signs:
    """Times in ms since 1970, by the worker's clock. `given_ms`: when the last sign was safe, or care began."""

    def __init__(self, partition: int, ports: Ports, layout: Layout, metrics: Metrics, identity: Identity) -> None:
        self.condition = PartitionCondition.RESTORING
        self.why: str | None = None
        self.since_ms = self.given_ms = self._held_since = ports.clock.now_ms()
        self._troubled: list[TroubledSource] = []
        self._partition = partition
        self._ports = ports
        self._layout = layout
        self._metrics = metrics
        self._identity = identity
        self._pursuits = {topic: Pursuit() for topic in layout.journals}

    def enter(self, condition: PartitionCondition, why: str | None = None) -> None:
        """So it is from now on."""
        self.condition, self.why, self.since_ms = condition, why, self._ports.clock.now_ms()

    def hold_anew(self) -> None:
        """The group gave it to us once more: others may have told of it meanwhile."""
        self._held_since = self._ports.clock.now_ms()

    @property
    def behind_since_ms(self) -> float | None:
        """Since when there has been something to read that isn't applied; None where there is nothing."""
        return min((since for one in self._pursuits.values() if (since := one.behind_since) is not None), default=None)

    async def give(self, read: Read | None, still_ours: Callable[[], bool]) -> None:
        """Tell gateways; `read` None: it is not restored yet, or stopped. Raises what the ports raise.

        Nothing is told while partitions are being given out anew: nobody knows whose they are.
        """
        positions: dict[str, int] = {}
        if read is not None:
            known = await self._positions(read.processor, still_ours)
            if known is None:
                return
            positions = known
            await read.events.flush()
            self._look_at_intake(read.processor)
        if not still_ours():
            return
        era = era_headers(FIRST_ERA if read is None else read.processor.era)
        row = Row(heartbeat_key(self._partition), encode_heartbeat(self._heartbeat(read, positions)), era)
        await self._ports.log.append(self._layout.topics.heartbeats, self._partition, [row])
        self.given_ms = self._ports.clock.now_ms()

    async def _positions(self, processor: PartitionProcessor, still_ours: Callable[[], bool]) -> dict[str, int] | None:
        """By topic, the offset up to which all is applied, also where no records lie. None where it can't be known."""
        found: dict[str, Progress] = {}
        for topic in self._layout.journals:
            progress = await self._ports.journal.progress(topic, self._partition)
            if progress is None or not still_ours():
                return None
            found[topic] = progress
        positions, now_ms = dict(processor.positions), self._ports.clock.now_ms()
        for topic, (read, handed, end) in found.items():
            if handed <= positions[topic]:
                positions[topic] = max(positions[topic], read)
            self._metrics.unread[topic, self._partition] = max(end - positions[topic], 0)
            self._pursuits[topic].ends(end, now_ms)
            self._pursuits[topic].reached(positions[topic])
        return positions

    def _heartbeat(self, read: Read | None, positions: dict[str, int]) -> Heartbeat:
        systems = [] if read is None else [tracked.system for tracked in read.processor.systems.values()]
        return Heartbeat(
            self._partition,
            self.condition,
            self.why,
            self.since_ms,
            positions,
            len(systems),
            max((system.clock for system in systems if system.clock is not None), default=None),
            self._ports.clock.now_ms(),
            *self._identity,
            self._held_since,
            self._troubled,
        )

    def _look_at_intake(self, processor: PartitionProcessor) -> None:
        """Say what was rejected, and of which sources nothing is of use."""
        now_ms, intake, before = self._ports.clock.now_ms(), processor.intake, self._troubled
        self._troubled = intake.watch.troubled(now_ms)
        for line in (*intake.rejections.due(now_ms), *told_of(before, self._troubled)):
            logger.warning(line)
        self._metrics.troubled[self._partition] = Counter(one.why for one in self._troubled)
