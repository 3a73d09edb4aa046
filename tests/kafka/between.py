"""Something that stands between a client and a real Kafka: what passes can be answered otherwise, or held up.

The broker tells its own address in what it answers; it is replaced there by ours, so that a client stays with us.
"""

import asyncio
import struct
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from stateserver.broker.ports import LOOPBACK, free_port
from stateserver.broker.process import Broker

PRODUCE, INIT_PRODUCER_ID, ADD_PARTITIONS_TO_TXN, END_TXN = 0, 22, 24, 26
UNKNOWN_SERVER_ERROR = -1
# Of an answer to InitProducerId in its version 0: correlation id and throttle time lie before its error.
INIT_PRODUCER_ID_ERROR = struct.Struct(">8xh")


class Between:
    """For `async with`, on a port of its own.

    `refuse` says how many requests for a producer id are still to be answered with UNKNOWN_SERVER_ERROR, `hold` of
    which api the next request is kept back, and all after it: `held` is set then. `slow` keeps back those of one api
    alone, and what follows them on their connection, until `quick` lets them pass.
    """

    def __init__(self, broker: Broker) -> None:
        self.refuse = 0
        self.hold: int | None = None
        self.held = asyncio.Event()
        self._slow: int | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._broker_port = broker.port
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, LOOPBACK, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def slow(self, api: int) -> None:
        """Requests of that api take long from now on."""
        self._slow = api
        self._flows.clear()

    def quick(self) -> None:
        """They don't any more."""
        self._flows.set()

    def let_go(self) -> None:
        """Hold nothing more; what is held already stays so."""
        self.hold = None
        self.held.clear()

    async def _connected(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        broker, to_broker = await asyncio.open_connection(LOOPBACK, self._broker_port)
        asked: dict[int, int] = {}
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._requests(client, to_broker, asked))
                    both.create_task(self._answers(broker, to_client, asked))
        except ExceptionGroup as ended:
            if ended.split((asyncio.IncompleteReadError, ConnectionError))[1] is not None:
                raise
        finally:
            to_client.close()
            to_broker.close()
            self._passing.discard(task)

    async def _requests(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, asked: dict[int, int]) -> None:
        while True:
            request = await _frame(source)
            api, _, correlation = struct.unpack_from(">hhi", request)
            asked[correlation] = api
            if api == self.hold:
                self.held.set()
            if self.held.is_set():
                await asyncio.Event().wait()
            if api == self._slow:
                await self._flows.wait()
            to.write(struct.pack(">i", len(request)) + request)
            await to.drain()

    async def _answers(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, asked: Mapping[int, int]) -> None:
        theirs, ours = (LOOPBACK.encode() + struct.pack(">i", port) for port in (self._broker_port, self._port))
        while True:
            answer = bytearray((await _frame(source)).replace(theirs, ours))
            (correlation,) = struct.unpack_from(">i", answer)
            if asked.get(correlation) == INIT_PRODUCER_ID and self.refuse > 0:
                self.refuse -= 1
                head = answer[:8]
                INIT_PRODUCER_ID_ERROR.pack_into(answer, 0, UNKNOWN_SERVER_ERROR)
                answer[:8] = head
            to.write(struct.pack(">i", len(answer)) + answer)
            await to.drain()


async def _frame(source: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack(">i", await source.readexactly(4))
    return await source.readexactly(length)
