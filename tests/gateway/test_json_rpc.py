"""JSON-RPC 2.0 as its specification has it, whatever comes in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.gateway import compact_json, json_rpc
from stateserver.gateway.json_rpc import Params
from stateserver.gateway.refusals import UnknownSystem


async def echo(params: Params) -> bytes:
    return compact_json.encode(params)


async def refuse(params: Params) -> bytes:
    raise UnknownSystem("x")


async def fail(params: Params) -> bytes:
    raise RuntimeError("secret of the inside")


METHODS = {"echo": echo, "refuse": refuse, "fail": fail}


async def answered(message: object) -> Any:
    """The answer to a message, given as text or as what JSON it is."""
    text = message if isinstance(message, str) else json.dumps(message)
    answer = await json_rpc.answer(text, METHODS)
    return None if answer is None else json.loads(b"".join(answer))


def call(method: str = "echo", **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method} | members


@pytest.mark.parametrize("identity", [1, 0, -1, 10**40, 1.5, -0.0, 1e300, "a", "", "\U0001f600", "\0", None])
async def test_an_answer_bears_the_id_of_its_request(identity: object) -> None:
    expected = {"jsonrpc": "2.0", "id": identity, "result": {"a": 1}}
    assert await answered(call(id=identity, params={"a": 1})) == expected


async def test_a_notification_is_not_answered_even_if_it_fails() -> None:
    for method in ("echo", "refuse", "fail", "nothing"):
        assert await answered({"jsonrpc": "2.0", "method": method}) is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", -32700),
        ("", -32700),
        ("[" * 100_000, -32700),
        ('{"a": NaN}', -32700),
        ([], -32600),
        (1, -32600),
        ("null", -32600),
        ({}, -32600),
        (call(jsonrpc="1.0"), -32600),
        (call(id=True), -32600),
        (call(id={}), -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": 1}, -32600),
        (call("nothing"), -32601),
        (call(params=[1]), -32602),
        (call(params="x"), -32600),
        (call(params=None), -32600),
        ({"jsonrpc": "2.0", "method": "echo", "params": 1}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, -32600),
        ('{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "echo"}', -32700),
        ('{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"a": 1, "a": 1}}', -32700),
        ('{"jsonrpc": "2.0", "id": 1e999, "method": "echo"}', -32700),
        (r'{"jsonrpc": "2.0", "id": "\ud800", "method": "echo"}', -32700),
        (r'{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"\udfff": 1}}', -32700),
        ('{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"a": ' + "[" * 40 + "]" * 40 + "}}", -32700),
        ('{"jsonrpc": "2.0", "id": ' + "1" * 5_000 + ', "method": "echo"}', -32700),
        ('{"jsonrpc": "2.0", "id": 1, "method": "echo"} {}', -32700),
        (call("refuse"), -32004),
        (call("fail"), -32603),
    ],
)
async def test_errors_have_their_codes(message: object, code: int) -> None:
    answer = await answered(message)
    assert answer["jsonrpc"] == "2.0"
    assert answer["error"]["code"] == code
    assert "secret" not in str(answer)


async def test_a_refusal_carries_the_problem_document() -> None:
    error = (await answered(call("refuse")))["error"]
    assert error["data"]["type"] == "urn:stateserver:problem:unknown-system"
    assert error["message"] == error["data"]["detail"]


async def test_a_batch_is_answered_in_one() -> None:
    batch = [call(id=1), {"jsonrpc": "2.0", "method": "echo"}, 1, call("nothing", id=2)]
    answers = await answered(batch)
    assert [answer["id"] for answer in answers] == [1, None, 2]
    assert await answered([{"jsonrpc": "2.0", "method": "echo"}]) is None


async def test_the_answers_of_a_batch_stand_in_its_order_whatever_becomes_of_each() -> None:
    batch = [call("fail", id="a"), [], call(id=2, params=[]), call(id="c"), call(id=None), {"id": 5}, call(id=1)]
    answers = await answered(batch)
    assert [answer["id"] for answer in answers] == ["a", None, 2, "c", None, 5, 1]
    assert [answer.get("error", {}).get("code") for answer in answers] == [
        -32603, -32600, -32602, None, None, -32600, None,
    ]  # fmt: skip
    assert await answered([[call()]]) == [answers[1]]


async def test_a_result_in_pieces_is_put_in_its_place() -> None:
    async def pieces(params: Params) -> tuple[bytes, ...]:
        return b'{"units":[', b"1", b",2", b"]}"

    request = json.dumps([call("pieces", id=1), call("pieces", id=2)])
    answer = await json_rpc.answer(request, {"pieces": pieces})
    assert answer is not None
    assert [one["result"] for one in json.loads(b"".join(answer))] == [{"units": [1, 2]}] * 2


async def test_a_batch_has_a_limit() -> None:
    answer = await answered([call()] * 51)
    assert answer["error"]["code"] == -32029


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": JSON,
        "method": st.sampled_from(sorted(METHODS)) | JSON,
        "params": JSON,
    },
)


@given(JSON | REQUESTS | st.lists(REQUESTS))
async def test_whatever_comes_is_answered_by_the_rules(message: object) -> None:
    answer = await answered(json.dumps(message))
    for one in answer if isinstance(answer, list) else [answer]:
        if one is not None:
            assert set(one) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})


@given(st.text())
async def test_whatever_text_comes_is_answered(text: str) -> None:
    answer = await json_rpc.answer(text, METHODS)
    assert answer is None or json.loads(b"".join(answer))
