"""Operators' commands: sealed, appended to the journal, and answered once a worker has applied them (spec page 4).

Whatever a command says goes through the journal, so that a replay sees it too. Each carries an id, the client's own or
one made here: whoever recorded the sealed record and appends it again has nothing done. Nothing here commands
equipment: a warning is acknowledged, a unit is given a label, or retired.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from stateserver.codec.claim import Claim
from stateserver.codec.packet import Kind
from stateserver.codec.system import SystemRow
from stateserver.codec.topics import system_key
from stateserver.domain.canonical import canonical_json
from stateserver.gateway import compact_json
from stateserver.gateway.claim_desk import ClaimDesk
from stateserver.gateway.command_parameters import Command
from stateserver.gateway.journal_home import JournalHome
from stateserver.gateway.journal_pen import Entry, JournalPen
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.outcomes import Outcome, Sent, Told, look
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import (
    CommandLost,
    CommandRefused,
    CommandsOff,
    IdReused,
    NotReady,
    NotThereYet,
    UnknownSystem,
)
from stateserver.gateway.rejections import Rejections
from stateserver.gateway.system_model import SystemModel
from stateserver.gateway.wall_clock import now_ms
from stateserver.protocol.modes import Mode
from stateserver.security.envelope import seal
from stateserver.security.keyring import KeyRing
from stateserver.security.tokens import Principal

SOURCE: Final = "gateway"
OUTCOME_LIMIT_S: Final = 10.0
LASTING: Final = set(Outcome) - {Outcome.PENDING}
"""What is the same whenever it is asked for."""


class Commands:
    """`ring` None: none are taken."""

    def __init__(
        self,
        ring: KeyRing | None,
        home: JournalHome,
        pen: JournalPen,
        desk: ClaimDesk,
        rejections: Rejections,
        reading: ReadModel,
        liveness: Liveness,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._ring = ring
        self._home = home
        self._pen = pen
        self._desk = desk
        self._rejections = rejections
        self._reading = reading
        self._liveness = liveness
        self._now_ms = now_ms
        self._placing: set[asyncio.Task[Claim]] = set()

    async def send(self, who: Principal, command: Command) -> dict[str, Any]:
        """Carry a command out, and tell what became of it: `outcome` is applied, unchanged or pending.

        The same id again, from the same principal, is the same command: it is answered alike and not appended again,
        by whichever gateway. Raises a Refusal: CommandRefused where the worker refused it, IdReused where it passed it
        over, CommandLost where it rejected it.
        """
        model = self._model(command.system)
        ring = self._sealing_ring(model.name)
        if model.row is None or model.mode is None:
            raise NotThereYet(f"the first checkpoint of system {model.name!r}")
        claim = await self._sealed(who, model, model.row, command, ring)
        # Who sent it may be gone: what is begun is done all the same.
        placing = asyncio.create_task(self._placed(claim, model.row.partition, agreed=command.id is not None))
        self._placing.add(placing)
        placing.add_done_callback(self._is_placed)
        claim = await asyncio.shield(placing)
        told = _told(claim)
        if told is None:
            told = await self._outcome(claim, _sent(claim, command, model.row.partition))
            if command.id is not None and told is not None and told.outcome in LASTING:
                claim = claim._replace(outcome=told.outcome, version=told.version, why=told.why)
                await self._desk.tell(claim, model.row.partition)
        return self._answer(command, claim, model.row.partition, told or Told(Outcome.PENDING))

    def _model(self, system: str) -> SystemModel:
        if not self._liveness.ready:
            raise NotReady
        model = self._reading.systems.get(system)
        if model is None:
            raise UnknownSystem(system)
        return model

    def _sealing_ring(self, system: str) -> KeyRing:
        if self._ring is None:
            raise CommandsOff("it has no key ring")
        if not self._ring.has_current(Kind.COMMAND):
            raise CommandsOff("its key ring names no current key for COMMAND")
        key = self._ring.current(Kind.COMMAND)
        if not key.may_seal(Kind.COMMAND, system):
            raise CommandsOff(f"its key {key.id!r} is not good for system {system!r}")
        return self._ring

    async def _sealed(
        self, who: Principal, model: SystemModel, row: SystemRow, command: Command, ring: KeyRing
    ) -> Claim:
        topic, at = await self._home.home(row), self._now_ms()
        said = command.model_dump(exclude={"system"}, exclude_none=True) | {"action": command.action, "actor": who.id}
        digest = hashlib.sha256(canonical_json(said)).digest()
        document = compact_json.encode({"id": str(uuid4()), **said})
        value = seal(ring, Kind.COMMAND, model.name, SOURCE, 0, at, Mode(str(model.mode)), document)
        return Claim(model.name, who.id, command.id or "", digest, at, model.version, topic, row.offset, value)

    async def _placed(self, claim: Claim, partition: int, *, agreed: bool) -> Claim:
        """Its record in the journal; `agreed`: by all gateways. Raises IdReused, JournalUnreachable."""
        if agreed:
            return await self._desk.place(claim, partition)
        place = await self._pen.append_one(Entry(claim.topic, partition, system_key(claim.system), claim.value))
        return claim._replace(placed=place.offset)

    def _is_placed(self, placing: "asyncio.Task[Claim]") -> None:
        self._placing.discard(placing)
        if not placing.cancelled():
            placing.exception()  # whoever still waits is told

    async def _outcome(self, claim: Claim, sent: Sent) -> Told | None:
        """None where the worker doesn't answer in time. Raises JournalUnreachable."""
        place = claim.topic, sent.partition

        def seen() -> Told:
            model = self._reading.systems.get(claim.system)
            return Told(Outcome.PENDING) if model is None else look(sent, model)

        def decided() -> bool:
            return seen().outcome is not Outcome.PENDING

        def passed() -> bool:
            return decided() or self._reading.positions.get(place, 0) > sent.offset

        if not await self._liveness.until(passed, OUTCOME_LIMIT_S):
            return None
        told = seen()
        if told.outcome not in (Outcome.PENDING, Outcome.LOST):
            return told
        reason = await self._rejections.reason(claim.system, *place, sent.offset, claim.at)
        if reason is not None:
            return Told(Outcome.LOST, None, reason)
        return seen() if await self._liveness.until(decided, OUTCOME_LIMIT_S) else None

    def _answer(self, command: Command, claim: Claim, partition: int, told: Told) -> dict[str, Any]:
        assert claim.placed is not None
        if told.outcome is Outcome.REFUSED:
            assert told.why is not None
            assert told.version is not None
            raise CommandRefused(told.why, told.version)
        if told.outcome is Outcome.LOST:
            if told.why is None and command.id is not None:
                raise IdReused(command.id, passed_over=True)
            raise CommandLost(partition, claim.placed, told.why)
        return {
            "system": claim.system,
            "action": command.action,
            "unit": command.unit,
            "id": command.id,
            "outcome": told.outcome,
            "version": told.version,
            "created_at": claim.at,
            "partition": partition,
            "offset": claim.placed,
        }


def _told(claim: Claim) -> Told | None:
    """What a gateway has found to have come of it."""
    return None if claim.outcome is None else Told(Outcome(claim.outcome), claim.version, claim.why)


def _sent(claim: Claim, command: Command, partition: int) -> Sent:
    assert claim.placed is not None
    about = command.model_dump()
    return Sent(
        command.action,
        command.unit,
        about.get("field"),
        about.get("label"),
        claim.actor,
        claim.at,
        partition,
        claim.placed,
        after=claim.after,
    )
