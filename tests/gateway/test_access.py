"""Every endpoint and every method, tried with every sort of credential. What is new and isn't here fails."""

import asyncio
import base64
import json
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from websockets.exceptions import InvalidStatus

from stateserver.domain.records import FrameRecord
from stateserver.gateway.app import build_app
from stateserver.gateway.guard import authorize
from stateserver.gateway.guarded_route import GuardedRoute
from stateserver.gateway.operation import Bound, Operation
from stateserver.gateway.operations import OPERATIONS
from stateserver.gateway.refusals import NotAllowed, UnknownSystem
from stateserver.protocol.modes import Mode
from stateserver.security.tokens import Permission, Principal, Role
from tests.gateway.described import methods_of_a_session
from tests.gateway.serving import LIMIT_S, Caller, Gateway, make_parts, make_tokens
from tests.gateway.test_api import BLAST
from tests.stream.journals import sealed

# Said here again, apart from the product: who may do what.
MAY = {
    Permission.READ: {Role.VIEWER, Role.OPERATOR, Role.ADMIN},
    Permission.COMMAND: {Role.OPERATOR, Role.ADMIN},
    Permission.APPEND: {Role.PACKET_SERVER, Role.PEER, Role.ADMIN},
    None: set(Role),
}


class Asked(NamedTuple):
    """A request, and the operation it is."""

    operation: str
    method: str
    path: str
    body: dict[str, Any] | None = None


LABEL = {"action": "label_unit", "unit": "{unit}", "label": ""}
# Every address of the gateway but the page's files. A new one must be added here, with what it is.
REQUESTS = [
    Asked("status.get", "GET", "/api/v1/status"),
    Asked("systems.list", "GET", "/api/v1/systems"),
    Asked("systems.get", "GET", "/api/v1/systems/{system}"),
    Asked("units.list", "GET", "/api/v1/systems/{system}/units"),
    Asked("units.get", "GET", "/api/v1/systems/{system}/units/{unit}"),
    Asked("warnings.list", "GET", "/api/v1/systems/{system}/warnings"),
    Asked("changes.list", "GET", "/api/v1/systems/{system}/changes"),
    Asked("blasts.list", "GET", "/api/v1/systems/{system}/blasts"),
    Asked("blasts.get", "GET", "/api/v1/blasts/{blast}"),
    Asked("blasts.detonators", "GET", "/api/v1/blasts/{blast}/detonators"),
    Asked("commands.send", "POST", "/api/v1/systems/{system}/commands", LABEL),
    Asked("packets.append", "POST", "/api/v1/packets", {"records": ["{packet}"]}),
    Asked("session.get", "GET", "/api/v1/session"),
    Asked("session.open", "POST", "/api/v1/session"),
    Asked("session.close", "DELETE", "/api/v1/session"),
    Asked("health.live", "GET", "/health/live"),
    Asked("health.ready", "GET", "/health/ready"),
    Asked("metrics", "GET", "/metrics"),
    Asked("page", "GET", "/"),
    Asked("docs", "GET", "/docs"),
    Asked("blasts.report", "GET", "/api/v1/blasts/{blast}/report.json"),
]
# Every method, with parameters that are right.
CALLS: dict[str, dict[str, Any]] = {
    "status.get": {},
    "systems.list": {},
    "systems.get": {"system": "{system}"},
    "units.list": {"system": "{system}"},
    "units.get": {"system": "{system}", "unit": "{unit}"},
    "warnings.list": {"system": "{system}"},
    "changes.list": {"system": "{system}"},
    "blasts.list": {"system": "{system}"},
    "blasts.get": {"blast": "{blast}"},
    "blasts.detonators": {"blast": "{blast}"},
    "warnings.acknowledge": {"system": "{system}", "unit": "{unit}", "field": "mains"},
    "units.label": {"system": "{system}", "unit": "{unit}", "label": ""},
    "units.retire": {"system": "{system}", "unit": "{unit}"},
    "packets.append": {"records": ["{packet}"]},
    "subscribe": {"system": "{system}"},
    "unsubscribe": {"subscription": "1"},
    "ping": {},
}


def packet_of(system: str) -> str:
    value = sealed(FrameRecord(1, Mode.AXXIS100, "ps", 1, b""), system).value
    return base64.b64encode(value or b"").decode()


THERE = {"system": "site", "unit": "3/158", "blast": BLAST, "packet": packet_of("site")}
NOT_THERE = {
    "system": "nowhere",
    "unit": "3/158",
    "blast": "0cd3eb41-43ff-5a6a-b289-000000000000",
    "packet": packet_of("nowhere"),
}
# This gateway has no broker to append to, and no key to seal with.
LACKING = {"journal-unreachable", "commands-off"}
# Served by the framework itself, with nothing but the interface's description.
NOT_OURS = {"/api/v1/openapi.json"}


def filled(given: Any, names: dict[str, str]) -> Any:
    """A request's path or parameters, about these things."""
    text = json.dumps(given)
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return json.loads(text)


def as_of_nothing(text: str) -> str:
    """An answer about what is there, as if it had been asked about what isn't."""
    for name, value in THERE.items():
        text = text.replace(value, NOT_THERE[name])
    return text


def an_app() -> FastAPI:
    return build_app(make_parts(make_tokens()))


class TestTheTableIsWhole:
    def test_every_address_is_behind_the_guard_and_tried_here(self) -> None:
        found = set()
        for context in iter_route_contexts(an_app().routes):
            route, path = context.original_route, str(context.path).replace("{unit:path}", "{unit}")
            path = path.replace("{view}", "json")
            if path in NOT_OURS or path.startswith("/page/"):
                continue
            if isinstance(route, APIWebSocketRoute):
                assert path == "/api/v1/ws", "a new WebSocket: try it here"
                continue
            assert isinstance(route, GuardedRoute), f"{path} is reached without the guard"
            found |= {(str(route.operation_id), method, path) for method in context.methods or ()}
        assert found == {asked[:3] for asked in REQUESTS}, "a new address: add it to REQUESTS"

    def test_files_of_the_page_hold_no_data_and_are_guarded_alike(self) -> None:
        routes = [one.original_route for one in iter_route_contexts(an_app().routes)]
        files = [route for route in routes if isinstance(route, APIRoute) and route.path.startswith("/page/")]
        assert {(type(route), route.operation_id) for route in files} == {(GuardedRoute, "page")}

    def test_every_method_is_tried_here(self) -> None:
        assert methods_of_a_session() == set(CALLS), "a new method: add it to CALLS"

    def test_a_route_that_is_not_in_the_table_cannot_be_added(self) -> None:
        app = an_app()

        async def forgotten() -> None: ...

        with pytest.raises(KeyError):
            app.add_api_route("/forgotten", forgotten, operation_id="forgotten")
        with pytest.raises(KeyError):
            app.add_api_route("/unnamed", forgotten)

    def test_what_is_open_is_what_holds_no_data(self) -> None:
        assert {name for name, operation in OPERATIONS.items() if operation.open} == {
            *("page", "openapi", "docs", "health.live", "health.ready", "metrics", "session.close")
        }


class TestTheRule:
    def test_of_roles_and_systems(self) -> None:
        for operation in OPERATIONS.values():
            for role in Role:
                self.hold(operation, role)

    def hold(self, operation: Operation, role: Role) -> None:
        mine = Principal("somebody", role, frozenset({"mine"}))
        if role not in MAY[operation.needs]:
            for system in (None, "mine", "theirs"):
                with pytest.raises(NotAllowed):
                    authorize(mine, operation, system)
            return
        authorize(mine, operation)
        authorize(mine, operation, "mine")
        authorize(mine._replace(systems=None), operation, "theirs")
        with pytest.raises(UnknownSystem):
            authorize(mine, operation, "theirs")


async def ask(client: httpx.AsyncClient, asked: Asked, names: dict[str, str]) -> httpx.Response:
    return await client.request(asked.method, filled(asked.path, names), json=filled(asked.body, names))


def problem_of(answer: httpx.Response) -> str:
    """The last part of a problem's name; "" for an answer that is none."""
    if answer.headers.get("content-type") != "application/problem+json":
        return ""
    return str(answer.json()["type"]).rpartition(":")[2]


CLOSED = [asked for asked in REQUESTS if not OPERATIONS[asked.operation].open]
DENIED = {"not-logged-in", "not-allowed", "unknown-system", "unknown-blast"}


class TestOverHttp:
    async def test_without_a_good_credential(self, told: Gateway) -> None:
        good = told.tokens.viewer
        wrong = [
            *(None, "", "Bearer", f"Bearer {good}x", f"Bearer {good[:-1]}", f"Bearer {told.tokens.expired}"),
            *(f"Basic {good}", good, f"Bearer {'x' * 5_000}", "Bearer \xe9"),
        ]
        async with told.client(None) as client:
            for header in wrong:
                client.headers = httpx.Headers([] if header is None else [(b"authorization", header.encode("latin-1"))])
                for asked in CLOSED:
                    answer = await ask(client, asked, THERE)
                    assert (answer.status_code, problem_of(answer)) == (401, "not-logged-in"), (header, asked)
                    assert answer.headers["www-authenticate"] == "Bearer"

    async def test_with_every_role(self, told: Gateway) -> None:
        for role, token in told.tokens.by_role.items():
            async with told.client(token) as client:
                for asked in CLOSED:
                    answer = await ask(client, asked, THERE)
                    if role in MAY[OPERATIONS[asked.operation].needs]:
                        assert answer.status_code < 500 or problem_of(answer) in LACKING, (role, asked)
                        assert problem_of(answer) not in DENIED, (role, asked)
                    else:
                        assert (answer.status_code, problem_of(answer)) == (403, "not-allowed"), (role, asked)
                        # Nor does the refusal tell what is there.
                        assert (await ask(client, asked, NOT_THERE)).content == answer.content

    async def test_with_a_credential_for_another_system(self, told: Gateway) -> None:
        for role, token in told.tokens.bound_by_role.items():
            async with told.client(token) as client:
                for asked in CLOSED:
                    if role in MAY[OPERATIONS[asked.operation].needs]:
                        await self.for_another_system(client, asked)

    async def for_another_system(self, client: httpx.AsyncClient, asked: Asked) -> None:
        operation = OPERATIONS[asked.operation]
        theirs, none = await ask(client, asked, THERE), await ask(client, asked, NOT_THERE)
        if operation.bound is Bound.NOT:
            assert theirs.status_code < 300, asked
        elif operation.bound is Bound.FILTERED:
            assert "site" not in theirs.text, asked
        elif asked.operation == "packets.append":  # each record is answered by itself
            assert theirs.json()["records"][0]["reason"] == "unknown_system"
            assert as_of_nothing(theirs.text) == none.text
        else:
            assert theirs.status_code == none.status_code == 404, asked
            assert problem_of(theirs) in {"unknown-system", "unknown-blast"}, asked
            assert as_of_nothing(theirs.text) == none.text
            assert set(theirs.headers) == set(none.headers)


def error_of(answer: dict[str, Any]) -> str:
    """The problem's name, "" for a result."""
    return str(answer.get("error", {}).get("data", {}).get("type", "")).rpartition(":")[2]


class TestOverTheWebSocket:
    async def test_without_a_good_credential_there_is_none(self, told: Gateway) -> None:
        good = told.tokens.viewer
        for headers in (
            {"x_nothing": "here"},
            {"authorization": f"Bearer {good}x"},
            {"authorization": f"Bearer {told.tokens.expired}"},
            {"authorization": f"Basic {good}"},
            {"cookie": f"stateserver-{told.port}={good}", "origin": told.url},
        ):
            with pytest.raises(InvalidStatus) as refused:
                await asyncio.wait_for(told.websocket(**headers).__aenter__(), LIMIT_S)
            assert refused.value.response.status_code == 401, headers

    async def test_with_every_role(self, told: Gateway) -> None:
        for role, token in told.tokens.by_role.items():
            async with told.websocket(authorization=f"Bearer {token}") as socket:
                caller = Caller(socket)
                for method, params in CALLS.items():
                    answer = await caller.call(method, **filled(params, THERE))
                    if role in MAY[OPERATIONS[method].needs]:
                        assert error_of(answer) not in DENIED, (role, method)
                    else:
                        assert error_of(answer) == "not-allowed", (role, method)
                        none = await caller.call(method, **filled(params, NOT_THERE))
                        assert answer["error"] == none["error"]

    async def test_with_a_credential_for_another_system(self, told: Gateway) -> None:
        for role, token in told.tokens.bound_by_role.items():
            async with told.websocket(authorization=f"Bearer {token}") as socket:
                caller = Caller(socket)
                for method in CALLS:
                    if role in MAY[OPERATIONS[method].needs]:
                        await self.for_another_system(caller, method)

    async def for_another_system(self, caller: Caller, method: str) -> None:
        operation = OPERATIONS[method]
        theirs = await caller.call(method, **filled(CALLS[method], THERE))
        none = await caller.call(method, **filled(CALLS[method], NOT_THERE))
        if operation.bound is Bound.FILTERED:
            assert "site" not in json.dumps(theirs["result"]), method
        elif method == "packets.append":
            assert theirs["result"]["records"][0]["reason"] == "unknown_system"
            assert as_of_nothing(json.dumps(theirs["result"])) == json.dumps(none["result"])
        elif operation.bound is not Bound.NOT:
            assert error_of(theirs) in {"unknown-system", "unknown-blast"}, method
            assert as_of_nothing(json.dumps(theirs["error"])) == json.dumps(none["error"])
