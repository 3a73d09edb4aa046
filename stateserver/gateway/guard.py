"""The one place where it is decided who may do what, for HTTP and JSON-RPC alike, and where it is written down.

A WebSocket is let in once by `admit`; each of its calls then goes through `call`. HTTP's side is in `guarded_route`.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from starlette.requests import HTTPConnection

from stateserver.gateway.addresses import Addresses, counted_as
from stateserver.gateway.audit import Audit, What
from stateserver.gateway.auth import Doorkeeper, Visitor
from stateserver.gateway.limits import Limits
from stateserver.gateway.operation import Bound, Operation
from stateserver.gateway.operations import OPERATIONS
from stateserver.gateway.refusals import NotAllowed, NotLoggedIn, Refusal, UnknownBlast, UnknownSystem
from stateserver.gateway.turned_away import CredentialInQuery
from stateserver.logs import CREDENTIAL
from stateserver.security.tokens import Principal, may

NAMES_OF_CREDENTIALS: Final = frozenset(
    {"token", "access_token", "id_token", "authorization", "bearer", "jwt", "session", "api_key", "apikey"}
)
# What says that somebody may not, or not so much; other refusals say that they asked wrongly.
_TURNED_AWAY: Final = frozenset({401, 403, 408, 413, 429})
LOG_IN: Final = "session.open"
_DETAILS: Final = ("action", "unit", "field", "id")
Params = dict[str, Any]
_under_way: ContextVar[tuple[Audit, What, Visitor | None] | None] = ContextVar("under_way", default=None)
Answer = TypeVar("Answer")


def authorize(who: Principal, operation: Operation, system: str | None = None) -> None:
    """Raise NotAllowed where the role may not, UnknownSystem where it may but not this system's.

    A system that isn't theirs looks as one that isn't there.
    """
    if operation.needs is not None and not may(who, operation.needs, None):
        raise NotAllowed(who.role, operation.verb)
    if system is not None and not who.sees(system):
        raise UnknownSystem(system)


class Guard:
    """Lets requests in, judges calls, and writes down both commands and what it refused."""

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        limits: Limits | None = None,
        audit: Audit | None = None,
        addresses: Addresses | None = None,
    ) -> None:
        self.doorkeeper = doorkeeper
        self.audit = audit or Audit()
        self._limits = limits or Limits()
        self._addresses = addresses or Addresses()

    def address_of(self, connection: HTTPConnection) -> str:
        """Where a request comes from, through proxies of ours."""
        peer = None if connection.client is None else connection.client.host
        return self._addresses.of(peer, connection.headers.getlist("x-forwarded-for"))

    def admit(self, connection: HTTPConnection, operation: Operation) -> Visitor | None:
        """Let an HTTP request or a WebSocket in; None where the operation is open to all. Raises a Refusal."""
        what = What(operation.name, connection.path_params.get("system"), self.address_of(connection))
        visitor = None
        try:
            _refuse_credentials_in(connection)
            if operation.open:
                return None
            visitor = self._admit(connection, what.address)
            self._judge(visitor, operation, what.system)
        except Refusal as refusal:
            self.audit.refused(what, visitor, refusal.problem)
            raise
        return visitor

    def _admit(self, connection: HTTPConnection, address: str) -> Visitor:
        try:
            return self.doorkeeper.admit(connection)._replace(address=address)
        except NotLoggedIn:
            if self.doorkeeper.has_credential(connection):
                self._limits.failed_login(counted_as(address))
            raise

    def _judge(self, visitor: Visitor, operation: Operation, system: str | None) -> None:
        self._limits.request(visitor.principal.id)
        authorize(visitor.principal, operation, system)

    @contextmanager
    def websocket(self, visitor: Visitor) -> Iterator[None]:
        """Count somebody's WebSocket for as long as it is open. Raises TooManyWebSockets."""
        what = What("connect", None, visitor.address)
        with self.recorded(what, visitor, {}), self._limits.websocket(visitor.principal.id):
            yield

    async def call(
        self, visitor: Visitor, name: str, params: Params, method: Callable[[Params], Awaitable[Answer]]
    ) -> Answer:
        """Judge a JSON-RPC call, write it down where it is a command, and carry it out.

        Raises what the method does, a Refusal, or KeyError for a method that isn't in the table.
        """
        operation = OPERATIONS[name]
        named = params.get("system") if operation.bound is Bound.NAMED else None
        what = What(name, named if isinstance(named, str) else None, visitor.address)
        with self.recorded(what, visitor, details_of(params)):
            if operation.command and not visitor.still_welcome():
                raise NotLoggedIn
            self._judge(visitor, operation, what.system)
            return await method(params)

    @contextmanager
    def recorded(self, what: What, who: Visitor | None, details: Mapping[str, Any]) -> Iterator[None]:
        """Write down what is a command, before and after, and of anything else that it was refused."""
        token = _under_way.set((self.audit, what, who))
        try:
            with self._recorded(what, who, details):
                yield
        finally:
            _under_way.reset(token)

    @contextmanager
    def _recorded(self, what: What, who: Visitor | None, details: Mapping[str, Any]) -> Iterator[None]:
        if who is None or not OPERATIONS[what.operation].command:
            try:
                yield
                if who is not None and what.operation == LOG_IN:
                    self.audit.logged_in(what, who)
            except Refusal as refusal:
                if refusal.status in _TURNED_AWAY or isinstance(refusal, UnknownSystem | UnknownBlast):
                    self.audit.refused(what, who, refusal.problem)
                raise
            return
        self.audit.command(what, who, details)
        outcome, reason = "failed", None
        try:
            yield
            outcome = "done"
        except Refusal as refusal:
            outcome, reason = "refused", refusal.problem
            raise
        finally:
            self.audit.command_ended(what, who, outcome, reason, details)


def note_refusal(system: str, reason: str) -> None:
    """Write down that a part of what is under way was refused: one record of many, which the rest doesn't wait for."""
    under_way = _under_way.get()
    if under_way is not None:
        audit, what, who = under_way
        audit.refused(what._replace(system=system), who, reason)


def _refuse_credentials_in(connection: HTTPConnection) -> None:
    """Raise CredentialInQuery where the query string has one, or what is meant to be one."""
    named = NAMES_OF_CREDENTIALS & {name.lower() for name in connection.query_params}
    if named or CREDENTIAL.search(connection.scope["query_string"].decode("latin-1")):
        raise CredentialInQuery


def details_of(said: object) -> dict[str, str]:
    """What of a command's parameters the audit log keeps: what it is about, and the client's own id for it."""
    if not isinstance(said, dict):
        return {}
    return {name: value for name in _DETAILS if isinstance(value := said.get(name), str)}
