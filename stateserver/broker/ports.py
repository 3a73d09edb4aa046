"""TCP ports on this machine's loopback address."""

import random
import socket
from typing import Final

from stateserver.errors import StateServerError

LOOPBACK: Final = "127.0.0.1"
UNASSIGNED: Final = range(15_000, 32_000)
"""Systems take ports from above these for connections that go out: nobody is given one of these by chance."""

_order: Final = random.SystemRandom().sample(UNASSIGNED, len(UNASSIGNED))


class PortTaken(StateServerError):
    """Another program listens on the port that was asked for."""

    def __init__(self, port: int, purpose: str) -> None:
        super().__init__(
            f"port {port} on {LOOPBACK}, wanted for {purpose}, is taken",
            "stop the program that listens there, or choose another port",
        )
        self.port = port


def free_port() -> int:
    """A port nobody listens on now, and that this process has not been told before.

    Somebody else may take it before it is used, but only one who asks for that very port.
    """
    while True:
        port = _order.pop()
        try:
            require_free(port, "a trial")
        except PortTaken:
            continue
        return port


def require_free(port: int, purpose: str) -> None:
    """Raise `PortTaken` if the port can't be listened on; `purpose` says what it was wanted for."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections linger is free all the same.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortTaken(port, purpose) from error
