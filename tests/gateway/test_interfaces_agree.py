"""HTTP and JSON-RPC have the same parameters and bounds, and refuse the same in the same words.

Each of their codes means one thing, and stands in the documents.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
import yaml

from stateserver.gateway.command_parameters import COMMANDS, ID_SAYS, Command
from stateserver.gateway.json_rpc import MethodNotFound
from stateserver.gateway.liveness import Condition
from stateserver.gateway.operation import Operation, refused_over_http, refused_over_rpc
from stateserver.gateway.operations import METHODS, OPERATIONS, READS
from stateserver.gateway.reading import READERS
from stateserver.gateway.refusals import UNCODED, Refusal, TooMany
from stateserver.security.tokens import Role
from tests.gateway import described
from tests.gateway.serving import Caller, Gateway, make_parts, make_tokens, serving
from tests.gateway.test_access import CALLS, THERE, filled
from tests.gateway.test_system_model import sample_events

Document = dict[str, Any]
PREFIX = "/api/v1"
OVER_BOTH = [name for name, one in METHODS.items() if one.http is not None or issubclass(one.takes, Command)]


LABEL = {"action": "label_unit", "unit": "3/158", "label": ""}


class Asked(NamedTuple):
    """A call, and what is wrong with it."""

    method: str
    params: Document
    wrong: str


def takes(method: str, parameter: str) -> bool:
    return parameter in METHODS[method].takes.model_fields


def good(method: str) -> Document:
    params = filled(CALLS[method], THERE)
    assert isinstance(params, dict)
    return params


def wrong_values(schema: Document, *, in_address: bool) -> Iterator[Any]:
    """Values that a parameter's own schema rules out. An address has texts alone."""
    (one,) = [kind for kind in schema.get("anyOf", [schema]) if kind != {"type": "null"}]
    if one["type"] == "integer":
        yield from ("many", "", "1.5", "+1", "01", one["minimum"] - 1, one["maximum"] + 1, 10**30)
    if one["type"] == "boolean":
        yield from ("yes", "True", "1", "")
    if "maxLength" in one:
        yield "x" * (one["maxLength"] + 1)
    if one.get("minLength"):
        yield ""
    if "pattern" in one:
        yield from ("nonsense", "", "3/158/4", "3/158/")
    if one["type"] == "array":
        yield from ([], ["x"] * (one["maxItems"] + 1), "x", [1], [None])
    if not in_address:
        yield from (5, True, [], {})
        if schema is one:
            yield None


def wrong_calls(method: str) -> Iterator[Asked]:
    operation, params = METHODS[method], good(method)
    schema = operation.takes.model_json_schema()
    in_address = operation.http is not None and operation.http.method == "GET"
    for name, one in schema["properties"].items():
        # A command's system stands in the address, whatever else is in its body.
        for value in wrong_values(one, in_address=in_address or name == "system"):
            if value != "" or name not in (*operation.path_parameters, "system"):  # of a path that is another address
                yield Asked(method, params | {name: value}, f"{name} {value!r:.30}")
    yield Asked(method, params | {"colour": "red"}, "colour")
    if not in_address:
        for name in set(schema["required"]) - {"system"}:
            yield Asked(method, {key: value for key, value in params.items() if key != name}, f"no {name}")


WRONG = [asked for method in OVER_BOTH for asked in wrong_calls(method)]
AHEAD = 2**53 - 1
# Right by their schemas, and refused all the same.
REFUSED: list[tuple[str, Document, str]] = [
    *((name, {"system": "nowhere"}, "unknown-system") for name in OVER_BOTH if takes(name, "system")),
    *((name, {"at": AHEAD}, "not-yet") for name in OVER_BOTH if takes(name, "at")),
    ("units.get", {"unit": "9/9"}, "unknown-unit"),
    ("units.get", {"unit": "nonsense"}, "unknown-unit"),
    ("warnings.list", {"after": "3/1:mains"}, "unknown-place"),
    ("blasts.list", {"after": "none"}, "unknown-place"),
    ("changes.list", {"after": AHEAD}, "unknown-version"),
    ("changes.list", {"after": 0}, "history-gone"),
    ("blasts.get", {"blast": "none"}, "unknown-blast"),
    ("blasts.get", {"version": AHEAD}, "unknown-version"),
    ("blasts.detonators", {"blast": "none"}, "unknown-blast"),
    ("blasts.detonators", {"after": "3/1:1"}, "unknown-place"),
    *((name, {}, "commands-off") for name in OVER_BOTH if issubclass(METHODS[name].takes, Command)),
    ("packets.append", {"records": ["no base64"]}, "bad-request"),
    ("packets.append", {}, "journal-unreachable"),
]


async def over_http(client: httpx.AsyncClient, method: str, params: Document) -> httpx.Response:
    """The request that is the same as the call."""
    operation = METHODS[method]
    if issubclass(operation.takes, Command):
        body = {"action": operation.takes.action} | {name: one for name, one in params.items() if name != "system"}
        return await client.post(f"{PREFIX}/systems/{quote(params['system'], safe='')}/commands", json=body)
    assert operation.http is not None
    if operation.http.method == "POST":
        return await client.post(PREFIX + operation.http.path, json=params)
    path = operation.http.path.replace(":path", "")
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", quote(str(params[name]), safe="/" if name == "unit" else ""))
    query = {name: _text(one) for name, one in params.items() if name not in operation.path_parameters}
    return await client.get(PREFIX + path, params=query)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def known() -> dict[str, type[Refusal]]:
    return {kind.problem: kind for kind in described.refusals_there_are()}


async def refused_alike(caller: Caller, client: httpx.AsyncClient, method: str, params: Document) -> str:
    """Over both, the same is said. Returns the problem's name."""
    answer, called = await over_http(client, method, params), await caller.call(method, **params)
    assert answer.status_code >= 400, answer.text
    assert "error" in called, called
    problem, error = answer.json(), called["error"]
    assert steady(error["data"]) == steady(problem)
    assert error["message"] == error["data"]["detail"]
    name = str(problem["type"]).rpartition(":")[2]
    kind = known()[name]
    assert (answer.status_code, problem["status"], error["code"]) == (kind.status, kind.status, kind.code)
    assert kind in refused_over_rpc(METHODS[method])
    assert kind in refused_over_http(http_operation(method))
    return name


def steady(problem: Document) -> Document:
    """What doesn't tell when it was asked."""
    return problem | {"detail": re.sub(r"it is \d+", "it is now", problem["detail"])}


def http_operation(method: str) -> Operation:
    return OPERATIONS["commands.send"] if issubclass(METHODS[method].takes, Command) else METHODS[method]


@pytest.mark.parametrize("method", OVER_BOTH)
async def test_each_wrong_parameter_is_refused_in_the_same_words(told: Gateway, method: str) -> None:
    token = told.tokens.by_role[Role.ADMIN]
    async with told.client(token) as client, told.websocket(authorization=f"Bearer {token}") as socket:
        caller = Caller(socket)
        asked = [one for one in WRONG if one.method == method]
        assert asked
        for one in asked:
            assert await refused_alike(caller, client, method, one.params) == "bad-request", one.wrong


async def test_what_is_refused_for_other_reasons_is_refused_in_the_same_words(told: Gateway) -> None:
    told.parts.reading.systems["site"].log.keep(1)
    token = told.tokens.by_role[Role.ADMIN]
    async with told.client(token) as client, told.websocket(authorization=f"Bearer {token}") as socket:
        caller = Caller(socket)
        for method, change, problem in REFUSED:
            assert await refused_alike(caller, client, method, good(method) | change) == problem, (method, change)


async def test_who_may_not_is_refused_in_the_same_words(told: Gateway) -> None:
    for role in Role:
        token = told.tokens.by_role[role]
        async with told.client(token) as client, told.websocket(authorization=f"Bearer {token}") as socket:
            caller = Caller(socket)
            for method in OVER_BOTH:
                answer = await over_http(client, method, good(method))
                if answer.status_code == 403:
                    assert await refused_alike(caller, client, method, good(method)) == "not-allowed"


async def test_a_gateway_that_is_not_ready_says_so_in_the_same_words() -> None:
    tokens = make_tokens()

    async def feed() -> None:
        """Never comes to an end of reading."""

    async with serving(make_parts(tokens), tokens, feed) as gateway:
        gateway.tell(sample_events())
        token = tokens.by_role[Role.ADMIN]
        async with gateway.client(token) as client, gateway.websocket(authorization=f"Bearer {token}") as socket:
            caller = Caller(socket)
            for method in OVER_BOTH:
                if method == "status.get":
                    answer = await over_http(client, method, good(method))
                    assert answer.json()["condition"] == Condition.STARTING, "it is there to say so"
                elif method != "packets.append":
                    assert await refused_alike(caller, client, method, good(method)) == "not-ready"
        assert gateway.parts.liveness.condition is Condition.STARTING


async def test_what_only_an_address_can_say_wrong(told: Gateway) -> None:
    async with told.client() as client:
        for path, detail in (
            ("/systems?limit=1&limit=2", "parameter 'limit' is given more than once"),
            ("/systems/site/units?system=mine", "there is no parameter 'system' here"),
            ("/systems/site/units?", None),
        ):
            answer = await client.get(PREFIX + path)
            assert answer.status_code == (200 if detail is None else 400), path
            assert detail is None or answer.json()["detail"] == detail
    async with told.client(told.tokens.by_role[Role.ADMIN]) as client:
        for path in ("/packets?limit=1", "/systems/site/commands?limit=1"):
            answer = await client.post(PREFIX + path, json={})
            assert (answer.status_code, answer.json()["detail"]) == (400, "there is no parameter 'limit' here")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "parameter 'action': there is no action None"),
        ({"action": "fire", "unit": "0/23"}, "parameter 'action': there is no action 'fire'"),
        ({"action": ["label_unit"]}, "parameter 'action': there is no action ['label_unit']"),
        (LABEL | {"system": "site"}, "there is no parameter 'system' here"),
        (LABEL | {"actor": "eve"}, "there is no parameter 'actor' here"),
        ([], "parameters are given by name, in an object"),
        ("label_unit", "parameters are given by name, in an object"),
    ],
)
async def test_what_only_a_body_can_say_wrong(told: Gateway, body: object, detail: str) -> None:
    async with told.client(told.tokens.by_role[Role.OPERATOR]) as client:
        answer = await client.post(f"{PREFIX}/systems/site/commands", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


async def test_a_command_that_is_not_json_by_its_own_word_is_refused(told: Gateway) -> None:
    body = '{"action": "label_unit", "unit": "3/158", "label": ""}'
    async with told.client(told.tokens.by_role[Role.OPERATOR]) as client:
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            answer = await client.post(f"{PREFIX}/systems/site/commands", content=body, headers={"content-type": kind})
            assert (answer.status_code, answer.json()["title"]) == (415, "Another kind of body")


class TestTheTable:
    def test_all_that_is_read_has_a_reader_and_what_is_no_file_is_a_method(self) -> None:
        assert READERS.keys() == {one.name for one in READS}
        assert {one.name for one in READS if not one.rpc} == {"blasts.report"}

    def test_every_command_is_a_method_and_an_action(self) -> None:
        assert {one.takes for one in METHODS.values() if issubclass(one.takes, Command)} == set(COMMANDS.values())

    def test_every_method_answers_what_a_model_describes(self) -> None:
        assert all(one.answers[200] is not None for one in METHODS.values())


class TestCodes:
    def test_each_means_one_thing(self) -> None:
        kinds = described.refusals_there_are()
        coded = [kind for kind in kinds if kind.code != UNCODED]
        assert len({kind.code for kind in coded}) == len(coded)
        assert len({kind.problem for kind in kinds}) == len(kinds)
        assert not {kind.code for kind in coded} & set(described.OF_THE_PROTOCOL)
        assert all(-32099 <= kind.code < UNCODED or kind.problem in ("bad-request", "unknown-method") for kind in coded)

    def test_none_lacks_that_a_method_can_be_answered_with(self) -> None:
        of_methods: set[type[Refusal]] = {MethodNotFound, TooMany}.union(*map(refused_over_rpc, METHODS.values()))
        assert all(kind.code != UNCODED for kind in of_methods)
        assert {kind.problem for kind in described.refusals_there_are() if kind.code == UNCODED} == {
            *("bad-head", "head-too-large", "head-too-slow", "not-from-a-proxy", "too-many-connections")
        }

    def test_all_are_documented(self) -> None:
        text = described.WEBSOCKET.read_text(encoding="utf-8")
        assert described.with_tables(text) == text
        assert described.codes_table() in text
        assert described.methods_table() in text


def test_what_is_said_of_a_commands_id_is_the_same_in_every_document() -> None:
    asyncapi = json.dumps(yaml.safe_load(described.asyncapi()))
    for document in (described.openapi(), asyncapi, described.WEBSOCKET.read_text(encoding="utf-8")):
        assert ID_SAYS.lower() in " ".join(document.lower().split())
