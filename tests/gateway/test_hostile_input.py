"""Requests and frames that no honest client sends, on real sockets: the gateway refuses them, and goes on."""

import asyncio
import json
import logging
import random
import struct
from collections.abc import AsyncIterator

import pytest

from tests.gateway.serving import LIMIT_S, Caller, Gateway, make_parts, make_tokens, serving
from tests.gateway.test_access import CALLS, REQUESTS, THERE, filled
from tests.gateway.test_bounds import raw
from tests.gateway.test_system_model import sample_events

SEEDS = range(6)
REQUESTS_A_SEED = 60
ODD = [
    *(b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b":", b" ", b"\t", b"%00", b"%2e%2e%2f", b"../" * 9, b"\xff\xfe"),
    *(b"content-length: 99\r\n", b"content-length: -1\r\n", b"transfer-encoding: chunked\r\n"),
    *(b"upgrade: websocket\r\nconnection: upgrade\r\n", b"host: evil.example\r\n", b"range: bytes=0-\r\n"),
    *(b"{" * 500, b"[" * 500, b'{"a":' * 500, b"1e999", b'"\\ud800"', b"<script>", b"${jndi:x}", b"' OR 1=1 --"),
]  # fmt: skip


@pytest.fixture
async def site(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Gateway]:
    """A gateway that must have nothing to say of itself in the end."""
    tokens = make_tokens()
    with caplog.at_level(logging.ERROR):
        async with serving(make_parts(tokens), tokens) as one:
            one.tell(sample_events())
            yield one
            async with one.client() as client:
                assert (await client.get("/api/v1/systems/site")).status_code == 200
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def mutated(request: bytes, dice: random.Random) -> bytes:
    """Some bytes are changed, left out, said again, or odd ones put in."""
    text = bytearray(request)
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(text) + 1)
        match dice.randrange(4):
            case 0:
                text[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del text[at : at + dice.randrange(20)]
            case 2:
                text[at:at] = text[at : at + dice.randrange(60)]
            case _:
                text[at:at] = dice.choice(ODD)
    return bytes(text)


def well_formed(dice: random.Random, token: str) -> bytes:
    """A request to one of our addresses."""
    asked = dice.choice(REQUESTS)
    body = json.dumps(asked.body or {}).encode()
    head = (
        f"{asked.method} {filled(asked.path, THERE)}?after=1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
    )
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("seed", SEEDS)
async def test_requests_that_are_nearly_right(site: Gateway, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(REQUESTS_A_SEED):
        async with raw(site) as client:
            client.send(mutated(well_formed(dice, site.tokens.by_role[dice.choice(list(site.tokens.by_role))]), dice))
            client.writer.write_eof()
            answer = await client.end()
            assert not answer.startswith(b"HTTP/1.1 5"), answer


@pytest.mark.parametrize("seed", SEEDS)
async def test_frames_that_are_nearly_right(site: Gateway, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(REQUESTS_A_SEED // 6):
        async with raw(site) as client:
            bearer = f"authorization: Bearer {site.tokens.viewer}\r\n".encode()
            client.send(
                b"GET /api/v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n" + bearer,
                b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            )
            assert b" 101 " in await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), LIMIT_S)
            for _ in range(10):
                client.send(mutated(frame(dice), dice))
            client.writer.write_eof()
            await client.end()


def frame(dice: random.Random) -> bytes:
    """A client's frame, with a call in it."""
    method = dice.choice(list(CALLS))
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": filled(CALLS[method], THERE)}
    text = json.dumps(call).encode()
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack("!H", len(text))
    return bytes([0x80 | dice.choice([0, 1, 2, 8, 9, 10, 3, 15])]) + length + bytes(4) + text


@pytest.mark.parametrize("seed", SEEDS)
async def test_messages_that_are_nearly_right(site: Gateway, seed: int) -> None:
    dice = random.Random(seed)
    async with site.websocket() as socket:
        caller = Caller(socket)
        for _ in range(REQUESTS_A_SEED):
            method = dice.choice(list(CALLS))
            call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": filled(CALLS[method], THERE)}
            await socket.send(mutated(json.dumps(call).encode(), dice).decode("utf-8", "replace"))
        await socket.send('{"jsonrpc":"2.0","id":"last","method":"ping"}')
        while True:
            message = await caller.receive()
            if isinstance(message, dict) and message.get("id") == "last":
                break
            for one in message if isinstance(message, list) else [message]:
                assert one.get("error", {}).get("code") != -32603, one


async def test_two_lengths_for_one_request_are_refused(site: Gateway) -> None:
    """Or a proxy in front could see another request than we do."""
    for lengths in (
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"content-length: +5\r\n",
    ):
        async with raw(site) as client:
            client.send(b"POST /api/v1/session HTTP/1.1\r\nhost: x\r\n" + lengths + b"\r\n0\r\n\r\n")
            client.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            client.writer.write_eof()
            answer = await client.end()
            assert b" 200 " not in answer, lengths
