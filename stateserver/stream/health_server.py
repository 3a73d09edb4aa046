"""A worker's metrics and health over HTTP, from a thread of their own: it answers also where the event loop doesn't."""

import json
import threading
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from stateserver.errors import StateServerError
from stateserver.stream.health import Health
from stateserver.stream.metrics import Metrics

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LOOPBACK: Final = "127.0.0.1"


class MetricsPortTaken(StateServerError):
    """Metrics and health can't be served where the settings say."""

    def __init__(self, port: int, trouble: OSError) -> None:
        super().__init__(
            f"can't serve metrics and health on port {port}: {trouble.strerror or trouble}",
            "stop the program that uses it, or set STATESERVER_METRICS_PORT",
        )


class _Server(ThreadingMixIn, WSGIServer):
    """One that slow clients don't hold up, nor the end of the process."""

    daemon_threads = True


class _Silent(WSGIRequestHandler):
    """Each look would be a line in the log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as its base has it
        """Say nothing."""


def serve_health(metrics: Metrics, health: Health, port: int) -> None:
    """Serve `/health/live`, `/health/ready` and `/metrics` on the loopback address, as long as the process lives.

    Raises MetricsPortTaken.
    """
    registry = CollectorRegistry()
    registry.register(metrics)
    measured = make_wsgi_app(registry)

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/health/live":
            answer = health.live()
            return _answer(answer, answer["live"], start_response)
        if path == "/health/ready":
            answer = health.ready()
            return _answer(answer, answer["ready"], start_response)
        found: Iterable[bytes] = measured(environ, start_response)
        return found

    try:
        server = make_server(LOOPBACK, port, app, _Server, _Silent)
    except OSError as trouble:
        raise MetricsPortTaken(port, trouble) from trouble
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()


def _answer(document: dict[str, Any], good: bool, start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK" if good else "503 Service Unavailable", [("Content-Type", "application/json")])
    return [json.dumps(document).encode()]
