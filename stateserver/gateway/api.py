"""The HTTP interface under /api/v1 (spec page 4). What it answers is in `queries`; here is how it is asked."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.routing import APIRoute

from stateserver.domain.commands import LABEL_CODE_POINTS_MAX
from stateserver.gateway import api_journal, compact_json
from stateserver.gateway.answers import JSON, answer, as_file, stamp_of
from stateserver.gateway.api_models import BLAST
from stateserver.gateway.auth import COOKIE_PATH, Doorkeeper
from stateserver.gateway.compact_json import encode
from stateserver.gateway.guard import Guard
from stateserver.gateway.guarded_route import GuardedRoute, guard_of, principal_of
from stateserver.gateway.paging import LIMIT_DEFAULT, LIMIT_MAX
from stateserver.gateway.parameters import MS_MAX, NAME_CHARACTERS_MAX, VERSION_MAX
from stateserver.gateway.past_answers import What
from stateserver.gateway.queries import Queries
from stateserver.gateway.refusals import BadRequest
from stateserver.gateway.unit_pages import Choice
from stateserver.reports.views import VIEWS
from stateserver.security.tokens import Principal

PREFIX: Final = "/api/v1"


def install(app: FastAPI, queries: Queries, guard: Guard) -> None:
    """Add the routes to the app; they find what they need in its state."""
    app.state.queries, app.state.guard, app.state.journal = queries, guard, queries.journal
    app.include_router(resources)
    app.include_router(session)
    app.include_router(api_journal.router, prefix=PREFIX, dependencies=[Depends(_refuse_unknown_parameters)])


async def _queries(request: Request) -> Queries:
    queries = request.app.state.queries
    assert isinstance(queries, Queries)
    return queries


async def _doorkeeper(request: Request) -> Doorkeeper:
    return guard_of(request).doorkeeper


async def _who(request: Request) -> Principal:
    return principal_of(request)


Keeper = Annotated[Doorkeeper, Depends(_doorkeeper)]
Ask = Annotated[Queries, Depends(_queries)]
Who = Annotated[Principal, Depends(_who)]


async def _refuse_unknown_parameters(request: Request) -> None:
    """An answer to another question than was asked would look like one."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = sorted(parameter.alias for parameter in route.dependant.query_params)
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        has = f"it has: {', '.join(known)}" if known else "it has none"
        raise BadRequest(f"there is no query parameter {unknown[0]!r} here", has)


System = Annotated[str, Path(max_length=NAME_CHARACTERS_MAX, description="The system's id", examples=["site"])]
UnitPath = Annotated[str, Path(max_length=NAME_CHARACTERS_MAX, description="Its path", examples=["3/158/4/37"])]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most")]

UNIT_PATH: Final = "^[0-9]{1,9}/[0-9]{1,9}(/[0-9]{1,9}/[0-9]{1,9})?$"
After = Annotated[
    str | None, Query(max_length=NAME_CHARACTERS_MAX, description="Those behind this one: the `next` of an answer")
]
Blast = Annotated[str, Path(max_length=NAME_CHARACTERS_MAX, description="The blast's id, a UUID", examples=[BLAST])]

Version = Annotated[int | None, Query(ge=0, le=VERSION_MAX, description="Wait a moment for a report of this version")]

At = Annotated[
    int | None,
    Query(ge=0, le=MS_MAX, description="As it stood before the first record that took the system's time past this"),
]

resources = APIRouter(
    prefix=PREFIX, tags=["read"], route_class=GuardedRoute, dependencies=[Depends(_refuse_unknown_parameters)]
)
session = APIRouter(prefix=f"{PREFIX}/session", tags=["session"], route_class=GuardedRoute)


@resources.get("/status", operation_id="status.get", summary="Whether what is told is the present")
async def status(who: Who, ask: Ask) -> Response:
    """Why it isn't where it isn't, of which partitions and since when; and which sources send nothing of use."""
    return _json(ask.status(who))


@resources.get("/systems", operation_id="systems.list", summary="All systems, each in brief")
async def systems(request: Request, who: Who, ask: Ask, after: After = None, limit: Limit = LIMIT_DEFAULT) -> Response:
    """The systems that the credential is good for, by name."""
    return await answer(request, ask.tag(who), lambda: encode(ask.systems(who, after=after, limit=limit)))


@resources.get("/systems/{system}", operation_id="systems.get", summary="One system")
async def one_system(request: Request, who: Who, ask: Ask, system: System, at: At = None) -> Response:
    """With what its latest checkpoint says: counters, gaps, the journal's position; of a past instant, without that."""
    if at is not None:
        return await _past(request, await ask.past.system(who, system, at))
    return await answer(request, ask.tag(who, system), lambda: encode(ask.system(who, system)))


@resources.get("/systems/{system}/units", operation_id="units.list", summary="Units, in path order")
async def units(
    request: Request,
    who: Who,
    ask: Ask,
    system: System,
    type: Annotated[int | None, Query(ge=0, le=5, description="Only units of this type")] = None,  # noqa: A002
    parent: Annotated[str | None, Query(pattern=UNIT_PATH, description="Only those of this unit")] = None,
    communicating: Annotated[
        Literal["true", "false"] | None, Query(description="Those in contact, or the others")
    ] = None,
    label: Annotated[str | None, Query(max_length=LABEL_CODE_POINTS_MAX, description="Part of the label")] = None,
    after: Annotated[str | None, Query(pattern=UNIT_PATH, description="Those behind this path")] = None,
    limit: Limit = LIMIT_DEFAULT,
    at: At = None,
) -> Response:
    """`next` is what to give as `after` for the next page, or null at the end; a page may be short before it."""
    wanted = Choice(type, parent, None if communicating is None else communicating == "true", label)
    if at is not None:
        past = ask.past.ask(who, What.UNITS, system, at, after=after, limit=limit, **wanted._asdict())
        return await _past(request, await past)
    tag = ask.tag(who, system)
    return await answer(request, tag, lambda: encode(ask.units(who, system, wanted, after=after, limit=limit)))


@resources.get("/systems/{system}/units/{unit:path}", operation_id="units.get", summary="One unit")
async def one_unit(request: Request, who: Who, ask: Ask, system: System, unit: UnitPath, at: At = None) -> Response:
    """A unit as it stands, or stood."""
    if at is not None:
        return await _past(request, await ask.past.ask(who, What.UNIT, system, at, unit=unit))
    return await answer(request, ask.tag(who, system), lambda: encode(ask.unit(who, system, unit)))


@resources.get("/systems/{system}/warnings", operation_id="warnings.list", summary="Open warnings")
async def warnings(
    request: Request,
    who: Who,
    ask: Ask,
    system: System,
    after: After = None,
    limit: Limit = LIMIT_DEFAULT,
    at: At = None,
) -> Response:
    """Those that are open, acknowledged or not. `after` is `<unit>:<field>`, as `next` gives it."""
    if at is not None:
        past = ask.past.ask(who, What.WARNINGS, system, at, after=after, limit=limit)
        return await _past(request, await past)
    tag = ask.tag(who, system)
    return await answer(request, tag, lambda: encode(ask.warnings(who, system, after=after, limit=limit)))


@resources.get("/systems/{system}/changes", operation_id="changes.list", summary="Events that follow a version")
async def changes(
    request: Request,
    who: Who,
    ask: Ask,
    system: System,
    after: Annotated[int, Query(ge=0, le=VERSION_MAX, description="A version")] = 0,
    limit: Limit = LIMIT_DEFAULT,
) -> Response:
    """In their order, however old. 410 where these are not kept any more."""
    return await answer(request, ask.tag(who, system), lambda: ask.changes(who, system, after=after, limit=limit))


@resources.get(
    "/systems/{system}/blasts", operation_id="blasts.list", summary="Reports of the system's blasts, without timelines"
)
async def blasts(
    request: Request, who: Who, ask: Ask, system: System, after: After = None, limit: Limit = LIMIT_DEFAULT
) -> Response:
    """Oldest first, each at its latest stage: opened, firing_complete, firing_aborted or closed."""
    tag = ask.tag(who, system)
    return await answer(request, tag, lambda: encode(ask.blasts(who, system, after=after, limit=limit)))


@resources.get("/blasts/{blast}", operation_id="blasts.get", summary="A blast's whole report document")
async def one_blast(
    request: Request,
    who: Who,
    ask: Ask,
    blast: Blast,
    version: Version = None,
) -> Response:
    """With its timeline."""
    held = await ask.blast(who, blast, version=version)
    return await answer(request, held.sha256, lambda: held.content)


@resources.get(
    "/blasts/{blast}/detonators", operation_id="blasts.detonators", summary="What became of each detonator of a blast"
)
async def blast_detonators(
    request: Request,
    who: Who,
    ask: Ask,
    blast: Blast,
    version: Version = None,
    after: After = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Response:
    """Those of boosters active at the start, in path order. `after` is `<booster>:<window>`, as `next` gives it."""
    held = await ask.blast(who, blast, version=version)
    tag = f"{held.sha256}.detonators"
    return await answer(request, tag, lambda: ask.detonators(held, after=after, limit=limit))


@resources.get("/blasts/{blast}/report.{view}", operation_id="blasts.report", summary="A blast's report as a file")
async def report(
    request: Request,
    who: Who,
    ask: Ask,
    blast: Blast,
    view: Annotated[
        str, Path(max_length=NAME_CHARACTERS_MAX, description=f"One of: {', '.join(VIEWS)}", examples=["csv"])
    ],
) -> Response:
    """The same blast gives the same bytes each time. A PDF of a huge blast takes a while: one is made at a time."""
    found = await ask.report(who, blast, view)
    response = await answer(request, found.tag, found.make, found.media_type)
    response.headers["content-disposition"] = as_file(found.name)
    return response


@session.get("", operation_id="session.get", summary="Who is logged in")
async def who_is_logged_in(who: Who) -> Response:
    """Whom the credential belongs to, and which systems it is good for (null: all)."""
    return _json(_principal_document(who))


@session.post("", operation_id="session.open", summary="Trade a bearer token for a session cookie", status_code=201)
async def log_in(request: Request, doorkeeper: Keeper) -> Response:
    """The cookie can't be read by scripts, and is sent to this gateway's own page alone."""
    opened = doorkeeper.log_in(request)
    response = _json(_principal_document(opened.principal), status=201)
    response.set_cookie(
        doorkeeper.cookie_name(request.url),
        opened.cookie,
        max_age=opened.lifetime_s,
        path=COOKIE_PATH,
        secure=doorkeeper.is_secure(request.url),
        httponly=True,
        samesite="strict",
    )
    return response


@session.delete("", operation_id="session.close", summary="Log out of this browser", status_code=204)
async def log_out(request: Request, doorkeeper: Keeper) -> Response:
    """The browser forgets its cookie."""
    doorkeeper.require_own_origin(request, needed=True)
    response = Response(status_code=204)
    response.delete_cookie(
        doorkeeper.cookie_name(request.url),
        path=COOKIE_PATH,
        secure=doorkeeper.is_secure(request.url),
        httponly=True,
        samesite="strict",
    )
    return response


async def _past(request: Request, content: bytes) -> Response:
    return await answer(request, stamp_of(content), lambda: content)


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(compact_json.encode(document), status_code=status, media_type=JSON)


def _principal_document(principal: Principal) -> dict[str, Any]:
    bound_to = None if principal.systems is None else sorted(principal.systems)
    return {"id": principal.id, "role": principal.role, "systems": bound_to}
