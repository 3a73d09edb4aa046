"""The HTTP interface under /api/v1 (spec page 4): a route for each operation that is read, and a browser's log-in.

What is asked for is described in `operations`; what is answered, in `reading`.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from stateserver.gateway import api_journal, compact_json
from stateserver.gateway.address_parameters import parameters_of
from stateserver.gateway.answers import JSON, answer, as_file
from stateserver.gateway.auth import COOKIE_PATH, Doorkeeper
from stateserver.gateway.guard import Guard
from stateserver.gateway.guarded_route import GuardedRoute, add_operation, guard_of, principal_of
from stateserver.gateway.operation import Operation
from stateserver.gateway.operations import OPERATIONS, READS
from stateserver.gateway.queries import Queries
from stateserver.gateway.reading import READERS, Reader
from stateserver.security.tokens import Principal

PREFIX: Final = "/api/v1"


def install(app: FastAPI, queries: Queries, guard: Guard) -> None:
    """Add the routes to the app; they find what they need in its state."""
    app.state.queries, app.state.guard, app.state.journal = queries, guard, queries.journal
    for router in (resources, session, api_journal.router):
        app.include_router(router, prefix=PREFIX)


async def _doorkeeper(request: Request) -> Doorkeeper:
    return guard_of(request).doorkeeper


async def _who(request: Request) -> Principal:
    return principal_of(request)


Keeper = Annotated[Doorkeeper, Depends(_doorkeeper)]
Who = Annotated[Principal, Depends(_who)]


def _route(operation: Operation, reader: Reader) -> Callable[[Request], Awaitable[Response]]:
    async def read(request: Request) -> Response:
        queries = request.app.state.queries
        assert isinstance(queries, Queries)
        found = await reader(queries, principal_of(request), parameters_of(request, operation))
        response = await answer(request, found.tag and found.tag(), found.make, found.media_type)
        if found.file_name is not None:
            response.headers["content-disposition"] = as_file(found.file_name)
        return response

    return read


resources = APIRouter(tags=["read"], route_class=GuardedRoute)
for _operation in READS:
    add_operation(resources, _operation, _route(_operation, READERS[_operation.name]))
session = APIRouter(tags=["session"], route_class=GuardedRoute)


async def who_is_logged_in(who: Who) -> Response:
    """Whom the credential belongs to, and which systems it is good for (null: all)."""
    return _json(_principal_document(who))


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


add_operation(session, OPERATIONS["session.get"], who_is_logged_in)
add_operation(session, OPERATIONS["session.open"], log_in)
add_operation(session, OPERATIONS["session.close"], log_out)


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(compact_json.encode(document), status_code=status, media_type=JSON)


def _principal_document(principal: Principal) -> dict[str, Any]:
    bound_to = None if principal.systems is None else sorted(principal.systems)
    return {"id": principal.id, "role": principal.role, "systems": bound_to}
