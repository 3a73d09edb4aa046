"""Claiming clients' own ids of commands, so that one sent again, to whichever gateway, is the same command.

A gateway writes its claim to `claims` before anything else and reads on until it comes back: of several, the first one
counts, for all gateways. Who claimed it appends the record to the journal and says where it lies. One whose gateway
died before that is finished by the next that is asked, which first looks whether it lies there, and appends that very
record, or one sealed anew where a worker would find that one too old. Should both come to lie there after all, they
bear the same id: the worker carries out the first.
"""

from typing import Final

from stateserver.codec.claim import Claim, encode_claim
from stateserver.codec.topics import system_key
from stateserver.domain.commands import AGE_MS_MAX
from stateserver.gateway.journal_home import JournalHome
from stateserver.gateway.journal_pen import Entry, JournalPen
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import IdReused, JournalUnreachable

READ_LIMIT_S: Final = 10.0
PLACED_LIMIT_S: Final = 15.0
"""More than a gateway takes to append: one that has not said where by then has died."""
STALE_MS: Final = AGE_MS_MAX // 2
"""So old a record is not appended any more: what is too old when it comes into the journal is refused."""


class ClaimDesk:
    """`topic` is that of the claims."""

    def __init__(self, topic: str, pen: JournalPen, home: JournalHome, reading: ReadModel, liveness: Liveness) -> None:
        self._topic = topic
        self._pen = pen
        self._home = home
        self._reading = reading
        self._liveness = liveness

    async def place(self, claim: Claim, partition: int) -> Claim:
        """The claim that counts, its record in the journal's partition. Raises IdReused, JournalUnreachable."""
        holder = await self._take(claim, partition)
        if holder.digest != claim.digest:
            raise IdReused(claim.id)
        if holder.placed is not None:
            return holder
        if holder.value != claim.value:
            await self._liveness.until(lambda: self._holder(claim).placed is not None, PLACED_LIMIT_S)
            holder = self._holder(claim)
            if holder.placed is not None:
                return holder
            key = system_key(holder.system)
            found = await self._home.find(holder.topic, partition, holder.behind + 1, key, holder.value)
            if found is not None:
                return await self.tell(holder._replace(placed=found), partition)
            if claim.at > holder.at + STALE_MS:
                holder = claim
        offset = await self._append(holder.topic, holder, partition, holder.value)
        return await self.tell(holder._replace(placed=offset), partition)

    async def tell(self, claim: Claim, partition: int) -> Claim:
        """Let all gateways know how far it has come. Returns it. Raises JournalUnreachable."""
        await self._append(self._topic, claim, partition, encode_claim(claim))
        return claim

    async def _take(self, claim: Claim, partition: int) -> Claim:
        offset = await self._append(self._topic, claim, partition, encode_claim(claim))
        if not await self._liveness.until(lambda: self._reading.claims.has_read(partition, offset), READ_LIMIT_S):
            raise JournalUnreachable(f"what was written to {self._topic} did not come back")
        return self._holder(claim)

    def _holder(self, claim: Claim) -> Claim:
        return self._reading.claims.holder(claim) or claim

    async def _append(self, topic: str, claim: Claim, partition: int, value: bytes) -> int:
        return (await self._pen.append_one(Entry(topic, partition, system_key(claim.system), value))).offset
