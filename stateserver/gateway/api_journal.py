"""What writes into the journal over HTTP: commands of people, records of Packet Servers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from stateserver.gateway import compact_json
from stateserver.gateway.address_parameters import parameters_of, refuse_query
from stateserver.gateway.answers import JSON
from stateserver.gateway.command_parameters import check_command
from stateserver.gateway.guarded_route import GuardedRoute, add_operation, principal_of
from stateserver.gateway.journal import Journal
from stateserver.gateway.operations import OPERATIONS
from stateserver.gateway.outcomes import Outcome
from stateserver.gateway.packet_bodies import records_of, require_media_type
from stateserver.gateway.parameters import OfSystem
from stateserver.gateway.refusals import BadRequest
from stateserver.security.tokens import Principal

SEND, APPEND = OPERATIONS["commands.send"], OPERATIONS["packets.append"]
# Its prefix is the API's own; `api` includes it.
router = APIRouter(tags=["journal"], route_class=GuardedRoute)


async def _journal(request: Request) -> Journal:
    journal = request.app.state.journal
    assert isinstance(journal, Journal)
    return journal


async def _who(request: Request) -> Principal:
    return principal_of(request)


Who = Annotated[Principal, Depends(_who)]
Into = Annotated[Journal, Depends(_journal)]


async def send_command(who: Who, into: Into, request: Request) -> Response:
    """202 where it lies in the journal, and no worker has applied it yet."""
    address, body = parameters_of(request, SEND), request.state.said
    require_media_type(request, JSON)
    if not isinstance(body, dict):
        raise BadRequest("parameters are given by name, in an object")
    assert isinstance(address, OfSystem)
    answer = await into.commands.send(who, check_command(address.system, body))
    status = 202 if answer["outcome"] is Outcome.PENDING else 200
    return Response(compact_json.encode(answer), status, media_type=JSON)


async def append_packets(who: Who, into: Into, request: Request) -> Response:
    """What became of each record, in their order."""
    refuse_query(request)
    answer = await into.packets.append(who, await records_of(request))
    return Response(compact_json.encode(answer), media_type=JSON)


add_operation(router, SEND, send_command)
add_operation(router, APPEND, append_packets)
