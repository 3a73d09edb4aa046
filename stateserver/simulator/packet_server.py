"""A Packet Server's half of the journal: seals frames and appends them to the packets topic."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from aiokafka import AIOKafkaProducer

from stateserver.codec.packet import Kind
from stateserver.codec.topics import system_key
from stateserver.domain.records import FrameRecord
from stateserver.security.envelope import seal
from stateserver.security.keyring import KeyRing
from stateserver.simulator.capture import Played

UNDER_WAY_MAX: Final = 1_000


class PacketServer:
    """Appends frames with `producer`, which is the caller's to start and stop.

    `acknowledged` counts those that the broker has said are safe, `sent` all that were handed over to it.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str, ring: KeyRing) -> None:
        self._producer = producer
        self._topic = topic
        self._ring = ring
        self.sent = 0
        self.acknowledged = 0

    async def send(self, system: str, frame: FrameRecord) -> asyncio.Future[object]:
        """Hand a frame over to be appended; what is returned is done when it is safe.

        The default partitioner chooses the partition, as Packet Servers do.
        """
        value = seal(
            self._ring, Kind.FRAME, system, frame.source, frame.sequence, frame.created_at, frame.mode, frame.frame
        )
        sent: asyncio.Future[object] = await self._producer.send(self._topic, key=system_key(system), value=value)
        self.sent += 1
        sent.add_done_callback(self._answered)
        return sent

    def _answered(self, sent: asyncio.Future[object]) -> None:
        if not sent.cancelled() and sent.exception() is None:
            self.acknowledged += 1

    async def play(self, frames: Iterable[Played]) -> None:
        """Send each frame when it is due, in order, and wait until all are safe. None is sent before its own time."""
        under_way: deque[asyncio.Future[object]] = deque()
        started = asyncio.get_running_loop().time()
        for played in frames:
            await self._until_due(played.record, started + played.after_s)
            under_way.append(await self.send(played.system, played.record))
            while under_way and (under_way[0].done() or len(under_way) > UNDER_WAY_MAX):
                await under_way.popleft()
        await asyncio.gather(*under_way)

    @staticmethod
    async def _until_due(record: FrameRecord, due: float) -> None:
        """Wait for the loop's time `due`, and until the clock has come to the frame's own time."""
        while True:
            due_in_s = due - asyncio.get_running_loop().time()
            ahead_s = (record.created_at * 1_000_000 - time.time_ns()) / 1e9
            if due_in_s <= 0 and ahead_s <= 0:
                return
            await asyncio.sleep(max(due_in_s, ahead_s))
