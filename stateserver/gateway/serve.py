"""A gateway as a process: its settings judged, its parts built, served by uvicorn until it is told to stop."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack

from stateserver.codec.packet import Kind
from stateserver.codec.topics import Topics
from stateserver.errors import StateServerError
from stateserver.gateway.app import Parts, build_app
from stateserver.gateway.feed import Feed
from stateserver.gateway.guard import Guard
from stateserver.gateway.history import History
from stateserver.gateway.hub import Hub
from stateserver.gateway.journal import Journal
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.metrics import Metrics
from stateserver.gateway.open_files import allow_open_files
from stateserver.gateway.past_desk import PastDesk
from stateserver.gateway.protection import protect
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.report_desk import ReportDesk
from stateserver.gateway.server import BACKLOG, Server, server_config
from stateserver.kafka.quiet import quiet_libraries
from stateserver.security.keyring import KeyRing
from stateserver.security.keyring_file import KeyRingFile
from stateserver.settings import Settings, kafka_client_options, variable

log = logging.getLogger(__name__)


class GatewayTrouble(StateServerError):
    """The gateway can't start."""


async def serve(settings: Settings, listening: Callable[[int], None] | None = None) -> None:
    """Run a gateway until SIGINT or SIGTERM; `listening` is told its port.

    Raises SettingError, GatewayTrouble, or what the token file and the page's files are wrong with.
    """
    quiet_libraries()
    protection = protect(settings)
    with listen(settings.http_host, settings.http_port) as listener:
        log.info("up to %d files and sockets may be open", allow_open_files())
        ring = _key_ring(settings)
        parts = _parts(settings, protection.guard, None if ring is None else ring.ring)
        app = build_app(parts, _feed(settings, parts).run)

        def renew() -> None:
            protection.renew()
            if ring is not None:
                ring.reload()

        server = Server(server_config(app, protection.bounds, protection.certificates), renew)
        port: int = listener.getsockname()[1]
        log.info("listening on %s port %d", settings.http_host, port)
        if listening is not None:
            listening(port)
        watching = [protection.keep_new()] if ring is None else [protection.keep_new(), ring.watch()]
        keeping_new = asyncio.gather(*watching)
        try:
            await server.serve(sockets=[listener])
        finally:
            keeping_new.cancel()
            await asyncio.gather(keeping_new, return_exceptions=True)
            parts.guard.audit.flush()


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


def _parts(settings: Settings, guard: Guard, ring: KeyRing | None) -> Parts:
    reading, liveness, options = ReadModel(), Liveness(), kafka_client_options(settings)
    topics = Topics.with_prefix(settings.topic_prefix)
    history = History(options, topics, reading)
    desk = ReportDesk(settings.time_zone)
    journal = Journal(options, settings.packets_topics, topics, ring, reading, liveness)
    return Parts(reading, Hub(reading, history), liveness, Metrics(), guard, history, journal, desk, PastDesk())


def _feed(settings: Settings, parts: Parts) -> Feed:
    return Feed(
        kafka_client_options(settings),
        Topics.with_prefix(settings.topic_prefix),
        settings.packets_topics,
        parts.reading,
        parts.hub,
        parts.liveness,
        parts.metrics,
    )


def _key_ring(settings: Settings) -> KeyRingFile | None:
    """The ring that commands are sealed with. Raises SecretTrouble for one that can't be used."""
    ring = None if settings.keyring is None else KeyRingFile(settings.keyring.get_secret_value())
    if ring is None or not ring.ring.has_current(Kind.COMMAND):
        log.info("no current key for COMMAND in %s: commands are refused", variable("keyring"))
    return ring
