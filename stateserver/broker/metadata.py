"""The smallest Kafka client there is: one Metadata request, to learn whether a broker is up."""

import socket
import struct

from stateserver.broker.ports import LOOPBACK

METADATA_KEY, METADATA_VERSION, CORRELATION = 3, 1, 1
CLIENT_ID = b"stateserver"
# Request header v1, then an empty array of topics: brokers only.
REQUEST = struct.pack(
    f">hhih{len(CLIENT_ID)}si", METADATA_KEY, METADATA_VERSION, CORRELATION, len(CLIENT_ID), CLIENT_ID, 0
)
ANSWER_HEAD = struct.Struct(">ii")  # correlation id, number of brokers


def brokers_up(port: int, timeout_s: float = 1.0) -> int:
    """How many brokers the one on this loopback port knows to be up; 0 while it doesn't answer."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as connection:
            connection.sendall(struct.pack(">i", len(REQUEST)) + REQUEST)
            (length,) = struct.unpack(">i", _read(connection, 4))
            correlation, brokers = ANSWER_HEAD.unpack_from(_read(connection, length))
    except (OSError, struct.error):
        return 0
    return int(brokers) if correlation == CORRELATION else 0


def _read(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionResetError
        parts += part
    return bytes(parts)
