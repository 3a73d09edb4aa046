"""A real gateway on a free port of this machine, its model filled by the test, with tokens made for it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
from websockets.asyncio.client import ClientConnection, connect

from stateserver.codec.blast import BlastDocument, split_document
from stateserver.codec.topics import Topics
from stateserver.domain.blast import BlastStage
from stateserver.domain.canonical import canonical_json
from stateserver.domain.change import Change
from stateserver.gateway.app import Parts, build_app
from stateserver.gateway.auth import Doorkeeper
from stateserver.gateway.bounded_http import Bounds
from stateserver.gateway.guard import Guard
from stateserver.gateway.history import History
from stateserver.gateway.hub import Hub
from stateserver.gateway.journal import Journal
from stateserver.gateway.liveness import Condition, Liveness
from stateserver.gateway.metrics import Metrics
from stateserver.gateway.past_desk import PastDesk
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.report_desk import ReportDesk
from stateserver.gateway.serve import listen
from stateserver.gateway.server import Server, server_config
from stateserver.gateway.tls import Certificates
from stateserver.security.keyring import KeyRing
from stateserver.security.sessions import Sessions
from stateserver.security.tokens import Role, TokenBook, entry_document, new_token

LIMIT_S = 120.0
NO_BROKER = {"bootstrap_servers": "127.0.0.1:1"}


class Tokens(NamedTuple):
    """One of each sort."""

    viewer: str
    bound: str
    packet_server: str
    expired: str
    document: str
    by_role: dict[Role, str]
    """Good for every system."""
    bound_by_role: dict[Role, str]
    """Good for one system alone."""


def make_tokens(bound_to: str = "other") -> Tokens:
    """Tokens, and the document that knows them by their hashes."""
    made = {name: new_token() for name in ("viewer", "bound", "packet_server", "expired")}
    by_role, bound_by_role = {role: new_token() for role in Role}, {role: new_token() for role in Role}
    entries = [
        entry_document(made["viewer"], "viewer", Role.VIEWER, ["*"], None),
        entry_document(made["bound"], "bound", Role.VIEWER, [bound_to], None),
        entry_document(made["packet_server"], "packet-server", Role.PACKET_SERVER, ["*"], None),
        entry_document(made["expired"], "expired", Role.ADMIN, ["*"], 1_000),
        *(entry_document(token, f"any-{role}", role, ["*"], None) for role, token in by_role.items()),
        *(entry_document(token, f"bound-{role}", role, [bound_to], None) for role, token in bound_by_role.items()),
    ]
    document = json.dumps({"keys": entries})
    return Tokens(**made, document=document, by_role=by_role, bound_by_role=bound_by_role)


class Gateway:
    """A gateway that listens, and what it consists of."""

    def __init__(self, parts: Parts, tokens: Tokens, port: int) -> None:
        self.parts = parts
        self.tokens = tokens
        self.port = port

    @property
    def url(self) -> str:
        """Where it listens; also its own origin."""
        return f"http://127.0.0.1:{self.port}"

    def tell(self, changes: Iterable[Change]) -> None:
        """Have it read these events, as its feed would."""
        systems = set()
        for change in changes:
            self.parts.reading.fold(change)
            systems.add(change.system)
        self.parts.hub.published(systems)
        self.parts.liveness.beat()

    def shelve(self, system: str, stage: BlastStage) -> None:
        """Have it read a blast's report, and the snapshot that comes before it, as its feed would."""
        if stage.snapshot is not None:
            self.shelve_document(system, stage, "start" if stage.stage == "opened" else "end", stage.snapshot)
        self.shelve_document(system, stage, "report", canonical_json(stage.report))

    def shelve_document(self, system: str, stage: BlastStage, what: str, content: bytes) -> None:
        """Have it read one document of a blast."""
        document = BlastDocument(stage.blast, system, stage.version, stage.stage, what, content)
        for part in split_document(document):
            self.parts.reading.blasts.put(part)
        self.parts.liveness.beat()

    def client(self, token: str | None = "") -> httpx.AsyncClient:
        """An HTTP client that bears the viewer's token, or another, or (None) no token."""
        token = self.tokens.viewer if token == "" else token
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=LIMIT_S, trust_env=False)

    def websocket(self, query: str = "", **headers: str) -> connect:
        """A WebSocket that bears the viewer's token, or has these headers instead."""
        sent = headers or {"authorization": f"Bearer {self.tokens.viewer}"}
        return connect(
            f"ws://127.0.0.1:{self.port}/api/v1/ws{query}",
            additional_headers={name.replace("_", "-"): value for name, value in sent.items()},
            max_size=None,
            proxy=None,
        )


def make_parts(
    tokens: Tokens,
    public_origin: str | None = None,
    *,
    options: dict[str, Any] | None = None,
    topics: Topics | None = None,
    journals: Sequence[str] = ("nowhere.packets",),
    ring: KeyRing | None = None,
    **log: int,
) -> Parts:
    """A gateway's parts, with an empty read model; without options it knows no broker."""
    reading = ReadModel(**log)
    sessions = Sessions([os.urandom(32)], issuer="test", audience="test", lifetime_s=3600)
    doorkeeper = Doorkeeper(TokenBook.load(tokens.document), sessions, public_origin)
    liveness, found = Liveness(), topics or Topics.with_prefix("nowhere.")
    history = None if options is None or topics is None else History(options, topics, reading)
    journal = Journal(options or NO_BROKER, journals, found, ring, reading, liveness)
    hub, guard, past = Hub(reading, history), Guard(doorkeeper), PastDesk(_environment(options or NO_BROKER, topics))
    return Parts(reading, hub, liveness, Metrics(), guard, history, journal, ReportDesk(), past)


def _environment(options: dict[str, Any], topics: Topics | None) -> dict[str, str]:
    """Of a process that looks into the past of these topics."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STATESERVER_")}
    prefix = "nowhere." if topics is None else topics.packets.removesuffix("packets")
    brokers = options["bootstrap_servers"]
    return kept | {"STATESERVER_BROKERS": brokers, "STATESERVER_TOPIC_PREFIX": prefix}


@asynccontextmanager
async def serving(
    parts: Parts,
    tokens: Tokens,
    feed: Callable[[], Awaitable[None]] | None = None,
    bounds: Bounds | None = None,
    certificates: Certificates | None = None,
) -> AsyncIterator[Gateway]:
    """The gateway, from its first answer to its stop."""
    if feed is None:
        parts.liveness.enter(Condition.LIVE)
    server = Server(server_config(build_app(parts, feed), bounds or Bounds(), certificates))
    server.config.timeout_graceful_shutdown = 1
    with listen("127.0.0.1", 0) as listener:
        task = asyncio.create_task(server._serve([listener]))
        try:
            await until(lambda: server.started or task.done())
            yield Gateway(parts, tokens, listener.getsockname()[1])
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, LIMIT_S)


async def until(holds: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Wait until something holds; fail when it takes too long."""
    async with asyncio.timeout(limit_s):
        while not holds():
            await asyncio.sleep(0.01)


class Caller:
    """JSON-RPC over a WebSocket: calls are answered, notifications wait until they are asked for."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._notifications: list[dict[str, Any]] = []
        self._calls = 0

    async def receive(self) -> Any:
        """The next message, whatever it is."""
        async with asyncio.timeout(LIMIT_S):
            return json.loads(await self.socket.recv())

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a call: with `result` or `error`."""
        self._calls += 1
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "id": self._calls, "method": method, "params": params}))
        while True:
            message = await self.receive()
            if "id" in message:
                assert message["id"] == self._calls
                assert isinstance(message, dict)
                return message
            self._notifications.append(message)

    async def notification(self, *methods: str) -> dict[str, Any]:
        """The next notification of one of these methods."""
        while True:
            message = self._notifications.pop(0) if self._notifications else await self.receive()
            if message["method"] in methods:
                assert isinstance(message, dict)
                return message
