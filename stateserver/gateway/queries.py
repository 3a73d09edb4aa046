"""What can be asked of a gateway, the same over HTTP and JSON-RPC, by whoever the guard let in.

A system that a principal may not see is, to them, none: it is looked up in one place.
"""

from typing import Any, Final

from stateserver.gateway import compact_json
from stateserver.gateway.documents import system_document, system_head, unit_document
from stateserver.gateway.history import History
from stateserver.gateway.journal import Journal
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.paging import LIMIT_DEFAULT
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import (
    BadRequest,
    HistoryGone,
    NotReady,
    NotThereYet,
    UnknownBlast,
    UnknownSystem,
    UnknownUnit,
)
from stateserver.gateway.system_model import SystemModel
from stateserver.gateway.unit_pages import Wanted, page_of
from stateserver.security.tokens import Principal

Document = dict[str, Any]

BLAST_WAIT_S: Final = 5.0
"""How long a blast's document may take to follow its event: rows follow 100 to 200 ms behind."""


class Queries:
    """Each method answers a principal, or raises a Refusal."""

    def __init__(
        self, reading: ReadModel, liveness: Liveness, history: History | None = None, journal: Journal | None = None
    ) -> None:
        self.journal = journal
        """Where commands and packets go."""
        self._reading = reading
        self._history = history
        self._liveness = liveness

    def _require_ready(self) -> None:
        if not self._liveness.ready:
            raise NotReady

    def model(self, who: Principal, system: str) -> SystemModel:
        """A system that this principal may see."""
        self._require_ready()
        model = self._reading.systems.get(system)
        if model is None or not who.sees(system):
            raise UnknownSystem(system)
        return model

    def systems(self, who: Principal) -> Document:
        """The heads of all systems that this principal may see, by name."""
        self._require_ready()
        names = sorted(name for name in self._reading.systems if who.sees(name))
        return {"systems": [system_head(self._reading, self._reading.systems[name]) for name in names]}

    def system(self, who: Principal, system: str) -> Document:
        """One system with what its latest checkpoint says."""
        return system_document(self._reading, self.model(who, system))

    def units(
        self,
        who: Principal,
        system: str,
        *,
        type: int | None = None,  # noqa: A002 - the name of the query's parameter
        parent: str | None = None,
        communicating: bool | None = None,
        label: str | None = None,
        after: str | None = None,
        limit: int = LIMIT_DEFAULT,
    ) -> Document:
        """Units in path order, those after the path `after`; `next` is where to go on, or null at the end."""
        model = self.model(who, system)
        page = page_of(model.units, Wanted(type, parent, communicating, label), after, limit)
        return {
            "system": system,
            "version": model.version,
            "whole": model.whole,
            "units": [{"system": system, "unit": path, **fields} for path, fields in page.units],
            "next": page.next,
        }

    def unit(self, who: Principal, system: str, unit: str) -> Document:
        """One unit as it stands."""
        model = self.model(who, system)
        if unit not in model.units:
            raise UnknownUnit(system, unit)
        return unit_document(model, unit)

    def warnings(self, who: Principal, system: str) -> Document:
        """The open warnings."""
        model = self.model(who, system)
        return {
            "system": system,
            "version": model.version,
            "whole": model.whole,
            "warnings": model.warnings.rows(),
        }

    async def changes(self, who: Principal, system: str, *, after: int = 0, limit: int = LIMIT_DEFAULT) -> bytes:
        """The changes that follow a version, as JSON: they are encoded already. Older ones come from their topic."""
        model = self.model(who, system)
        if after > model.version:
            raise BadRequest(f"version {after} has not come yet", f"the latest is {model.version}")
        changes = model.log.after(after, limit) if after < model.version else []
        if changes is None and self._history is not None:
            changes = await self._history.changes(system, after, limit)
        if changes is None:
            raise HistoryGone(after, model.log.first)
        return b'{"system":%b,"version":%d,"whole":%b,"changes":%b}' % (
            compact_json.encode(system),
            model.version,
            compact_json.encode(model.whole),
            compact_json.join(change.json for change in changes),
        )

    def blasts(self, who: Principal, system: str) -> Document:
        """The reports of a system's blasts without their timelines, oldest first."""
        model = self.model(who, system)
        blasts = self._reading.blasts.of_system(system)
        return {
            "system": system,
            "version": model.version,
            "whole": model.whole,
            "blasts": [blast.summary for blast in blasts],
        }

    async def blast(self, who: Principal, blast: str, *, version: int | None = None) -> Document:
        """The report document of a blast, its timeline included; with `version`, not as it stood before that."""
        self._require_ready()
        if version is not None and not await self._liveness.until(
            lambda: (held := self._reading.blasts.get(blast)) is not None and held.version >= version,
            BLAST_WAIT_S,
        ):
            raise NotThereYet(f"the report of blast {blast!r} at version {version}")
        held = self._reading.blasts.get(blast)
        if held is None or not who.sees(held.system):
            raise UnknownBlast(blast)
        return held.document
