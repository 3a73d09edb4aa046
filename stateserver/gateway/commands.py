"""Operators' commands: sealed, appended to the journal, and answered once a worker has applied them (spec page 4).

Whatever a command says goes through the journal, so that a replay sees it too. Nothing here commands equipment:
a warning is acknowledged, a unit is given a label.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from stateserver.codec.packet import Kind
from stateserver.codec.topics import system_key
from stateserver.gateway import compact_json
from stateserver.gateway.journal_home import JournalHome
from stateserver.gateway.journal_pen import Entry, JournalPen
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.outcomes import Outcome, Sent, Told, look
from stateserver.gateway.parameters import CommandBody
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import (
    CommandLost,
    CommandRefused,
    CommandsOff,
    IdReused,
    JournalUnreachable,
    NotReady,
    NotThereYet,
    UnknownSystem,
)
from stateserver.gateway.system_model import SystemModel
from stateserver.protocol.modes import Mode
from stateserver.security.envelope import seal
from stateserver.security.keyring import KeyRing
from stateserver.security.tokens import Principal

SOURCE: Final = "gateway"
OUTCOME_LIMIT_S: Final = 10.0
REMEMBERED_MAX: Final = 10_000
REMEMBERED_MS: Final = 24 * 3600 * 1000
"""How long a client's own id stands for one command, in this gateway."""


class _Remembered:
    """A command that carried a client's own id."""

    def __init__(self, body: CommandBody, at: int) -> None:
        self.body = body
        self.at = at
        self.appending: asyncio.Task[Sent] | None = None
        self.told: Told | None = None


class Commands:
    """`ring` None: none are taken."""

    def __init__(
        self,
        ring: KeyRing | None,
        home: JournalHome,
        pen: JournalPen,
        reading: ReadModel,
        liveness: Liveness,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._ring = ring
        self._home = home
        self._pen = pen
        self._reading = reading
        self._liveness = liveness
        self._now_ms = now_ms
        self._remembered: OrderedDict[tuple[str, str, str], _Remembered] = OrderedDict()

    async def send(self, who: Principal, system: str, body: CommandBody) -> dict[str, Any]:
        """Carry a command out, and tell what became of it: `outcome` is applied, unchanged or pending.

        The same id again, from the same principal, is the same command: it is answered alike and not appended again.
        Raises a Refusal; CommandRefused where the worker refused it.
        """
        model = self._model(system)
        ring = self._sealing_ring(system)
        known = self._recall(who, system, body)
        if known.appending is None:
            known.appending = asyncio.create_task(self._append(who, model, body, ring))
        try:
            sent = await asyncio.shield(known.appending)
        except BaseException:
            if known.appending.done():
                self._forget(who, system, body)  # it may be tried again
            raise
        if known.told is None:
            known.told = await self._outcome(system, sent)
        return self._answer(system, body, sent, known.told)

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

    def _recall(self, who: Principal, system: str, body: CommandBody) -> _Remembered:
        now = self._now_ms()
        if body.id is None:
            return _Remembered(body, now)
        while self._remembered:
            oldest = next(iter(self._remembered.values()))
            if oldest.at > now - REMEMBERED_MS and len(self._remembered) < REMEMBERED_MAX:
                break
            self._remembered.popitem(last=False)
        known = self._remembered.setdefault((who.id, system, body.id), _Remembered(body, now))
        if known.body != body:
            raise IdReused(body.id)
        return known

    def _forget(self, who: Principal, system: str, body: CommandBody) -> None:
        if body.id is not None:
            self._remembered.pop((who.id, system, body.id), None)

    async def _append(self, who: Principal, model: SystemModel, body: CommandBody, ring: KeyRing) -> Sent:
        row = model.row
        if row is None or model.mode is None:
            raise NotThereYet(f"the first checkpoint of system {model.name!r}")
        topic = await self._home.home(row)
        at, after = self._now_ms(), model.version
        command = {**body.model_dump(exclude_none=True), "actor": who.id}
        value = seal(ring, Kind.COMMAND, model.name, SOURCE, 0, at, Mode(model.mode), compact_json.encode(command))
        (place,) = await self._pen.append([Entry(topic, row.partition, system_key(model.name), value)])
        if isinstance(place, JournalUnreachable):
            raise place
        return Sent(
            body.action, body.unit, command.get("field"), command.get("label"), who.id, at, *place[1:], after=after
        )

    async def _outcome(self, system: str, sent: Sent) -> Told | None:
        """None where the worker doesn't answer in time."""
        told: list[Told] = []

        def decided() -> bool:
            model = self._reading.systems.get(system)
            told[:] = [] if model is None else [look(sent, model)]
            return bool(told) and told[0].outcome is not Outcome.PENDING

        return told[0] if await self._liveness.until(decided, OUTCOME_LIMIT_S) else None

    def _answer(self, system: str, body: CommandBody, sent: Sent, told: Told | None) -> dict[str, Any]:
        told = told or Told(Outcome.PENDING)
        if told.outcome is Outcome.REFUSED:
            assert told.why is not None
            assert told.version is not None
            raise CommandRefused(told.why, told.version)
        if told.outcome is Outcome.LOST:
            raise CommandLost(sent.partition, sent.offset)
        return {
            "system": system,
            "action": body.action,
            "unit": body.unit,
            "id": body.id,
            "outcome": told.outcome,
            "version": told.version,
            "created_at": sent.at,
            "partition": sent.partition,
            "offset": sent.offset,
        }
