"""The worker and the gateway as processes of their own, as they run in production."""

import asyncio
import http.client
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from stateserver.broker.child import Child
from stateserver.errors import StateServerError

POLL_S = 0.05
STOP_LIMIT_S = 6.0


class ServiceFailed(StateServerError):
    """A process of State Server ended by itself, or did not get ready."""


class Service(Child):
    """`stateserver NAME` with the given environment; its log goes to NAME.log in `folder`."""

    def __init__(self, name: str, environment: Mapping[str, str], folder: Path) -> None:
        super().__init__(folder / f"{name}.log", stop_limit_s=STOP_LIMIT_S)
        self.name = name
        self._given = environment

    def _command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", "stateserver", self.name]

    def _environment(self) -> Mapping[str, str]:
        return self._given

    def _trouble(self, message: str) -> StateServerError:
        return ServiceFailed(message)


async def await_ready(gateway: Service, host: str, port: int, limit_s: float) -> None:
    """Wait until the gateway says that it is ready. Raises ServiceFailed where it ends or takes too long."""
    limit = asyncio.get_running_loop().time() + limit_s
    while not await asyncio.to_thread(_is_ready, host, port):
        gateway.require_running()
        if asyncio.get_running_loop().time() > limit:
            raise gateway.failed(f"did not get ready within {limit_s:g} s")
        await asyncio.sleep(POLL_S)
    gateway.require_running()


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


async def watch(services: Sequence[Service]) -> None:
    """Return never; raise ServiceFailed as soon as one of the services has ended."""
    while True:
        for service in services:
            service.require_running()
        await asyncio.sleep(POLL_S)


def stop_all(services: Sequence[Service]) -> None:
    """Stop the services, side by side."""
    for service in services:
        service.terminate()
    for service in services:
        service.stop()
