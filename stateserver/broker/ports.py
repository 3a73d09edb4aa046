"""TCP ports on this machine's loopback address."""

import socket

from stateserver.errors import StateServerError

LOOPBACK = "127.0.0.1"


class PortTaken(StateServerError):
    """Another program listens on the port that was asked for."""

    def __init__(self, port: int, purpose: str) -> None:
        super().__init__(
            f"port {port} on {LOOPBACK}, wanted for {purpose}, is taken",
            "stop the program that listens there, or choose another port",
        )
        self.port = port


def free_port() -> int:
    """A port nobody listens on now. Somebody else may take it before it is used."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
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
