"""A Packet Server's half of the journal: seals frames and appends them to the packets topic."""

import asyncio
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
    """Appends frames with `producer`, which is the caller's to start and stop."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, ring: KeyRing) -> None:
        self._producer = producer
        self._topic = topic
        self._ring = ring

    async def send(self, system: str, frame: FrameRecord) -> asyncio.Future[object]:
        """Hand a frame over to be appended; what is returned is done when it is safe.

        The default partitioner chooses the partition, as Packet Servers do.
        """
        value = seal(
            self._ring, Kind.FRAME, system, frame.source, frame.sequence, frame.created_at, frame.mode, frame.frame
        )
        sent: asyncio.Future[object] = await self._producer.send(self._topic, key=system_key(system), value=value)
        return sent

    async def play(self, frames: Iterable[Played]) -> int:
        """Send each frame when it is due, in order, and wait until all are safe. Returns how many there were."""
        loop = asyncio.get_running_loop()
        under_way: deque[asyncio.Future[object]] = deque()
        started, count = loop.time(), 0
        for played in frames:
            pause_s = started + played.after_s - loop.time()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            under_way.append(await self.send(played.system, played.record))
            count += 1
            while under_way and (under_way[0].done() or len(under_way) > UNDER_WAY_MAX):
                await under_way.popleft()
        await asyncio.gather(*under_way)
        return count
