"""What writes into the journal over HTTP: commands of people, records of Packet Servers."""

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Path, Request, Response

from stateserver.gateway import compact_json
from stateserver.gateway.guarded_route import GuardedRoute, principal_of
from stateserver.gateway.journal import Journal
from stateserver.gateway.outcomes import Outcome
from stateserver.gateway.packet_bodies import records_of
from stateserver.gateway.parameters import NAME_CHARACTERS_MAX, CommandBody
from stateserver.security.tokens import Principal

JSON: Final = "application/json"
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


@router.post("/systems/{system}/commands", operation_id="commands.send", summary="Acknowledge a warning, label a unit")
async def send_command(
    who: Who,
    into: Into,
    system: Annotated[str, Path(max_length=NAME_CHARACTERS_MAX, description="The system's id", examples=["site"])],
    body: Annotated[CommandBody, Body(discriminator="action")],
) -> Response:
    """Sealed into the journal with who gave it, and answered once a worker has applied it.

    202 where that takes long: it lies in the journal and will be applied. The same `id` again is the same command.
    """
    answer = await into.commands.send(who, system, body)
    status = 202 if answer["outcome"] is Outcome.PENDING else 200
    return Response(compact_json.encode(answer), status, media_type=JSON)


@router.post("/packets", operation_id="packets.append", summary="Append sealed records to the journal")
async def append_packets(who: Who, into: Into, request: Request) -> Response:
    """For Packet Servers that can't speak Kafka. Each record is answered by itself, in its order.

    What failed may be sent again as it is: a record that is in the journal already is not appended twice while this
    gateway remembers it, and the worker passes over what it has applied.
    """
    answer = await into.packets.append(who, await records_of(request))
    return Response(compact_json.encode(answer), media_type=JSON)
