"""A broker as a child process: started, waited for, stopped by its process id, never left behind."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from stateserver.broker import tether
from stateserver.broker.metadata import brokers_up
from stateserver.broker.ports import LOOPBACK
from stateserver.errors import StateServerError

POLL_S = 0.02
OUTPUT_LINES_SHOWN = 15


class BrokerMissing(StateServerError):
    """The broker's program, or what runs it, is not on this machine."""


class BrokerFailed(StateServerError):
    """The broker ended, or never answered; the message ends with the last lines it printed."""


class Broker:
    """A broker that listens on `port` of the loopback address, for `with` and `async with` alike.

    A subclass says what to run (`_prepare`, `_command`). The child is killed when the thread that
    started it ends, so start brokers from a thread that lives as long as they shall.
    """

    name = "broker"

    def __init__(self, port: int, output: Path, *, start_limit_s: float, stop_limit_s: float) -> None:
        self.port = port
        self.output = output
        self.start_limit_s = start_limit_s
        self.stop_limit_s = stop_limit_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """What a Kafka client is given to find this broker: `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id while the broker runs, else None."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the broker and wait until it answers. Raises BrokerMissing, PortTaken or BrokerFailed."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start the broker without waiting for it."""
        self._prepare()
        self._spawn()

    def await_ready(self) -> None:
        """Wait until the launched broker answers; it is killed where it doesn't."""
        try:
            self._await_answer()
        except BaseException:
            self.kill()
            raise

    def terminate(self) -> None:
        """Ask the broker to end, without waiting for it."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """Ask the broker to end, and kill it if it doesn't in time. Nothing happens if it has ended."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(self.stop_limit_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the broker as a crash would, without a chance to save anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait(self) -> int:
        """Wait until the broker ends by itself; its exit status."""
        assert self._process is not None, "start it first"
        return self._process.wait()

    def _prepare(self) -> None:
        """Whatever must be there before the broker can run. May take its time; starts no lasting process."""

    def _command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def _environment(self) -> Mapping[str, str]:
        return os.environ

    def _brokers_expected(self) -> int:
        return 1

    def _spawn(self) -> None:
        assert self.pid is None, "it runs already"
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-IS", tether.__file__, str(os.getpid()), *map(str, self._command())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self._environment()),
                # A Ctrl-C in the terminal is for us: we stop the broker after those who use it.
                start_new_session=True,
            )

    def _await_answer(self) -> None:
        limit = time.monotonic() + self.start_limit_s
        while brokers_up(self.port) < self._brokers_expected():
            self._require_running()
            if time.monotonic() > limit:
                raise self._failed(f"did not answer on port {self.port} within {self.start_limit_s:g} s")
            time.sleep(POLL_S)
        self._require_running()  # else it was another program that answered

    def _require_running(self) -> None:
        assert self._process is not None
        status = self._process.poll()
        if status is not None:
            raise self._failed(f"ended with status {status} instead of starting")

    def _failed(self, what: str) -> BrokerFailed:
        lines = self.output.read_text(errors="replace").splitlines()[-OUTPUT_LINES_SHOWN:]
        said = "\n".join(["; its last lines:", *lines]) if lines else "; it printed nothing"
        return BrokerFailed(f"{self.name} {what}{said}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._prepare)
        self._spawn()  # here and not in a passing thread: the child ends with the thread that starts it
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
