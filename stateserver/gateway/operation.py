"""One description of an operation: what it takes, what it answers, what it refuses, and by what right it is reached.

HTTP's routes, JSON-RPC's methods and the documents of both (OpenAPI, AsyncAPI) follow from it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from stateserver.gateway import refusals, turned_away
from stateserver.gateway.parameters import NoParameters, Parameters
from stateserver.gateway.refusals import Refusal
from stateserver.security.tokens import Permission

_NAMED: Final = re.compile(r"\{(\w+)")
Refusals = tuple[type[Refusal], ...]


class Bound(StrEnum):
    """What of an operation is bound to a system."""

    NOT = "not"
    """Nothing: it tells of the gateway, or of whoever asks."""
    FILTERED = "filtered"
    """Its answer: it holds what is of the principal's systems, and no more."""
    NAMED = "named"
    """It names a system, which is judged before anything is looked up."""
    LOOKED_UP = "looked up"
    """The system shows once something is found (a blast's) or read (a packet's): it is judged there."""


@dataclass(frozen=True, slots=True)
class Http:
    """Where an operation is reached over HTTP, below the API's prefix, or (absolute) beside it."""

    method: str
    path: str
    absolute: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One of them. `needs` is None where any good credential will do; `open` where none is asked for."""

    name: str
    summary: str = ""
    description: str = ""
    needs: Permission | None
    bound: Bound = Bound.NOT
    open: bool = False
    command: bool = False
    """It changes something: it is written down before it is carried out."""
    body_bytes_max: int = 64 << 10
    http: Http | None = None
    rpc: bool = False
    """Whether it is a method of JSON-RPC, by its name."""
    takes: type[Parameters] = NoParameters
    """Its parameters: a method's, and an address's, whose path names some of them."""
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=lambda: {200: None})
    """By HTTP's status; a method gives the first. None: no JSON that a model describes."""
    refuses: Refusals = ()
    """What it alone refuses, over either; see `refused_over_http`, `refused_over_rpc`."""
    refuses_http: Refusals = ()
    """What only HTTP can meet: of its bodies, of its browsers."""
    tagged: bool = False
    """Over HTTP its answers bear tags, and one that the client has is not sent again."""

    @property
    def verb(self) -> str:
        """What it does, for whoever may not."""
        return "do this" if self.needs is None else self.needs.value

    @property
    def path_parameters(self) -> list[str]:
        """Those that its address names."""
        return [] if self.http is None else _NAMED.findall(self.http.path)

    @property
    def query_parameters(self) -> list[str]:
        """Those that stand behind it."""
        return [name for name in self.takes.model_fields if name not in self.path_parameters]


def refused_over_rpc(operation: Operation) -> set[type[Refusal]]:
    """All that a method of an open connection may be refused with."""
    found: set[type[Refusal]] = {refusals.BadRequest, turned_away.TooManyRequests, *operation.refuses}
    if operation.needs is not None:
        found.add(refusals.NotAllowed)
    if operation.command:
        found |= {refusals.NotLoggedIn, turned_away.NotWrittenDown}
    return found


def refused_over_http(operation: Operation) -> set[type[Refusal]]:
    """All that a request may be refused with."""
    found: set[type[Refusal]] = {turned_away.CredentialInQuery, *operation.refuses, *operation.refuses_http}
    if operation.http is not None and not operation.http.absolute:
        found |= {refusals.BadRequest, turned_away.TooManyRequests, turned_away.TooManyFailures}
    if not operation.open:
        found |= {refusals.NotLoggedIn, refusals.ForeignOrigin}
    if operation.needs is not None:
        found.add(refusals.NotAllowed)
    if operation.http is not None and operation.http.method != "GET":
        found |= {refusals.TooLarge, turned_away.BodyTooSlow}
    if operation.command:
        found.add(turned_away.NotWrittenDown)
    return found
