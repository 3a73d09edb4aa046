"""What can be asked of a gateway, the same over HTTP and JSON-RPC, by whoever the guard let in.

A system that a principal may not see is, to them, none: it is looked up in one place.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from stateserver.gateway import compact_json
from stateserver.gateway.answers import stamp
from stateserver.gateway.blast_shelf import ShelvedBlast
from stateserver.gateway.detonator_desk import DetonatorDesk
from stateserver.gateway.documents import source_document, system_document, system_head, unit_document
from stateserver.gateway.history import History
from stateserver.gateway.journal import Journal
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.paging import LIMIT_DEFAULT, Page, cut
from stateserver.gateway.past_desk import PastDesk
from stateserver.gateway.past_queries import PastQueries
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import (
    HistoryGone,
    NotReady,
    UnknownBlast,
    UnknownPlace,
    UnknownSystem,
    UnknownUnit,
    UnknownVersion,
    UnknownView,
)
from stateserver.gateway.report_desk import ReportDesk
from stateserver.gateway.system_model import SystemModel
from stateserver.gateway.unit_pages import Choice, page_of
from stateserver.reports.views import VIEWS
from stateserver.security.tokens import Principal

Document = dict[str, Any]

BLAST_WAIT_S: Final = 5.0
"""How long a blast's document may take to follow its event: rows follow 100 to 200 ms behind."""


class Report(NamedTuple):
    """A view of a report: its file's name, its tag, its media type, and how to have it."""

    name: str
    tag: str
    media_type: str
    make: Callable[[], Awaitable[bytes]]


class Queries:
    """Each method answers a principal, or raises a Refusal."""

    def __init__(
        self,
        reading: ReadModel,
        liveness: Liveness,
        history: History | None = None,
        journal: Journal | None = None,
        desk: ReportDesk | None = None,
        past: PastDesk | None = None,
    ) -> None:
        self._desk = desk or ReportDesk()
        self._detonators = DetonatorDesk()
        self.journal = journal
        """Where commands and packets go."""
        self._reading = reading
        self._history = history
        self._liveness = liveness
        self.past = PastQueries(self.model, reading, past or PastDesk())
        """How systems stood once."""

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

    def systems(self, who: Principal, *, after: str | None = None, limit: int = LIMIT_DEFAULT) -> Document:
        """The heads of the systems that this principal may see, by name."""
        names = [model.name for model in self.models(who) if after is None or model.name > after]
        heads = [self._with_standing(self._reading.systems[name], system_head) for name in names[:limit]]
        return {"systems": heads, "next": names[limit - 1] if len(names) > limit else None}

    def models(self, who: Principal) -> list[SystemModel]:
        """All systems that this principal may see, by name."""
        self._require_ready()
        return [self._reading.systems[name] for name in sorted(self._reading.systems) if who.sees(name)]

    def tag(self, who: Principal, system: str | None = None) -> str:
        """A tag of all that is told of a system, or of every one, as it is now."""
        models = self.models(who) if system is None else [self.model(who, system)]
        return f"{stamp(self._reading, *models)}-{self._liveness.revision}"

    def system(self, who: Principal, system: str) -> Document:
        """One system with what its latest checkpoint says."""
        return self._with_standing(self.model(who, system), system_document)

    def _with_standing(self, model: SystemModel, make: Callable[[ReadModel, SystemModel], Document]) -> Document:
        """A document of a system, with whether it is the present, and which of its sources send nothing of use."""
        liveness = self._liveness
        troubled = [source_document(source) for source in liveness.troubled if source.system == model.name]
        return make(self._reading, model) | {"live": liveness.is_live(model.partition), "troubled_sources": troubled}

    def status(self, who: Principal) -> Document:
        """Whether this gateway sees the present, why not, and which sources send nothing of use, where one may know.

        Sources of systems that aren't known yet are told too: all that they send may have been rejected.
        """
        return self._liveness.document() | {
            "troubled_sources": [
                {"system": source.system} | source_document(source)
                for source in self._liveness.troubled
                if (who.systems is None if source.system is None else who.sees(source.system))
            ]
        }

    def units(
        self,
        who: Principal,
        system: str,
        wanted: Choice,
        *,
        after: str | None = None,
        limit: int = LIMIT_DEFAULT,
    ) -> Document:
        """Units in path order, those after the path `after`; `next` is where to go on, or null at the end."""
        model = self.model(who, system)
        page = page_of(model.units, wanted, after, limit)
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

    def warnings(
        self, who: Principal, system: str, *, after: str | None = None, limit: int = LIMIT_DEFAULT
    ) -> Document:
        """The open warnings; a place among them is `<unit>:<field>`."""
        model = self.model(who, system)
        rows = model.warnings.rows()
        page = _cut([f"{row['unit']}:{row['field']}" for row in rows], after, limit)
        return {
            "system": system,
            "version": model.version,
            "whole": model.whole,
            "warnings": [rows[place] for place in page.items],
            "next": page.next,
        }

    async def changes(self, who: Principal, system: str, *, after: int = 0, limit: int = LIMIT_DEFAULT) -> bytes:
        """The changes that follow a version, as JSON: they are encoded already. Older ones come from their topic."""
        model = self.model(who, system)
        if after > model.version:
            raise UnknownVersion(f"version {after}", model.version)
        changes = model.log.after(after, limit) if after < model.version else []
        if changes is None and self._history is not None:
            changes = await self._history.changes(system, after, limit)
        if changes is None:
            raise HistoryGone(after, model.log.first if len(model.log) else model.version + 1)
        last = changes[-1].version if changes else after
        return b'{"system":%b,"version":%d,"era":%d,"whole":%b,"changes":%b,"next":%b}' % (
            compact_json.encode(system),
            model.version,
            model.era,
            compact_json.encode(model.whole),
            compact_json.join(change.json for change in changes),
            compact_json.encode(last if changes and last < model.version else None),
        )

    def blasts(self, who: Principal, system: str, *, after: str | None = None, limit: int = LIMIT_DEFAULT) -> Document:
        """The reports of a system's blasts without their timelines, oldest first."""
        model = self.model(who, system)
        blasts = self._reading.blasts.of_system(system)
        page = _cut([blast.blast for blast in blasts], after, limit)
        return {
            "system": system,
            "version": model.version,
            "whole": model.whole,
            "blasts": [blasts[place].summary | {"stage": blasts[place].stage} for place in page.items],
            "next": page.next,
        }

    async def blast(self, who: Principal, blast: str, *, version: int | None = None) -> ShelvedBlast:
        """A blast, with its report document; with `version`, not as it stood before that."""
        self._require_ready()
        latest = max((model.version for model in self.models(who)), default=0)
        if version is not None and version > latest:
            raise UnknownVersion(f"event {version} that a report could follow", latest)
        if version is not None:
            await self._liveness.until(
                lambda: (held := self._reading.blasts.get(blast)) is not None and held.version >= version,
                BLAST_WAIT_S,
            )
        held = self._reading.blasts.get(blast)
        if held is None or not who.sees(held.system):
            raise UnknownBlast(blast)
        if version is not None and held.version < version:
            raise UnknownVersion(f"report of blast {blast!r} at version {version}", held.version)
        return held

    async def detonators(self, blast: ShelvedBlast, *, after: str | None = None, limit: int = LIMIT_DEFAULT) -> bytes:
        """The detonators that were in a blast, in path order, with what became of each, as JSON.

        A place among them is `<booster's path>:<window>`. `version` is the report's.
        """
        found = await self._detonators.rows(blast, self._reading.blasts.start_parts(blast.blast))
        page = _cut(found.places, after, limit)
        head = {"blast": blast.blast, "system": blast.system, "version": blast.version, "stage": blast.stage}
        return b'%b,"detonators":%b,"next":%b}' % (
            compact_json.encode(head)[:-1],
            compact_json.join(found.rows[place] for place in page.items),
            compact_json.encode(page.next),
        )

    async def report(self, who: Principal, blast: str, view: str) -> Report:
        """A view of a blast's report, to be made when it is asked for; `tag` is known before."""
        if view not in VIEWS:
            raise UnknownView(view, ", ".join(VIEWS))
        held = await self.blast(who, blast)
        parts = self._reading.blasts.snapshot_parts(blast)
        return Report(
            self._desk.name(held, view),
            f"{held.sha256}.{view}",
            VIEWS[view].media_type,
            lambda: self._desk.report(held, parts, view),
        )


def _cut(names: list[str], after: str | None, limit: int) -> Page:
    try:
        return cut(names, after, limit)
    except KeyError:
        raise UnknownPlace(after or "") from None
