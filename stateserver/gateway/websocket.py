"""The WebSocket (spec page 4): JSON-RPC requests are answered in their order, notifications come between.

One task reads and answers, another sends what the subscriptions have: whoever is slow to take either waits alone.
"""

import asyncio
import logging
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from stateserver.gateway import compact_json, json_rpc
from stateserver.gateway.auth import Visitor
from stateserver.gateway.guard import Guard
from stateserver.gateway.liveness import Condition, Liveness
from stateserver.gateway.metrics import Metrics
from stateserver.gateway.queries import Queries
from stateserver.gateway.rpc import Session
from stateserver.gateway.subscriptions import Hub

log = logging.getLogger(__name__)

SEND_LIMIT_S: Final = 20.0
"""How long a client may take to make room for a message before it is dropped."""
CREDENTIAL_CHECK_S: Final = 15.0
EXPIRED: Final = (4401, "the session has ended: log in again")
TOO_SLOW: Final = (4408, "too slow: come back with your cursor")
NOT_TEXT: Final = (1003, "only text messages are understood")


class Dropped(Exception):
    """We end the connection."""

    def __init__(self, why: tuple[int, str]) -> None:
        super().__init__(why[1])
        self.close_code, self.reason = why


class Connection:
    """One client's WebSocket, accepted already."""

    def __init__(
        self,
        socket: WebSocket,
        visitor: Visitor,
        guard: Guard,
        queries: Queries,
        hub: Hub,
        liveness: Liveness,
        metrics: Metrics,
    ) -> None:
        self._socket = socket
        self._visitor = visitor
        self._liveness = liveness
        self._metrics = metrics
        self._session = Session(visitor, guard, queries, hub, liveness, watcher=self)
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()
        self._told: Condition | None = None

    def wake(self) -> None:
        """There may be something to send (a Watcher's part)."""
        self._wake.set()

    async def serve(self) -> None:
        """Until the client goes, its session ends, or we drop it."""
        self._metrics.connections.inc()
        tasks = [asyncio.create_task(part()) for part in (self._read, self._notify, self._expire)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect:
            pass
        except Dropped as dropped:
            self._metrics.dropped.labels(str(dropped.close_code)).inc()
            await self._close(dropped)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._metrics.subscriptions.dec(len(self._session.subscriptions))
            self._session.close()
            self._metrics.connections.dec()

    async def _read(self) -> None:
        methods = self._session.methods()
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            text = message.get("text")
            if text is None:
                raise Dropped(NOT_TEXT)
            before = len(self._session.subscriptions)
            answer = await json_rpc.answer(text, methods)
            self._metrics.subscriptions.inc(len(self._session.subscriptions) - before)
            if answer is not None:
                await self._send(answer)
            self._session.answered()
            self.wake()

    async def _notify(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._told is not self._liveness.condition:
                self._told = self._liveness.condition
                await self._send(_status(self._liveness))
            for message in self._session.messages():
                await self._send(message)
                self._metrics.messages.inc()

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(CREDENTIAL_CHECK_S)
            if not self._visitor.still_welcome():
                raise Dropped(EXPIRED)

    async def _send(self, message: bytes) -> None:
        try:
            async with asyncio.timeout(SEND_LIMIT_S), self._sending:
                await self._socket.send_text(message.decode())
        except TimeoutError:
            raise Dropped(TOO_SLOW) from None

    async def _close(self, dropped: Dropped) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._socket.close(dropped.close_code, dropped.reason)
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            log.debug("a client that was dropped did not take its reason")


def _status(liveness: Liveness) -> bytes:
    params = {"live": liveness.live, "condition": liveness.condition}
    return compact_json.encode({"jsonrpc": "2.0", "method": "status", "params": params})
