"""Whatever comes through a real socket is answered by name, or ends that connection with a code, and no other."""

import asyncio
import json
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from stateserver.gateway.json_rpc import INTERNAL_ERROR
from stateserver.gateway.websocket import Connection
from tests.gateway import described
from tests.gateway.serving import LIMIT_S, Caller, Gateway, until
from tests.gateway.test_json_rpc import JSON
from tests.gateway.test_websocket import hear_out

METHODS = (
    "systems.list", "systems.get", "units.list", "units.get", "warnings.list", "changes.list", "blasts.list",
    "blasts.get", "subscribe", "unsubscribe", "ping", "rpc.discover", "",
)  # fmt: skip
CODES = {kind.code for kind in described.refusals_there_are()} | set(described.OF_THE_PROTOCOL) - {INTERNAL_ERROR}
NAMES = ("system", "unit", "blast", "cursor", "kinds", "units", "limit", "after", "subscription", "compress", "type")
VALUES = JSON | st.sampled_from(["site", "3/158", "unit_changed", "gzip"])
REQUESTS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": st.sampled_from(METHODS)},
    optional={"id": JSON, "params": st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4) | JSON, "extra": JSON},
)
MESSAGES = (
    REQUESTS.map(json.dumps)
    | st.lists(REQUESTS | JSON, max_size=6).map(json.dumps)
    | JSON.map(json.dumps)
    | st.text()
    | st.builds(lambda head, tail: head + tail, REQUESTS.map(json.dumps), st.text(max_size=3))
    | st.integers(1, 2_000).map(lambda depth: "[" * depth + "]" * depth)
    | st.just('{"jsonrpc": "2.0", "id": 1, "id": 1, "method": "ping"}')
)


async def answers_to(socket: ClientConnection, text: str) -> list[dict[str, Any]]:
    """All that is answered to a message: known to be complete by the answer to another one behind it."""
    marker = json.dumps({"jsonrpc": "2.0", "id": "the end", "method": "ping"})
    await socket.send(text)
    await socket.send(marker)
    answers: list[dict[str, Any]] = []
    async with asyncio.timeout(LIMIT_S):
        while True:
            message = json.loads(await socket.recv())
            if isinstance(message, list):
                answers += message
            elif message.get("id") == "the end" and message.get("result"):
                return answers
            elif "id" in message:
                answers.append(message)


# The gateway is the same for all examples: what one leaves behind, the next has to live with.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(MESSAGES, min_size=1, max_size=8))
async def test_every_message_is_answered_by_the_rules_and_the_connection_stays(
    told: Gateway, messages: list[str]
) -> None:
    async with told.websocket() as socket:
        for text in messages:
            for answer in await answers_to(socket, text):
                assert set(answer) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})
                if "error" in answer:
                    assert answer["error"]["code"] in CODES
                    assert answer["error"]["message"]


def masked(head: int, payload: bytes, length: bytes | None = None) -> bytes:
    """A client's frame; a mask of zeros changes nothing."""
    size = len(payload)
    sized = bytes((0x80 | size,)) if size < 126 else bytes((0xFE,)) + struct.pack(">H", size)
    return bytes((head,)) + (length or sized) + bytes(4) + payload


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (masked(0x81, b"\xff\xfe"), 1007),
        (masked(0x82, b"\x00"), 1003),
        (b"\x81\x02hi", 1002),  # not masked
        (masked(0xC1, b"{}"), 1002),  # compressed, which was not agreed on
        (masked(0x83, b""), 1002),  # no such opcode
        (masked(0x80, b"x"), 1002),  # goes on with nothing
        (masked(0x01, b"{") + masked(0x81, b"}"), 1002),  # a message inside another
        (masked(0x09, b"x"), 1002),  # a ping in parts
        (masked(0x81, b"", b"\xff" + struct.pack(">Q", 2**40)), 1009),
        (masked(0x88, struct.pack(">H", 999)), 1002),
    ],
    ids=["utf-8", "binary", "unmasked", "compressed", "opcode", "continued", "nested", "ping", "huge", "close"],
)
async def test_what_breaks_the_protocol_ends_that_connection_with_a_code(
    told: Gateway, frames: bytes, code: int
) -> None:
    async with told.websocket() as bystander, told.websocket() as socket:
        await Caller(socket).call("ping")
        socket.transport.write(frames)
        with pytest.raises(ConnectionClosed) as closed:
            await hear_out(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
        assert (await Caller(bystander).call("ping"))["result"]["live"] is True


async def test_a_message_may_come_in_parts(told: Gateway) -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
    async with told.websocket() as socket:
        caller = Caller(socket)
        frames = masked(0x01, request[:7]) + masked(0x89, b"are you there") + masked(0x80, request[7:])
        for byte in frames:
            socket.transport.write(bytes((byte,)))
        message = await caller.receive()
        while "id" not in message:
            message = await caller.receive()
        assert message["result"]["live"] is True


async def test_a_client_that_answers_no_ping_is_dropped(told: Gateway) -> None:
    async with told.websocket() as socket:
        await Caller(socket).call("subscribe", system="site")
        (connection,) = told.parts.hub._watchers["site"]
        assert isinstance(connection, Connection)
        socket.transport.pause_reading()
        connection._outlet._protocol.ping_timeout = 0.05
        connection._outlet._protocol.send_keepalive_ping()
        await until(lambda: told.parts.metrics.connections._value.get() == 0)
        socket.transport.abort()
