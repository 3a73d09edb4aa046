"""The bare cost of what fanning out cannot do without: the same bytes written to a thousand sockets, and no more."""

import asyncio
import os
import selectors
import socket
import time
from typing import cast

import uvloop


def _drain(port: int, clients: int) -> None:
    """The other side, in a process of its own: takes all and looks at nothing."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]
    with selectors.DefaultSelector() as selector:
        for one in sockets:
            one.setblocking(False)
            selector.register(one, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                if not cast("socket.socket", key.fileobj).recv(1 << 16):
                    selector.unregister(key.fileobj)


class _Taker(asyncio.Protocol):
    def __init__(self, taken: list[asyncio.Transport], all_there: asyncio.Event, clients: int) -> None:
        self._taken, self._all_there, self._clients = taken, all_there, clients

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._taken.append(cast("asyncio.Transport", transport))
        if len(self._taken) == self._clients:
            self._all_there.set()


async def _write(clients: int, frame: bytes, bursts: int, pause_s: float) -> tuple[float, int]:
    taken: list[asyncio.Transport] = []
    all_there = asyncio.Event()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Taker(taken, all_there, clients), "127.0.0.1", 0, backlog=clients)
    port = server.sockets[0].getsockname()[1]
    child = os.fork()
    if child == 0:
        try:
            _drain(port, clients)
        finally:
            os._exit(0)
    await all_there.wait()
    began = time.process_time()
    for _ in range(bursts):
        for transport in taken:
            transport.write(frame)
        await asyncio.sleep(pause_s)
    spent = time.process_time() - began
    for transport in taken:
        transport.close()
    server.close()
    return spent, child


def floor_us(clients: int, frame: bytes, bursts: int, pause_s: float) -> float:
    """CPU of one write to one of so many sockets, in us."""
    spent_s, child = uvloop.run(_write(clients, frame, bursts, pause_s))
    os.waitpid(child, 0)
    return spent_s / (clients * bursts) * 1e6
