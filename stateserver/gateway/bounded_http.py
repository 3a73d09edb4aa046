"""uvicorn's protocols, with bounds on what they leave open: how many connect, and how long they may take.

A client that dribbles its request, or doesn't read its answer, is cut off; so is one that sends more of a request's
head than any real one has. What comes too early to be a request of anybody's is answered here, as a problem document.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from stateserver.gateway import compact_json
from stateserver.gateway.addresses import UNKNOWN, Addresses, counted_as
from stateserver.gateway.auth import CERTIFICATE
from stateserver.gateway.outlet import WebSocketProtocol
from stateserver.gateway.refusals import Refusal
from stateserver.gateway.tls import names_of_client
from stateserver.gateway.turned_away import BadHead, HeadTooLarge, HeadTooSlow, NotFromAProxy, TooManyConnections

Refused = Callable[[str, Refusal], None]
LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


class Numbers(NamedTuple):
    """How many and how much. The head of a request is its first line and its headers."""

    connections: int = 4_096
    connections_per_address: int = 2_048
    head_bytes: int = 32 << 10
    head_s: float = 10.0
    unread_answer_s: float = 30.0


class Bounds:
    """Of one gateway. `only_proxies`: nobody else may connect, as what they send would cross the network in the clear.

    `refused` is told of each address that was turned away, and why.
    """

    def __init__(
        self,
        numbers: Numbers | None = None,
        addresses: Addresses | None = None,
        *,
        only_proxies: bool = False,
        refused: Refused | None = None,
    ) -> None:
        self.numbers = numbers or Numbers()
        self._told = refused
        self._addresses = addresses or Addresses()
        self._only_proxies = only_proxies
        self._open: Counter[str] = Counter()

    def enter(self, peer: str) -> None:
        """Count a connection, also one that is refused. Raises a Refusal."""
        name = counted_as(peer)
        self._open[name] += 1
        if self._only_proxies and peer not in LOOPBACK and not self._addresses.is_proxy(peer):
            raise NotFromAProxy
        of_one = 0 if self._addresses.is_proxy(peer) else self._open[name]
        if self._open.total() > self.numbers.connections or of_one > self.numbers.connections_per_address:
            raise TooManyConnections

    def tell(self, peer: str, refusal: Refusal) -> None:
        """Somebody was turned away."""
        if self._told is not None:
            self._told(peer, refusal)

    def leave(self, peer: str) -> None:
        """A connection that was counted is gone."""
        name = counted_as(peer)
        self._open[name] -= 1
        if not self._open[name]:
            del self._open[name]


class BoundedHttp(HttpToolsProtocol):
    """One connection, until it becomes a WebSocket."""

    bounds: Bounds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connected, and by TLS if they must."""
        super().connection_made(transport)
        self._unparsed_bytes = 0
        self._head_bytes = 0
        self._in_head = False
        self._in_body = False
        self._refused = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self.app_state = {**self.app_state, CERTIFICATE: names_of_client(transport.get_extra_info("ssl_object"))}
        try:
            self.bounds.enter(self._peer)
        except Refusal as refusal:
            self._refuse(refusal)
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._stop_timers()
        self.bounds.leave(self._peer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some more of a request."""
        if self._refused:
            return
        self._unparsed_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._unparsed_bytes > self.bounds.numbers.head_bytes:
            self._refuse(HeadTooLarge(self.bounds.numbers.head_bytes))
        if self._rest_timer is None and self._body_outlasts_its_answer():
            self._rest_timer = self.loop.call_later(self.bounds.numbers.head_s, self.transport.abort)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        self._in_body = True
        if self._head_timer is None:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        """A part of the first line."""
        self._head_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is whole."""
        self._head_bytes += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        _stop(self._head_timer)
        self._head_timer = None
        self._in_head = False
        self._unparsed_bytes = 0
        if self._head_bytes > self.bounds.numbers.head_bytes:
            self._refuse(HeadTooLarge(self.bounds.numbers.head_bytes))
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_body = False
        _stop(self._rest_timer)
        self._rest_timer = None
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse(BadHead())

    def pause_writing(self) -> None:
        """They don't read their answer."""
        super().pause_writing()
        if self._unread_timer is None:
            self._unread_timer = self.loop.call_later(self.bounds.numbers.unread_answer_s, self.transport.abort)

    def resume_writing(self) -> None:
        """They do again."""
        super().resume_writing()
        _stop(self._unread_timer)
        self._unread_timer = None

    @property
    def _peer(self) -> str:
        return self.client[0] if self.client else UNKNOWN

    def _body_outlasts_its_answer(self) -> bool:
        """Do they go on sending what nobody reads? uvicorn would let them, for as long as they like."""
        cycle: RequestResponseCycle | None = self.cycle
        return self._in_body and not self._in_head and cycle is not None and cycle.response_complete

    def _await_head(self) -> None:
        limit_s = self.bounds.numbers.head_s
        self._head_timer = self.loop.call_later(limit_s, lambda: self._refuse(HeadTooSlow(limit_s)))

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._unread_timer, self._rest_timer):
            _stop(timer)
        self._head_timer = self._unread_timer = self._rest_timer = None

    def _refuse(self, refusal: Refusal) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_timers()
        self._unset_keepalive_if_required()
        self.bounds.tell(self._peer, refusal)
        body = compact_json.encode(refusal.document())
        retry = b"retry-after: 5\r\n" if isinstance(refusal, TooManyConnections) else b""
        self.transport.write(
            b"%bcontent-type: application/problem+json\r\ncontent-length: %d\r\ncache-control: no-store\r\n%b"
            b"connection: close\r\n\r\n%b" % (STATUS_LINE[refusal.status], len(body), retry, body)
        )
        self.transport.close()


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class BoundedWebSocket(WebSocketProtocol):
    """What a connection becomes; it was counted already."""

    bounds: Bounds

    async def send(self, message: Any) -> None:
        """As uvicorn's, which would log each refused WebSocket as an error of the app's."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self.bounds.leave(self.client[0] if self.client else UNKNOWN)
        super().connection_lost(exc)


def protocols(bounds: Bounds) -> tuple[type[BoundedHttp], type[BoundedWebSocket]]:
    """The protocols that hold people to these bounds, for uvicorn's `http` and `ws`."""
    named: dict[str, Any] = {"bounds": bounds}
    return type("Http", (BoundedHttp,), named), type("WebSocket", (BoundedWebSocket,), named)
