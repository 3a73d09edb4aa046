"""What the reading operations answer, the same over HTTP and JSON-RPC, to parameters that are checked.

Each is an entry of READERS, by the operation's name: whom it answers, what was asked for, and what is found then.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from stateserver.gateway.answers import JSON, Make, stamp_of
from stateserver.gateway.compact_json import encode
from stateserver.gateway.parameters import (
    ChangesPage,
    DetonatorsPage,
    ListPage,
    NoParameters,
    OfBlast,
    OfSystemAt,
    OfUnit,
    ReportOfBlast,
    SystemsPage,
    UnitsPage,
    WarningsPage,
)
from stateserver.gateway.past_answers import What
from stateserver.gateway.queries import Queries
from stateserver.gateway.unit_pages import Choice
from stateserver.security.tokens import Principal


class Found(NamedTuple):
    """`make` gives the answer when it is wanted: whoever has what bears the `tag`, if there is one, doesn't want it."""

    tag: Callable[[], str] | None
    make: Make
    media_type: str = JSON
    file_name: str | None = None

    async def content(self) -> bytes:
        """The answer."""
        made = self.make()
        return made if isinstance(made, bytes) else await made


Reader = Callable[[Queries, Principal, Any], Awaitable[Found]]


async def _status(ask: Queries, who: Principal, _: NoParameters) -> Found:
    return Found(None, lambda: encode(ask.status(who)))


async def _systems(ask: Queries, who: Principal, page: SystemsPage) -> Found:
    return Found(lambda: ask.tag(who), lambda: encode(ask.systems(who, after=page.after, limit=page.limit)))


async def _system(ask: Queries, who: Principal, wanted: OfSystemAt) -> Found:
    if wanted.at is not None:
        return _past(await ask.past.system(who, wanted.system, wanted.at))
    return Found(lambda: ask.tag(who, wanted.system), lambda: encode(ask.system(who, wanted.system)))


async def _units(ask: Queries, who: Principal, page: UnitsPage) -> Found:
    chosen, cut = Choice(page.type, page.parent, page.communicating, page.label), _cut(page)
    if page.at is not None:
        return _past(await ask.past.ask(who, What.UNITS, page.system, page.at, **cut, **chosen._asdict()))
    return Found(lambda: ask.tag(who, page.system), lambda: encode(ask.units(who, page.system, chosen, **cut)))


async def _unit(ask: Queries, who: Principal, wanted: OfUnit) -> Found:
    if wanted.at is not None:
        return _past(await ask.past.ask(who, What.UNIT, wanted.system, wanted.at, unit=wanted.unit))
    return Found(lambda: ask.tag(who, wanted.system), lambda: encode(ask.unit(who, wanted.system, wanted.unit)))


async def _warnings(ask: Queries, who: Principal, page: WarningsPage) -> Found:
    if page.at is not None:
        return _past(await ask.past.ask(who, What.WARNINGS, page.system, page.at, **_cut(page)))
    return Found(lambda: ask.tag(who, page.system), lambda: encode(ask.warnings(who, page.system, **_cut(page))))


async def _changes(ask: Queries, who: Principal, page: ChangesPage) -> Found:
    return Found(lambda: ask.tag(who, page.system), lambda: ask.changes(who, page.system, **_cut(page)))


async def _blasts(ask: Queries, who: Principal, page: ListPage) -> Found:
    return Found(lambda: ask.tag(who, page.system), lambda: encode(ask.blasts(who, page.system, **_cut(page))))


async def _blast(ask: Queries, who: Principal, wanted: OfBlast) -> Found:
    held = await ask.blast(who, wanted.blast, version=wanted.version)
    return Found(lambda: held.sha256, lambda: held.content)


async def _detonators(ask: Queries, who: Principal, page: DetonatorsPage) -> Found:
    held = await ask.blast(who, page.blast, version=page.version)
    return Found(lambda: f"{held.sha256}.detonators", lambda: ask.detonators(held, **_cut(page)))


async def _report(ask: Queries, who: Principal, wanted: ReportOfBlast) -> Found:
    report = await ask.report(who, wanted.blast, wanted.view)
    return Found(lambda: report.tag, report.make, report.media_type, report.name)


def _cut(page: UnitsPage | ListPage | ChangesPage | DetonatorsPage) -> dict[str, Any]:
    return {"after": page.after, "limit": page.limit}


def _past(content: bytes) -> Found:
    return Found(lambda: stamp_of(content), lambda: content)


READERS: Final[dict[str, Reader]] = {
    "status.get": _status,
    "systems.list": _systems,
    "systems.get": _system,
    "units.list": _units,
    "units.get": _unit,
    "warnings.list": _warnings,
    "changes.list": _changes,
    "blasts.list": _blasts,
    "blasts.get": _blast,
    "blasts.detonators": _detonators,
    "blasts.report": _report,
}
