"""The way into the journal: commands of people, records of Packet Servers."""

from collections.abc import Mapping, Sequence
from typing import Any

from stateserver.codec.topics import Topics
from stateserver.gateway.claim_desk import ClaimDesk
from stateserver.gateway.commands import Commands
from stateserver.gateway.journal_home import JournalHome
from stateserver.gateway.journal_pen import JournalPen
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.packets import Packets
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.rejections import Rejections
from stateserver.security.keyring import KeyRing


class Journal:
    """`journals` are the packets topics; `ring` None: no commands are taken."""

    def __init__(
        self,
        client_options: Mapping[str, Any],
        journals: Sequence[str],
        topics: Topics,
        ring: KeyRing | None,
        reading: ReadModel,
        liveness: Liveness,
    ) -> None:
        home = JournalHome(client_options, journals)
        self._pen = JournalPen(client_options)
        desk = ClaimDesk(topics.claims, self._pen, home, reading, liveness)
        rejections = Rejections(client_options, topics.rejected)
        self.commands = Commands(ring, home, self._pen, desk, rejections, reading, liveness)
        self.packets = Packets(self._pen, home, reading)

    async def close(self) -> None:
        """Let go of the broker."""
        await self._pen.close()
