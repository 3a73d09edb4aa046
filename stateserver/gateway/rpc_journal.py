"""The JSON-RPC methods that write into the journal."""

from stateserver.gateway import compact_json
from stateserver.gateway.command_parameters import Command
from stateserver.gateway.journal import Journal
from stateserver.gateway.json_rpc import Method, Params
from stateserver.gateway.operations import METHODS
from stateserver.gateway.packet_bodies import records_of_json
from stateserver.gateway.parameters import check
from stateserver.security.tokens import Principal


def journal_methods(who: Principal, journal: Journal) -> dict[str, Method]:
    """The methods by name, for one principal."""

    def sending(command: type[Command]) -> Method:
        async def send(params: Params) -> bytes:
            return compact_json.encode(await journal.commands.send(who, check(command, params)))

        return send

    async def append(params: Params) -> bytes:
        return compact_json.encode(await journal.packets.append(who, records_of_json(params)))

    commands = {name: one.takes for name, one in METHODS.items() if issubclass(one.takes, Command)}
    return {name: sending(command) for name, command in commands.items()} | {"packets.append": append}
