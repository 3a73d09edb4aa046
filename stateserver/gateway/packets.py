"""Sealed records for the journal, from Packet Servers that can't speak Kafka (spec page 4).

What can be told without a key is checked: encoding, size, whose system it is. Seals and times are the worker's to
judge, which keeps what it rejects.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from stateserver.codec.packet import Kind, PacketHeader, read_packet
from stateserver.codec.topics import system_key
from stateserver.gateway.guard import authorize, note_refusal
from stateserver.gateway.journal_home import JournalHome
from stateserver.gateway.journal_pen import Entry, JournalPen, Place
from stateserver.gateway.operations import OPERATIONS
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import Busy, JournalUnreachable, Refusal
from stateserver.protocol.reasons import Rejected
from stateserver.security.tokens import Permission, Principal, may

RECORD_BYTES_MAX: Final = 64 << 10
"""A frame has 255 bytes, names a few thousand: no record comes near."""
UNDER_WAY_BYTES_MAX: Final = 8 << 20
REMEMBERED_MAX: Final = 50_000

Document = dict[str, Any]


class Identity(NamedTuple):
    """What makes two records the same one."""

    system: str
    source: str
    sequence: int
    sha256: bytes


class Packets:
    """Answers each record by itself. The same one again, while it is remembered, is not appended again."""

    def __init__(self, pen: JournalPen, home: JournalHome, reading: ReadModel) -> None:
        self._pen = pen
        self._home = home
        self._reading = reading
        self._appended: OrderedDict[Identity, Place] = OrderedDict()
        self._under_way: dict[Identity, asyncio.Future[Place | JournalUnreachable]] = {}
        self._bytes_under_way = 0

    async def append(self, who: Principal, values: Sequence[bytes]) -> Document:
        """What became of each record, in their order. Raises Busy, JournalUnreachable: then send all of them again."""
        size = sum(map(len, values))
        if self._bytes_under_way and self._bytes_under_way + size > UNDER_WAY_BYTES_MAX:
            raise Busy(f"{self._bytes_under_way} bytes wait for the journal")
        self._bytes_under_way += size
        try:
            return {"records": await self._append(who, values)}
        finally:
            self._bytes_under_way -= size

    async def _append(self, who: Principal, values: Sequence[bytes]) -> list[Document]:
        answers: list[Document | Identity] = []
        repeated: list[bool] = []
        new: dict[Identity, tuple[PacketHeader, bytes]] = {}
        for value in values:
            judged = self._judge(who, value)
            answers.append(judged if isinstance(judged, dict) else _identity(judged, value))
            identity = answers[-1]
            again = not isinstance(identity, dict) and self._is_known(identity, new)
            repeated.append(again)
            if isinstance(judged, PacketHeader) and isinstance(identity, Identity) and not again:
                new[identity] = (judged, value)
        places = await self._places([one for one in answers if isinstance(one, Identity)], new)
        return [
            one if isinstance(one, dict) else _answer(places[one], again)
            for one, again in zip(answers, repeated, strict=True)
        ]

    def _judge(self, who: Principal, value: bytes) -> PacketHeader | Document:
        if len(value) > RECORD_BYTES_MAX:
            return _refused("too_large", f"{len(value)} bytes; a record has {RECORD_BYTES_MAX} at most")
        try:
            header = read_packet(value)
        except Rejected as rejection:
            return _refused(rejection.reason, rejection.detail)
        try:
            authorize(who, OPERATIONS["packets.append"], header.system)
        except Refusal as refusal:
            note_refusal(header.system, refusal.problem)
            return _refused(refusal.problem.replace("-", "_"), refusal.message)
        if header.kind is not Kind.FRAME and not may(who, Permission.LINK, header.system):
            note_refusal(header.system, "kind-not-allowed")
            return _refused("kind_not_allowed", f"the role {who.role} appends frames, no {header.kind}")
        return header

    def _is_known(self, identity: Identity, new: dict[Identity, Any]) -> bool:
        return identity in self._appended or identity in self._under_way or identity in new

    async def _places(
        self, wanted: Sequence[Identity], new: dict[Identity, tuple[PacketHeader, bytes]]
    ) -> dict[Identity, Place | JournalUnreachable]:
        loop = asyncio.get_running_loop()
        known = {one: self._appended[one] for one in wanted if one in self._appended}
        futures = {one: self._under_way[one] for one in wanted if one in self._under_way}
        own = {one: loop.create_future() for one in new}
        self._under_way |= own
        try:
            found = dict(zip(new, await self._write(list(new.values())), strict=True))
        except BaseException as trouble:
            failed = trouble if isinstance(trouble, JournalUnreachable) else JournalUnreachable("it was interrupted")
            found = dict.fromkeys(new, failed)
            raise
        finally:
            for one, future in own.items():
                future.set_result(found[one])
                del self._under_way[one]
        self._remember(found)
        return known | found | {one: await future for one, future in futures.items()}

    async def _write(self, records: list[tuple[PacketHeader, bytes]]) -> Sequence[Place | JournalUnreachable]:
        if not records:
            return []
        return await self._pen.append([await self._entry(header.system, value) for header, value in records])

    async def _entry(self, system: str, value: bytes) -> Entry:
        model = self._reading.systems.get(system)
        topic = await self._home.topic(None if model is None else model.row)
        return Entry(topic, None if model is None else model.partition, system_key(system), value)

    def _remember(self, found: dict[Identity, Place | JournalUnreachable]) -> None:
        self._appended.update((one, place) for one, place in found.items() if isinstance(place, Place))
        while len(self._appended) > REMEMBERED_MAX:
            self._appended.popitem(last=False)


def _identity(header: PacketHeader, value: bytes) -> Identity:
    return Identity(header.system, header.source, header.sequence, hashlib.sha256(value).digest())


def _refused(reason: str, detail: str) -> Document:
    return {"status": "refused", "reason": str(reason), "detail": detail}


def _answer(place: Place | JournalUnreachable, repeated: bool) -> Document:
    if isinstance(place, JournalUnreachable):
        return {"status": "failed", "reason": "journal_unreachable", "detail": place.message}
    return {"status": "appended", "partition": place.partition, "offset": place.offset, "repeated": repeated}
