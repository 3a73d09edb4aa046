"""A broker as a child process: started, waited for, stopped by its process id, never left behind."""

import asyncio
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from stateserver.broker.child import Child
from stateserver.broker.metadata import brokers_up
from stateserver.broker.ports import LOOPBACK
from stateserver.errors import StateServerError

POLL_S = 0.02


class BrokerMissing(StateServerError):
    """The broker's program, or what runs it, is not on this machine."""


class BrokerFailed(StateServerError):
    """The broker ended, or never answered; the message ends with the last lines it printed."""


class Broker(Child):
    """A broker that listens on `port` of the loopback address, for `with` and `async with` alike."""

    name = "broker"

    def __init__(self, port: int, output: Path, *, start_limit_s: float, stop_limit_s: float) -> None:
        super().__init__(output, stop_limit_s=stop_limit_s)
        self.port = port
        self.start_limit_s = start_limit_s

    @property
    def bootstrap(self) -> str:
        """What a Kafka client is given to find this broker: `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start the broker and wait until it answers. Raises BrokerMissing, PortTaken or BrokerFailed."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start the broker without waiting for it."""
        self._prepare()
        self.spawn()

    def await_ready(self) -> None:
        """Wait until the launched broker answers; it is killed where it doesn't."""
        try:
            self._await_answer()
        except BaseException:
            self.kill()
            raise

    def _prepare(self) -> None:
        """Whatever must be there before the broker can run. May take its time; starts no lasting process."""

    def _trouble(self, message: str) -> StateServerError:
        return BrokerFailed(message)

    def _brokers_expected(self) -> int:
        return 1

    def _await_answer(self) -> None:
        limit = time.monotonic() + self.start_limit_s
        while brokers_up(self.port) < self._brokers_expected():
            self.require_running()
            if time.monotonic() > limit:
                raise self.failed(f"did not answer on port {self.port} within {self.start_limit_s:g} s")
            time.sleep(POLL_S)
        self.require_running()  # else it was another program that answered

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._prepare)
        self.spawn()  # here and not in a passing thread: the child ends with the thread that starts it
        try:
            await asyncio.to_thread(self.await_ready)
        except BaseException:
            self.kill()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.stop))  # a second Ctrl-C doesn't leave it behind
