"""uvicorn as a gateway runs it."""

import asyncio
import functools
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from stateserver.gateway.bounded_http import Bounds, protocols
from stateserver.gateway.tls import Certificates

MESSAGE_BYTES_MAX: Final = 1024 * 1024
PING_EVERY_S: Final = 20.0
STOP_LIMIT_S: Final = 3
BACKLOG: Final = 512
HANDSHAKE_LIMIT_S: Final = 10.0


def server_config(app: FastAPI, bounds: Bounds, certificates: Certificates | None = None) -> uvicorn.Config:
    """How uvicorn serves the app: by TLS where there is a certificate."""
    # At INFO it tells of each WebSocket with its query string, at DEBUG of each header and frame.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    http, websocket = protocols(bounds)
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=http,
        ws=websocket,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=PING_EVERY_S,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=STOP_LIMIT_S,
        backlog=BACKLOG,
        ssl_context_factory=None if certificates is None else lambda *_: certificates.context,
    )


class Server(uvicorn.Server):
    """uvicorn's, but for signals, which it would raise again once it has stopped, and for TLS's handshake.

    `renew` is called at SIGHUP.
    """

    def __init__(self, config: uvicorn.Config, renew: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._renew = renew

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM, read anew at SIGHUP what can be."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, self.handle_exit, one, None)
        loop.add_signal_handler(signal.SIGHUP, self._renew)
        try:
            yield
        finally:
            for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(one)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, as uvicorn does, but with a bound on how long a client may take to agree on TLS."""
        await super().startup(sockets=[])
        self.started = False
        connection = functools.partial(
            self.config.http_protocol_class,
            config=self.config,  # type: ignore[call-arg]
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        handshake_s = None if self.config.ssl is None else HANDSHAKE_LIMIT_S
        for listener in sockets or ():
            server = await asyncio.get_running_loop().create_server(
                connection,
                sock=listener,
                ssl=self.config.ssl,
                backlog=BACKLOG,
                ssl_handshake_timeout=handshake_s,
            )
            self.servers.append(server)
        self.started = True
