"""A thousand WebSocket clients in one process of their own, as cheap as can be: `python -m tests.gateway.fleet`.

Standard input's first line is an Order as JSON. "ready" is printed once everybody has subscribed, and a Log as JSON
when everybody has come to the last version, or the time is up. Each client sees for itself that it misses no change
and gets none twice; a message that another one got too, byte for byte, is read once for both.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any, NamedTuple, cast

import uvloop

from stateserver.gateway.open_files import allow_open_files

CACHE_MAX = 1_000
CONNECTING_AT_ONCE = 50
TEXT, CLOSE, PING = 0x81, 0x88, 0x89
HANDSHAKE = (
    "GET /api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
)


class Order(NamedTuple):
    """What a fleet is to do. `last` is the version with which it is done."""

    port: int
    token: str
    clients: int
    system: str
    last: int
    limit_s: float


class Log(NamedTuple):
    """What became of it. `at` says when (time.monotonic) the last of all clients had each version."""

    arrived: int
    messages: int
    snapshots: int
    wrong: list[str]
    at: dict[int, float]


class Told(NamedTuple):
    """A message, once it was read: changes from `first` on; `first` is None for a snapshot or an answer."""

    first: int | None
    cursor: int


class Fleet:
    """All clients, and what they have in common."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.subscribed = 0
        self.arrived = 0
        self.messages = 0
        self.snapshots = 0
        self.wrong: list[str] = []
        self.at: dict[int, float] = {}
        self.done = asyncio.Event()
        self._received: Counter[int] = Counter()
        self._told: dict[bytes, Told | None] = {}

    def told(self, payload: bytes) -> Told | None:
        """What a message says; None if nothing of the system."""
        if payload not in self._told:
            if len(self._told) >= CACHE_MAX:
                self._told.clear()
            self._told[payload] = self._read(json.loads(payload))
        return self._told[payload]

    def _read(self, message: dict[str, Any]) -> Told | None:
        if "result" in message:
            return Told(None, message["result"]["cursor"])
        params = message.get("params", {})
        if message.get("method") == "changes":
            versions = [change["version"] for change in params["changes"]]
            if versions != list(range(params["cursor"] - len(versions) + 1, params["cursor"] + 1)):
                self.wrong.append(f"a message of changes {versions} with cursor {params['cursor']}")
            return Told(versions[0], params["cursor"]) if versions else None
        if message.get("method") == "snapshot":
            return Told(None, params["cursor"])
        if message.get("method") != "status":
            self.wrong.append(f"not expected: {message}")
        return None

    def received(self, first: int, last: int) -> None:
        """A client has these versions now."""
        for version in range(first, last + 1):
            self._received[version] += 1
            if self._received[version] == self.order.clients:
                self.at[version] = time.monotonic()


class Client(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._rest = b""
        self._connected = False
        self._cursor: int | None = None
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self.transport.write(HANDSHAKE.format(token=self._fleet.order.token).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._fleet.done.is_set():
            self._fleet.wrong.append(f"a connection was lost: {exc}")
            self._fleet.done.set()
        if not self.ready.done():
            self.ready.set_result(None)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        if not self._connected:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            self._connected = head.startswith(b"HTTP/1.1 101")
            if not self._connected:
                self._fleet.wrong.append(f"refused: {head[:100]!r}")
                self._fleet.done.set()
                return
            self._subscribe()
        self._rest = self._frames(data)

    def _frames(self, data: bytes) -> bytes:
        """Take whole frames; what is left of the last is given back."""
        at = 0
        while len(data) - at >= 2:
            length, body = data[at + 1], at + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                length, body = int.from_bytes(data[body : body + size], "big"), body + size
            if len(data) < body + length:
                break
            self._frame(data[at], data[body : body + length])
            at = body + length
        return data[at:]

    def _frame(self, head: int, payload: bytes) -> None:
        if head == TEXT:
            self._message(payload)
        elif head == PING:
            self._write(0x8A, payload)
        else:
            self._fleet.wrong.append(f"a frame {head:#x}: {payload[:80]!r}")

    def _message(self, payload: bytes) -> None:
        fleet, told = self._fleet, self._fleet.told(payload)
        if told is None:
            return
        if told.first is None:
            if self._cursor is None:
                fleet.subscribed += 1
                self.ready.set_result(None)
            else:
                fleet.snapshots += 1
        elif self._cursor is None or told.first != self._cursor + 1:
            fleet.wrong.append(f"changes from {told.first} after {self._cursor}")
        else:
            fleet.received(told.first, told.cursor)
        fleet.messages += 1
        self._cursor = told.cursor
        if told.cursor == fleet.order.last:
            fleet.arrived += 1
            if fleet.arrived == fleet.order.clients:
                fleet.done.set()

    def _subscribe(self) -> None:
        request = {"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"system": self._fleet.order.system}}
        self._write(TEXT, json.dumps(request).encode())

    def _write(self, head: int, payload: bytes) -> None:
        # A mask of zeros is one, and changes nothing.
        assert len(payload) < 126
        self.transport.write(bytes((head, 0x80 | len(payload))) + bytes(4) + payload)


async def sail(order: Order) -> Log:
    """Connect, tell, and follow to the last version."""
    fleet, loop = Fleet(order), asyncio.get_running_loop()
    clients: list[Client] = []
    for begin in range(0, order.clients, CONNECTING_AT_ONCE):
        some = [Client(fleet) for _ in range(begin, min(begin + CONNECTING_AT_ONCE, order.clients))]
        clients += some
        # One factory call for each connection, so the client is bound here.
        for client in some:
            await loop.create_connection(lambda client=client: client, "127.0.0.1", order.port)  # type: ignore[misc]
        await asyncio.gather(*(client.ready for client in some))
    print("ready", flush=True)
    try:
        async with asyncio.timeout(order.limit_s):
            await fleet.done.wait()
    except TimeoutError:
        fleet.wrong.append("the time was up")
    fleet.done.set()
    for client in clients:
        client.transport.abort()
    return Log(fleet.arrived, fleet.messages, fleet.snapshots, fleet.wrong[:20], fleet.at)


def main() -> None:
    """Carry out the order on standard input."""
    order = Order(**json.loads(sys.stdin.readline()))
    allow_open_files(order.clients + 100)
    log = uvloop.run(sail(order))
    print(json.dumps(log._asdict()), flush=True)


if __name__ == "__main__":
    main()
