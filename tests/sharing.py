"""One broker for all the processes that share a run's tests: one is half the start-up and half the idling of two."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from stateserver.broker.metadata import brokers_up
from stateserver.broker.process import Broker

B = TypeVar("B", bound=Broker)


def shared(folder: Path, make: Callable[[Path, int | None], B], config: pytest.Config) -> B:
    """The broker that answers already on the port told in `folder`, else one started there, killed after all tests.

    Whoever uses it holds a lock on `users` until its own tests are over, and who has started it waits for those: not
    in a fixture, where the wait would count as the last test's. Nobody needs its data then, so it is killed.
    """
    folder.mkdir(exist_ok=True)
    told = folder / "port"
    users = (folder / "users").open("a")
    with (folder / "starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)  # given back when it is closed
        fcntl.flock(users, fcntl.LOCK_SH)
        port = int(told.read_text()) if told.exists() else None
        if port is not None and brokers_up(port, timeout_s=10.0):
            config.add_cleanup(users.close)
            return make(folder, port)
        broker = make(folder, None)
        broker.start()
        told.write_text(str(broker.port))

    def end() -> None:
        with users:
            fcntl.flock(users, fcntl.LOCK_EX)
            told.unlink()
            broker.kill()

    config.add_cleanup(end)
    return broker


def folder_of_run(factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run have in common, and no other run."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
