"""A gateway as a process: its settings judged, its parts built, served by uvicorn until it is told to stop."""

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import uvicorn

from stateserver.codec.packet import Kind
from stateserver.codec.topics import Topics
from stateserver.errors import StateServerError
from stateserver.gateway.app import Parts, build_app
from stateserver.gateway.auth import Doorkeeper
from stateserver.gateway.feed import Feed
from stateserver.gateway.guard import Guard
from stateserver.gateway.history import History
from stateserver.gateway.hub import Hub
from stateserver.gateway.journal import Journal
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.metrics import Metrics
from stateserver.gateway.open_files import allow_open_files
from stateserver.gateway.outlet import WebSocketProtocol
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.report_desk import ReportDesk
from stateserver.security.keyring import KeyRing
from stateserver.security.sessions import Sessions, read_session_secret
from stateserver.security.tokens import TokenBook
from stateserver.settings import SettingError, Settings, kafka_client_options, variable

log = logging.getLogger(__name__)

ISSUER: Final = "stateserver"
AUDIENCE: Final = "stateserver-page"
SESSION_LIFETIME_S: Final = 12 * 3600
"""A shift: nobody is logged out while they watch a blast."""
MESSAGE_BYTES_MAX: Final = 1024 * 1024
PING_EVERY_S: Final = 20.0
STOP_LIMIT_S: Final = 3
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
BACKLOG: Final = 512


class GatewayTrouble(StateServerError):
    """The gateway can't start."""


class Server(uvicorn.Server):
    """uvicorn's, but for signals: it would raise them again once it has stopped, as if that were an error."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, self.handle_exit, one, None)
        try:
            yield
        finally:
            for one in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(one)


async def serve(settings: Settings, listening: Callable[[int], None] | None = None) -> None:
    """Run a gateway until SIGINT or SIGTERM; `listening` is told its port.

    Raises SettingError, GatewayTrouble, or what the token file and the page's files are wrong with.
    """
    log.info("up to %d files and sockets may be open", allow_open_files())
    parts = _parts(settings)
    feed = Feed(
        kafka_client_options(settings),
        Topics.with_prefix(settings.topic_prefix),
        settings.packets_topics,
        parts.reading,
        parts.hub,
        parts.liveness,
        parts.metrics,
    )
    config = _config(settings, parts, feed)
    with listen(settings.http_host, settings.http_port) as listener:
        port: int = listener.getsockname()[1]
        log.info("listening on %s port %d", settings.http_host, port)
        if listening is not None:
            listening(port)
        await Server(config).serve(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises GatewayTrouble where that can't be."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as until_it_listens:
            listener = until_it_listens.enter_context(socket.socket(family, kind))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            until_it_listens.pop_all()
    except OSError as error:
        raise GatewayTrouble(
            f"can't listen on {host} port {port}: {error.strerror or error}",
            f"stop the program that does, or set {variable('http_port')} or {variable('http_host')}",
        ) from error
    return listener


def _parts(settings: Settings) -> Parts:
    _refuse_plain_http_for_others(settings)
    reading, liveness, options = ReadModel(), Liveness(), kafka_client_options(settings)
    history = History(options, Topics.with_prefix(settings.topic_prefix), reading)
    desk = ReportDesk(settings.time_zone)
    journal = Journal(options, settings.packets_topics, _key_ring(settings), reading, liveness)
    return Parts(
        reading, Hub(reading, history), liveness, Metrics(), Guard(_doorkeeper(settings)), history, journal, desk
    )


def _key_ring(settings: Settings) -> KeyRing | None:
    """The ring that commands are sealed with. Raises SecretTrouble for one that can't be used."""
    ring = None if settings.keyring is None else KeyRing.load(settings.keyring.get_secret_value())
    if ring is None or not ring.has_current(Kind.COMMAND):
        log.info("no current key for COMMAND in %s: commands are refused", variable("keyring"))
    return ring


def _refuse_plain_http_for_others(settings: Settings) -> None:
    """Tokens must not cross a network in the clear."""
    encrypted = settings.tls_cert is not None or settings.http_public_origin is not None
    if settings.http_host not in LOOPBACK and not encrypted:
        raise SettingError(
            variable("http_host"),
            f"{settings.http_host} may be reached by others, and without TLS they could read the tokens",
            f"set {variable('tls_cert')} and {variable('tls_key')}; or {variable('http_public_origin')}, "
            "if a proxy in front ends TLS; or listen on 127.0.0.1",
        )


def _doorkeeper(settings: Settings) -> Doorkeeper:
    """Nobody is let in without a credential, so there must be some."""
    if settings.tokens_file is None:
        raise SettingError(variable("tokens_file"), "is needed", "make one: stateserver keys token")
    if settings.tokens_session_secret is None:
        raise SettingError(variable("tokens_session_secret"), "is needed", "make one: openssl rand -base64 32")
    sessions = Sessions(
        [read_session_secret(settings.tokens_session_secret.get_secret_value())],
        issuer=ISSUER,
        audience=AUDIENCE,
        lifetime_s=SESSION_LIFETIME_S,
    )
    book = TokenBook.load(settings.tokens_file.get_secret_value())
    return Doorkeeper(book, sessions, settings.http_public_origin)


def _config(settings: Settings, parts: Parts, feed: Feed) -> uvicorn.Config:
    config = uvicorn.Config(
        build_app(parts, feed.run),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws=WebSocketProtocol,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=PING_EVERY_S,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=STOP_LIMIT_S,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise SettingError(variable("tls_cert"), f"can't be used with its key: {error}") from error
    return config
