"""What uvicorn leaves open, tried on real sockets: clients that dribble, flood, or take no answer."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from stateserver.gateway import guarded_route
from stateserver.gateway.addresses import Addresses
from stateserver.gateway.bounded_http import Bounds, Numbers
from stateserver.gateway.limits import Limits, Rates
from stateserver.gateway.refusals import Refusal
from stateserver.gateway.turned_away import NotFromAProxy, TooManyConnections
from tests.gateway.serving import LIMIT_S, Gateway, make_parts, make_tokens, serving
from tests.gateway.test_system_model import sample_events

QUICK = Numbers(head_bytes=4_096, head_s=0.4, unread_answer_s=0.4)


@asynccontextmanager
async def bounded(
    numbers: Numbers = QUICK, rates: Rates | None = None, addresses: Addresses | None = None
) -> AsyncIterator[tuple[Gateway, list[str]]]:
    """A gateway with these bounds, and the names of what it refused before it was a request."""
    tokens, refused = make_tokens(), list[str]()
    parts = make_parts(tokens)
    parts.guard._limits = Limits(rates)
    parts.guard._addresses = addresses or Addresses()
    bounds = Bounds(numbers, refused=lambda _, refusal: refused.append(refusal.problem))
    async with serving(parts, tokens, bounds=bounds) as site:
        site.tell(sample_events())
        yield site, refused
    assert bounds._open == {}


class Raw:
    """Bytes to and from a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *pieces: bytes) -> None:
        """Send them one after the other."""
        for piece in pieces:
            self.writer.write(piece)

    async def end(self) -> bytes:
        """All that comes until the other side ends the connection."""
        async with asyncio.timeout(LIMIT_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def refused(self) -> tuple[int, str]:
        """The status and the problem that the connection ends with."""
        answer = await self.end()
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"connection: close" in head.lower()
        assert b"application/problem+json" in head
        return int(head.split()[1]), str(json.loads(body)["type"]).rpartition(":")[2]


@asynccontextmanager
async def raw(site: Gateway) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


HEAD = b"GET /api/v1/systems HTTP/1.1\r\nhost: x\r\n"


class TestSlowness:
    @pytest.mark.parametrize("begun", [b"", b"G", HEAD, HEAD + b"x: y"])
    async def test_a_head_that_does_not_come(self, begun: bytes) -> None:
        async with bounded() as (site, refused), raw(site) as client:
            client.send(begun)
            assert await client.refused() == (408, "head-too-slow")
            assert refused == ["head-too-slow"]

    async def test_a_head_that_is_dribbled_for_ever(self) -> None:
        async with bounded() as (site, refused), raw(site) as client:
            client.send(HEAD)

            async def dribble() -> None:
                while not client.writer.is_closing():
                    client.send(b"x")
                    await asyncio.sleep(0.05)

            dribbling = asyncio.create_task(dribble())
            await client.end()  # whoever still sends may not hear why
            dribbling.cancel()
            assert refused == ["head-too-slow"]

    async def test_the_second_head_of_a_connection_too(self) -> None:
        async with bounded() as (site, _), raw(site) as client:
            client.send(HEAD, b"\r\n")
            assert b"401" in await client.reader.readuntil(b"\r\n\r\n")
            client.send(HEAD)
            assert b" 408 " in await client.end()

    async def test_a_body_that_does_not_come(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guarded_route, "BODY_LIMIT_S", 0.3)
        async with bounded() as (site, _), raw(site) as client:
            bearer = f"authorization: Bearer {site.tokens.viewer}\r\n".encode()
            client.send(b"POST /api/v1/session HTTP/1.1\r\nhost: x\r\n", bearer, b"content-length: 9\r\n\r\nx")
            assert await client.refused() == (408, "body-too-slow")

    async def test_a_body_that_goes_on_after_its_answer(self) -> None:
        async with bounded() as (site, _), raw(site) as client:
            client.send(b"POST /api/v1/session HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999\r\n\r\n")
            assert b" 401 " in await client.reader.readuntil(b"\r\n\r\n")

            async def dribble() -> None:
                while not client.writer.is_closing():
                    client.send(b"x")
                    await asyncio.sleep(0.05)

            dribbling = asyncio.create_task(dribble())
            await client.end()
            dribbling.cancel()

    async def test_an_answer_that_is_not_taken(self) -> None:
        """The page's files are asked for again and again, and none is read."""
        async with bounded() as (site, _):
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(self.ask_for_ever(site.port), LIMIT_S)

    async def ask_for_ever(self, port: int) -> None:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.setblocking(False)
            await self.ask_by(client, port)

    async def ask_by(self, client: socket.socket, port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", port))
        while True:
            await loop.sock_sendall(client, b"GET /page/words.js HTTP/1.1\r\nhost: x\r\n\r\n")
            await asyncio.sleep(0)


class TestSize:
    @pytest.mark.parametrize(
        "head",
        [
            HEAD + b"x: " + b"y" * 5_000 + b"\r\n\r\n",
            HEAD + b"x: " + b"y" * 5_000,
            HEAD + b"".join(b"x%d: y\r\n" % number for number in range(1_000)) + b"\r\n",
            b"GET /" + b"y" * 5_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
            b"GET /" + b"y" * 5_000,
            HEAD + b"y" * 5_000,
        ],
        ids=["header", "endless header", "many headers", "path", "endless path", "endless name"],
    )
    async def test_a_head_that_is_too_large(self, head: bytes) -> None:
        async with bounded() as (site, refused), raw(site) as client:
            client.send(head)
            assert await client.refused() == (431, "head-too-large")
            assert refused == ["head-too-large"]

    @pytest.mark.parametrize("declared", [True, False])
    async def test_a_body_that_is_too_large(self, declared: bool) -> None:
        async with bounded() as (site, _), raw(site) as client:
            length = b"content-length: 100000\r\n" if declared else b"transfer-encoding: chunked\r\n"
            bearer = f"authorization: Bearer {site.tokens.viewer}\r\n".encode()
            client.send(b"POST /api/v1/session HTTP/1.1\r\nhost: x\r\n", bearer, length, b"\r\n")
            if not declared:
                client.send(b"186a0\r\n", b"x" * 100_000)
            assert await client.refused() == (413, "too-large")

    async def test_who_may_not_is_told_before_their_body_is_read(self) -> None:
        async with bounded() as (site, _), raw(site) as client:
            client.send(b"POST /api/v1/session HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
            assert b" 401 " in await client.reader.readuntil(b"\r\n\r\n")

    @pytest.mark.parametrize(
        "noise",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\0" * 100,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"hello\r\n\r\n",
        ],
    )
    async def test_what_is_no_http(self, noise: bytes) -> None:
        async with bounded() as (site, refused), raw(site) as client:
            client.send(noise)
            assert await client.refused() == (400, "bad-head")
            assert refused == ["bad-head"]


class TestNumbers:
    async def test_connections_are_bounded_and_free_places_are_taken_again(self) -> None:
        async with bounded(Numbers(connections=3, head_s=LIMIT_S)) as (site, refused):
            async with raw(site) as one, raw(site) as two, raw(site) as three:
                for client in (one, two, three):
                    client.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
                    assert b" 200 " in await client.reader.readuntil(b"\r\n\r\n")
                async with raw(site) as fourth:
                    answer = await fourth.end()
                assert b" 503 " in answer
                assert b"retry-after: 5" in answer
                assert refused == ["too-many-connections"]
            async with site.client() as client_again:
                while (await client_again.get("/health/live")).status_code != 200:
                    """The places become free in a moment."""

    def test_one_address_cannot_have_them_all(self) -> None:
        bounds = Bounds(Numbers(connections=5, connections_per_address=2), Addresses(["10.0.0.5"]))
        for peer in ("192.0.2.1", "192.0.2.1", "10.0.0.5", "10.0.0.5", "10.0.0.5"):
            bounds.enter(peer)
        assert outcome(bounds, "192.0.2.1") is TooManyConnections
        bounds.leave("192.0.2.1")
        bounds.leave("10.0.0.5")
        bounds.leave("10.0.0.5")
        assert outcome(bounds, "192.0.2.1") is TooManyConnections
        bounds.leave("192.0.2.1")
        bounds.leave("192.0.2.1")
        assert outcome(bounds, "192.0.2.1") is None

    def test_behind_a_proxy_that_ends_tls_nobody_else_connects(self) -> None:
        bounds = Bounds(addresses=Addresses(["10.0.0.0/8"]), only_proxies=True)
        assert [outcome(bounds, peer) for peer in ("10.0.0.5", "127.0.0.1", "192.0.2.1")] == [None, None, NotFromAProxy]

    async def test_websockets_of_one_principal(self) -> None:
        rates = Rates(websockets_per_principal=2)
        async with bounded(rates=rates) as (site, _), site.websocket(), site.websocket():
            refused = await refusal_of(site)
            assert refused.response.status_code == 429
            assert refused.response.headers["retry-after"] == "5"
            async with site.websocket(authorization=f"Bearer {site.tokens.bound}"):
                """Another one has places of their own."""

    async def test_requests_of_one_principal(self) -> None:
        async with bounded(rates=Rates(requests_per_second=1)) as (site, _), site.client() as client:
            answers = [await client.get("/api/v1/systems") for _ in range(40)]
            limited = [answer for answer in answers if answer.status_code == 429]
            assert limited
            assert limited[0].headers["retry-after"] == "1"
            assert limited[0].json()["type"] == "urn:stateserver:problem:too-many-requests"
            async with site.client(site.tokens.bound) as other:
                assert (await other.get("/api/v1/systems")).status_code == 200

    async def test_calls_of_one_principal(self) -> None:
        async with bounded(rates=Rates(requests_per_second=1)) as (site, _), site.websocket() as client:
            batch = [{"jsonrpc": "2.0", "id": number, "method": "ping"} for number in range(20)]
            await client.send(json.dumps(batch))
            answers: Any = {}
            while not isinstance(answers, list):
                answers = json.loads(await asyncio.wait_for(client.recv(), LIMIT_S))
            errors = [answer["error"] for answer in answers if "error" in answer]
            assert errors
            assert errors[0]["code"] == -32031
            assert errors[0]["data"]["retry_after"] >= 1

    async def test_bad_credentials_of_one_address(self) -> None:
        proxied = Addresses(["127.0.0.1"])
        async with bounded(rates=Rates(failed_logins_per_minute=3), addresses=proxied) as (site, _):
            async with site.client("wrong") as client:
                statuses = [(await client.get("/api/v1/systems")).status_code for _ in range(5)]
                assert statuses == [401, 401, 401, 429, 429]
                elsewhere = {"x-forwarded-for": "198.51.100.7"}
                assert (await client.get("/api/v1/systems", headers=elsewhere)).status_code == 401
            async with site.client() as client:  # nobody is locked out by others
                assert (await client.get("/api/v1/systems")).status_code == 200
            async with site.client(None) as client:  # and who shows nothing tries nothing
                assert (await client.get("/api/v1/systems")).status_code == 401

    async def test_an_address_that_anybody_could_write_is_not_believed(self) -> None:
        async with bounded(rates=Rates(failed_logins_per_minute=3)) as (site, _), site.client("wrong") as client:
            statuses = [
                (await client.get("/api/v1/systems", headers={"x-forwarded-for": f"198.51.100.{number}"})).status_code
                for number in range(5)
            ]
            assert statuses == [401, 401, 401, 429, 429]


async def refusal_of(site: Gateway) -> InvalidStatus:
    """How another WebSocket of the viewer's is refused."""
    with pytest.raises(InvalidStatus) as refused:
        await site.websocket()
    return refused.value


def outcome(bounds: Bounds, peer: str) -> type[Refusal] | None:
    try:
        bounds.enter(peer)
    except Refusal as refusal:
        return type(refusal)
    return None
