"""From nothing to a live system, and back to nothing."""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from stateserver.broker.ports import free_port, require_free
from stateserver.broker.tansu import Tansu
from stateserver.demo.credentials import Credentials, make_credentials
from stateserver.demo.services import Service, await_ready, stop_all, watch
from stateserver.domain.records import FrameRecord
from stateserver.folders import require_folder
from stateserver.settings import Settings, load_settings, variable
from stateserver.simulator.capture import schedule
from stateserver.simulator.packet_server import PacketServer
from stateserver.stream.layout import Layout
from stateserver.stream.topics import ensure_topics

READY_LIMIT_S = 60.0
Say = Callable[[str], None]


class Play(NamedTuple):
    """What is played: a capture's frames as those of `system`, its pauses divided by `speed`."""

    frames: Sequence[FrameRecord]
    system: str
    speed: float


async def run_demo(settings: Settings, play: Play, say: Say) -> None:
    """Start everything, play the capture, and stay up until SIGINT or SIGTERM; then stop everything.

    Raises PortTaken, BrokerMissing, BrokerFailed or ServiceFailed, and leaves nothing running in any case.
    """
    stop = _stop_on_signals()
    port = settings.http_port or free_port()
    require_free(port, "the page")
    require_folder(settings.data_dir)
    with tempfile.TemporaryDirectory(prefix="demo-", dir=settings.data_dir) as name:
        folder = Path(name)
        async with Tansu(folder) as broker:
            credentials = make_credentials()
            environment = _environment(credentials, broker.bootstrap, port, folder)
            own = load_settings(environment)
            await ensure_topics(
                {"bootstrap_servers": [broker.bootstrap]}, Layout.with_prefix(own.topic_prefix, own.packets_topics)
            )
            services = [Service("worker", environment, folder), Service("gateway", environment, folder)]
            try:
                await _until(stop, _live(services, own, credentials, broker.bootstrap, play, say))
            finally:
                # Where the brokers are stopped under them, the services would wait for them.
                await asyncio.shield(asyncio.to_thread(stop_all, services))


async def _live(
    services: Sequence[Service], own: Settings, credentials: Credentials, bootstrap: str, play: Play, say: Say
) -> None:
    for service in services:
        service.spawn()
    await await_ready(services[-1], own.http_host, own.http_port, READY_LIMIT_S)
    address = f"[{own.http_host}]" if ":" in own.http_host else own.http_host
    say(f"Page: http://{address}:{own.http_port}/#token={credentials.token}")
    say(f"Token: {credentials.token}")
    say(f"Playing a capture of {len(play.frames)} frames at {play.speed:g} times its speed. Ctrl-C stops everything.")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(services))
        tasks.create_task(_play(bootstrap, own, credentials, play, say))


async def _play(bootstrap: str, own: Settings, credentials: Credentials, play: Play, say: Say) -> None:
    # The embedded broker starts no idempotent producer.
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
    await producer.start()
    try:
        server = PacketServer(producer, own.packets_topics[0], credentials.ring)
        await server.play(schedule(play.frames, play.system, play.speed))
    finally:
        await producer.stop()
    say("The capture has been played; what it led to stays until Ctrl-C.")


def _environment(credentials: Credentials, bootstrap: str, port: int, folder: Path) -> dict[str, str]:
    """What the services are given: the environment's own settings, but for what this run makes itself."""
    made = {
        variable("brokers"): bootstrap,
        variable("data_dir"): str(folder),
        variable("http_port"): str(port),
        **credentials.environment(),
    }
    return {**os.environ, **made}


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _until(stop: asyncio.Event, running: Coroutine[object, object, None]) -> None:
    """Run until it fails, or `stop` is set."""
    task = asyncio.create_task(running)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for one in (task, stopping):
            one.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await one
