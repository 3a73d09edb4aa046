"""A Packet Server's half of the journal: seals frames and appends them to the packets topic."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from stateserver.codec.packet import Kind
from stateserver.codec.topics import system_key
from stateserver.domain.records import FrameRecord
from stateserver.security.envelope import seal
from stateserver.security.keyring import KeyRing
from stateserver.simulator.capture import Played


class PacketServer:
    """Appends one system's frames with `producer`, which is the caller's to start and stop."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, ring: KeyRing, system: str) -> None:
        self._producer = producer
        self._topic = topic
        self._ring = ring
        self._system = system

    async def send(self, frame: FrameRecord) -> None:
        """Append a frame and wait until it is safe. The default partitioner chooses where, as Packet Servers do."""
        value = seal(
            self._ring,
            Kind.FRAME,
            self._system,
            frame.source,
            frame.sequence,
            frame.created_at,
            frame.mode,
            frame.frame,
        )
        await self._producer.send_and_wait(self._topic, key=system_key(self._system), value=value)

    async def play(self, frames: Iterable[Played]) -> int:
        """Send each frame when it is due, in order. Returns how many there were."""
        loop = asyncio.get_running_loop()
        started, count = loop.time(), 0
        for played in frames:
            await asyncio.sleep(max(0.0, started + played.after_s - loop.time()))
            await self.send(played.record)
            count += 1
        return count
