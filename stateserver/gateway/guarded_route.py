"""HTTP routes that cannot be reached but through the guard.

Nothing of a request, not even its body, is looked at before the guard has let it in; and its body is read here,
within bounds of size, time and depth.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from stateserver.gateway import strict_json
from stateserver.gateway.audit import What
from stateserver.gateway.auth import Visitor
from stateserver.gateway.guard import Guard, details_of
from stateserver.gateway.operation import Operation
from stateserver.gateway.operations import OPERATIONS
from stateserver.gateway.refusals import BadRequest, TooLarge
from stateserver.gateway.turned_away import BodyTooSlow
from stateserver.security.tokens import Principal

BODY_LIMIT_S: Final = 30.0
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """Its operation_id says which operation it is, and so by what right it is reached."""

    def get_route_handler(self) -> Handler:
        """FastAPI's own, behind the guard. Raises KeyError for an operation that isn't in the table."""
        handler, operation = super().get_route_handler(), OPERATIONS[str(self.operation_id)]

        async def guarded(request: Request) -> Response:
            guard = guard_of(request)
            visitor = request.state.visitor = guard.admit(request, operation)
            what = What(operation.name, request.path_params.get("system"), guard.address_of(request))
            if request.method not in _WITH_BODY:
                with guard.recorded(what, visitor, {}):
                    return await handler(request)
            return await _with_body(request, operation, what, visitor, handler)

        return guarded


def add_operation(router: APIRouter, operation: Operation, endpoint: Callable[..., Awaitable[Response]]) -> None:
    """A route for an operation, as the table describes it."""
    assert operation.http is not None
    router.add_api_route(
        operation.http.path,
        endpoint,
        methods=[operation.http.method],
        operation_id=operation.name,
        summary=operation.summary,
        description=operation.description or None,
        response_model=None,
    )


async def _with_body(
    request: Request, operation: Operation, what: What, visitor: Visitor | None, handler: Handler
) -> Response:
    guard = guard_of(request)
    try:
        body = await read_body(request, operation.body_bytes_max)
        request.state.said = _said(body) if operation.command else None
    except (BadRequest, TooLarge, BodyTooSlow) as refusal:
        guard.audit.refused(what, visitor, refusal.problem)
        raise
    with guard.recorded(what, visitor, details_of(request.state.said)):
        return await handler(request)


async def read_body(request: Request, bytes_max: int) -> bytes:
    """A request's whole body, which it keeps. Raises TooLarge or BodyTooSlow."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > bytes_max:
        raise TooLarge(f"the body may have {bytes_max} bytes here")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            async for piece in request.stream():
                body += piece
                if len(body) > bytes_max:
                    raise TooLarge(f"the body may have {bytes_max} bytes here")
    except TimeoutError:
        raise BodyTooSlow(BODY_LIMIT_S) from None
    except ClientDisconnect:
        body.clear()  # nobody is there to be answered
    request._body = bytes(body)  # noqa: SLF001 - where the request itself keeps it
    return request._body  # noqa: SLF001


def _said(body: bytes) -> object:
    """What a command's body says. Raises BadRequest where that is no JSON, or nested too deep."""
    try:
        return strict_json.parse(body.decode())
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8") from None
    except strict_json.BadJson as trouble:
        raise BadRequest(trouble.message) from None


def guard_of(request: Request) -> Guard:
    """The app's guard."""
    guard = request.app.state.guard
    assert isinstance(guard, Guard)
    return guard


def principal_of(request: Request) -> Principal:
    """Who was let in with this request (a dependency of routes)."""
    visitor = request.state.visitor
    assert isinstance(visitor, Visitor)
    return visitor.principal
