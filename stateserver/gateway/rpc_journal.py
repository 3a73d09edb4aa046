"""The JSON-RPC methods that write into the journal."""

from stateserver.gateway import compact_json
from stateserver.gateway.journal import Journal
from stateserver.gateway.json_rpc import Method, Params
from stateserver.gateway.packet_bodies import records_of_json
from stateserver.gateway.parameters import Acknowledge, AcknowledgeCall, CommandBody, Label, LabelCall, check
from stateserver.security.tokens import Principal


def journal_methods(who: Principal, journal: Journal) -> dict[str, Method]:
    """The methods by name, for one principal."""

    async def send(system: str, body: CommandBody) -> bytes:
        return compact_json.encode(await journal.commands.send(who, system, body))

    async def acknowledge(params: Params) -> bytes:
        wanted = check(AcknowledgeCall, params)
        return await send(wanted.system, Acknowledge(**wanted.model_dump(exclude={"system"})))

    async def label(params: Params) -> bytes:
        wanted = check(LabelCall, params)
        return await send(wanted.system, Label(**wanted.model_dump(exclude={"system"})))

    async def append(params: Params) -> bytes:
        return compact_json.encode(await journal.packets.append(who, records_of_json(params)))

    return {"warnings.acknowledge": acknowledge, "units.label": label, "packets.append": append}
