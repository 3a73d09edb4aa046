"""The WebSocket (spec page 4): JSON-RPC requests are answered in their order, notifications come between.

What lies ready is sent as soon as it is there and the client has room; a client that has none is passed by, and
gets what it missed when it has. Only who needs more than what lies ready (older changes, a snapshot) has a task for it.
"""

import asyncio
import random
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from stateserver.gateway import compact_json, json_rpc
from stateserver.gateway.auth import Visitor
from stateserver.gateway.guard import Guard
from stateserver.gateway.hub import Hub
from stateserver.gateway.liveness import Liveness, Trouble
from stateserver.gateway.messages import Message, message
from stateserver.gateway.metrics import Metrics
from stateserver.gateway.outlet import Outlet
from stateserver.gateway.patience import Patience
from stateserver.gateway.queries import Queries
from stateserver.gateway.rpc import Session

CHECK_S: Final = 15.0
"""How often a connection is looked at: whether its credential still holds, and whether it takes what it is sent."""
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
        outlet: Outlet,
        visitor: Visitor,
        guard: Guard,
        queries: Queries,
        hub: Hub,
        liveness: Liveness,
        metrics: Metrics,
    ) -> None:
        self._socket = socket
        self._outlet = outlet
        self._visitor = visitor
        self._hub = hub
        self._liveness = liveness
        self._metrics = metrics
        self._session = Session(visitor, guard, queries, hub, liveness, watcher=self)
        self._behind = asyncio.Event()
        self._told: tuple[Trouble, ...] | None = None

    def wake(self) -> None:
        """Send what lies ready, as far as there is room (a Watcher's part)."""
        outlet = self._outlet
        if outlet.full:
            return  # it comes again when there is room
        if self._told != self._liveness.troubles:
            self._told = self._liveness.troubles
            outlet.write(_status(self._liveness))
        for due in self._session.due():
            outlet.write(due)
            self._metrics.notifications += 1
            if outlet.full:
                return
        if self._session.behind():
            self._behind.set()

    async def serve(self) -> None:
        """Until the client goes, its session ends, or we drop it."""
        self._metrics.connections.inc()
        self._outlet.on_turn = self.wake
        tasks = [asyncio.create_task(part()) for part in (self._read, self._catch_up, self._look_after)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect:
            pass
        except Dropped as dropped:
            self._metrics.dropped.labels(str(dropped.close_code)).inc()
            self._outlet.write(_farewell(dropped))
            self._outlet.close(dropped.close_code, dropped.reason)
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
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code", 1005))
            text = received.get("text")
            if text is None:
                raise Dropped(NOT_TEXT)
            before = len(self._session.subscriptions)
            answer = await json_rpc.answer(text, methods)
            self._metrics.subscriptions.inc(len(self._session.subscriptions) - before)
            if answer is not None:
                await self._send(message(*answer))
            self._session.answered()
            self.wake()

    async def _catch_up(self) -> None:
        while True:
            await self._behind.wait()
            self._behind.clear()
            for subscription in self._session.behind():
                async for due in self._hub.catch_up(subscription):
                    await self._send(due)
                    self._metrics.notifications += 1
            self.wake()

    async def _look_after(self) -> None:
        patience = Patience()
        while True:
            await asyncio.sleep(CHECK_S * random.uniform(0.8, 1.2))  # not all of them at once
            if not self._visitor.still_welcome():
                raise Dropped(EXPIRED)
            if patience.ends(full=self._outlet.full, waiting=self._outlet.waiting, turns=self._outlet.turns):
                raise Dropped(TOO_SLOW)
            if not self._outlet.full:
                for place in self._session.places():
                    self._outlet.write(place)

    async def _send(self, due: Message) -> None:
        await self._outlet.room()
        self._outlet.write(due)


def _status(liveness: Liveness) -> Message:
    params = liveness.document()
    return message(compact_json.encode({"jsonrpc": "2.0", "method": "status", "params": params}))


def _farewell(dropped: Dropped) -> Message:
    params = {"code": dropped.close_code, "reason": dropped.reason}
    return message(compact_json.encode({"jsonrpc": "2.0", "method": "closing", "params": params}))
