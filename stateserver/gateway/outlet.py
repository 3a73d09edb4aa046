"""Frames straight onto a WebSocket: no task, no copy and no ASGI message for each of a thousand clients.

uvicorn's protocol does the handshake, the control frames and all that is received; this only adds a way to write
frames that are made already. It offers it to the app as the extension OUTLET of the connection's ASGI scope.
"""

from asyncio.transports import BaseTransport
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import OPEN

from stateserver.gateway.messages import Message

OUTLET: Final = "stateserver.outlet"
BUFFER_BYTES_MAX: Final = 256 * 1024
"""What may wait for a client, beside the message that goes over it: then it is full until a quarter is left."""
LINGER_S: Final = 2.0
"""How long a client that we leave may take to hear why, and to say goodbye."""


def _nothing() -> None:
    pass


class Outlet:
    """One client's way out. `on_turn` is called when it was full and there is room again."""

    def __init__(self, protocol: "WebSocketProtocol") -> None:
        self._protocol = protocol
        self.on_turn: Callable[[], None] = _nothing
        self.turns = 0
        """How often there was room again after it had been full."""

    @property
    def open(self) -> bool:
        """May something still be sent?"""
        protocol = self._protocol
        return protocol.conn.state is OPEN and not protocol.close_sent and not protocol.transport.is_closing()

    @property
    def full(self) -> bool:
        """Does so much wait for the client that it should be spared?"""
        return not self._protocol.writable.is_set()

    @property
    def waiting(self) -> int:
        """How many bytes the client has still to take, beside what the system's own buffers hold."""
        return self._protocol.transport.get_write_buffer_size()

    def write(self, message: Message) -> None:
        """Send it, whether there is room or not. Nothing happens where the connection is ending."""
        if self.open:
            self._protocol.transport.writelines(message.frame)

    async def room(self) -> None:
        """Wait until there is room, or the connection has ended."""
        await self._protocol.writable.wait()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, and end the connection a moment later whatever the client does."""
        if self.open:
            self._protocol.say_goodbye(code, reason)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, with an outlet. Who does not answer a ping, or takes nothing, is not waited for."""

    def connection_made(self, transport: BaseTransport) -> None:
        """The TCP connection is there."""
        self.outlet = Outlet(self)
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=BUFFER_BYTES_MAX)

    def handle_connect(self, event: Request) -> None:
        """The client wants a WebSocket; the app gets its outlet with the scope."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[OUTLET] = self.outlet

    def resume_writing(self) -> None:
        """The transport's buffer was full, and has room again."""
        super().resume_writing()
        self.outlet.turns += 1
        self.outlet.on_turn()

    def keepalive_timeout(self) -> None:
        """A ping was not answered. What waits for a dead peer would keep the connection for a quarter of an hour."""
        super().keepalive_timeout()
        self.loop.call_later(LINGER_S, self.transport.abort)

    def say_goodbye(self, code: int, reason: str) -> None:
        """As uvicorn's own closing, but that it comes to an end also where the client takes nothing."""
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()


def outlet_of(scope: Any) -> Outlet:
    """The outlet of a connection that a server with `ws=WebSocketProtocol` took."""
    outlet = scope["extensions"][OUTLET]
    assert isinstance(outlet, Outlet)
    return outlet
