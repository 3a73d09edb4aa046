"""The one place where it is decided who may do what, for HTTP and JSON-RPC alike.

An HTTP route is one of `GuardedRoute`: nothing of a request, not even its body, is looked at before the guard has
let it in. A WebSocket is let in once, and each of its calls is judged by `allow`.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from stateserver.gateway.auth import Doorkeeper, Visitor
from stateserver.gateway.operations import OPERATIONS, Bound, Operation
from stateserver.gateway.refusals import NotAllowed, UnknownSystem
from stateserver.security.tokens import Principal, may

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def authorize(who: Principal, operation: Operation, system: str | None = None) -> None:
    """Raise NotAllowed where the role may not, UnknownSystem where it may but not this system's.

    A system that isn't theirs looks as one that isn't there.
    """
    if operation.needs is not None and not may(who, operation.needs, None):
        raise NotAllowed(who.role, operation.verb)
    if system is not None and not who.sees(system):
        raise UnknownSystem(system)


class Guard:
    """Lets requests in, and judges calls."""

    def __init__(self, doorkeeper: Doorkeeper) -> None:
        self.doorkeeper = doorkeeper

    def admit(self, connection: HTTPConnection, operation: Operation) -> Visitor | None:
        """Let an HTTP request or a WebSocket in; None where the operation is open to all. Raises a Refusal."""
        if operation.open:
            return None
        visitor = self.doorkeeper.admit(connection)
        self.allow(visitor, operation, connection.path_params.get("system"))
        return visitor

    def allow(self, visitor: Visitor, operation: Operation, system: str | None = None) -> None:
        """Judge one call of somebody who was let in. Raises a Refusal.

        For an operation that is `LOOKED_UP`, call it again with each system that shows.
        """
        authorize(visitor.principal, operation, system)

    def allow_call(self, visitor: Visitor, method: str, params: object) -> None:
        """Judge a JSON-RPC call by its method's name and parameters. Raises a Refusal, KeyError for an unknown one."""
        operation = OPERATIONS[method]
        system = params.get("system") if operation.bound is Bound.NAMED and isinstance(params, dict) else None
        self.allow(visitor, operation, system if isinstance(system, str) else None)


class GuardedRoute(APIRoute):
    """A route that cannot be reached but through the guard in the app's state; its operation_id says by what right."""

    def get_route_handler(self) -> Handler:
        """FastAPI's own, behind the guard. Raises KeyError for an operation that isn't in the table."""
        handler, operation = super().get_route_handler(), OPERATIONS[str(self.operation_id)]

        async def guarded(request: Request) -> Response:
            guard = request.app.state.guard
            assert isinstance(guard, Guard)
            request.state.visitor = guard.admit(request, operation)
            return await handler(request)

        return guarded


def principal_of(request: Request) -> Principal:
    """Who was let in with this request (a dependency of routes)."""
    visitor = request.state.visitor
    assert isinstance(visitor, Visitor)
    return visitor.principal
