"""What can be asked of a system's past, by whoever may see it now. The looking up is the desk's."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from stateserver.gateway import compact_json
from stateserver.gateway.documents import last_closed
from stateserver.gateway.past_answers import Question, What
from stateserver.gateway.past_desk import PastDesk
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import NotReady, NotYet
from stateserver.gateway.system_model import SystemModel
from stateserver.gateway.wall_clock import now_ms
from stateserver.security.tokens import Principal


class PastQueries:
    """`model` finds a system that a principal may see, or raises a Refusal. Answers are JSON."""

    def __init__(
        self,
        model: Callable[[Principal, str], SystemModel],
        reading: ReadModel,
        desk: PastDesk,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._model = model
        self._reading = reading
        self._desk = desk
        self._now_ms = now_ms

    async def system(self, who: Principal, system: str, at: int) -> bytes:
        """The system in brief, as it stood at that instant (ms since 1970)."""
        head = orjson.loads(await self.ask(who, What.SYSTEM, system, at))
        present = {"era": self._model(who, system).era} | _OF_THE_PRESENT
        return compact_json.encode(head | self._blasts(system, head["version"]) | present)

    async def ask(self, who: Principal, what: What, system: str, at: int, **more: Any) -> bytes:
        """Units, a unit, or warnings, as they stood. Raises what the desk does."""
        model = self._model(who, system)
        now_ms = self._now_ms()
        if at > now_ms:
            raise NotYet(at, now_ms)
        if model.partition is None:
            raise NotReady
        present = (model.version, model.mode, self._reading.generation, model.era)
        return await self._desk.ask(Question(what, system, model.partition, at, *present, **more))

    def _blasts(self, system: str, version: int) -> dict[str, Any]:
        """Those that had begun by then, and the one that was open."""
        held = self._reading.blasts.of_system(system)
        begun = [
            (blast.blast, blast.summary["versions"]["closed"])
            for blast in held
            if blast.summary["versions"]["opened"] <= version
        ]
        open_then = (blast for blast, closed in begun if closed is None or closed > version)
        ended = [blast for blast in held if (closed := blast.summary["versions"]["closed"]) and closed <= version]
        return {"blasts": len(begun), "open_blast": next(open_then, None), "last_blast": last_closed(ended)}


_OF_THE_PRESENT: Final[dict[str, Any]] = {
    "whole": True,
    "trouble": None,
    "live": None,
    "troubled_sources": [],
    "clocks_ahead": None,
    "clocks_set_back": None,
    "checkpoint": None,
}
