"""The gateway put together from its parts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import NamedTuple

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket

from stateserver import __version__
from stateserver.gateway import api, compact_json, openapi, page_files, problems
from stateserver.gateway.auth import Doorkeeper
from stateserver.gateway.guard import Guard
from stateserver.gateway.guarded_route import GuardedRoute, add_operation
from stateserver.gateway.history import History
from stateserver.gateway.hub import Hub
from stateserver.gateway.journal import Journal
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.metrics import Metrics
from stateserver.gateway.operations import OPERATIONS
from stateserver.gateway.outlet import outlet_of
from stateserver.gateway.past_desk import PastDesk
from stateserver.gateway.queries import Queries
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import Refusal
from stateserver.gateway.report_desk import ReportDesk
from stateserver.gateway.security_headers import SecurityHeaders
from stateserver.gateway.websocket import Connection


class Parts(NamedTuple):
    """What a gateway consists of, besides its feed."""

    reading: ReadModel
    hub: Hub
    liveness: Liveness
    metrics: Metrics
    guard: Guard
    history: History | None = None
    """Where events are found that are no longer in memory."""
    journal: Journal | None = None
    """Where commands and packets go."""
    desk: ReportDesk | None = None
    """Where reports are made."""
    past: PastDesk | None = None
    """Where past states are looked up."""

    @property
    def doorkeeper(self) -> Doorkeeper:
        """Who knows whom by which credential."""
        return self.guard.doorkeeper


def build_app(parts: Parts, feed: Callable[[], Awaitable[None]] | None = None) -> FastAPI:
    """The ASGI app. `feed` runs as long as it does."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = None if feed is None else asyncio.ensure_future(feed())
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            for part in (parts.journal, parts.desk, parts.past):
                if part is not None:
                    await part.close()

    app = FastAPI(
        title="State Server",
        version=__version__,
        summary="What a blasting system's state is, and what became of each blast.",
        lifespan=lifespan,
        openapi_url=f"{api.PREFIX}/openapi.json",
        docs_url=None,  # FastAPI's own page loads its scripts from elsewhere, which the policy forbids
        redoc_url=None,
    )
    app.router.route_class = GuardedRoute
    app.openapi = cache(lambda: openapi.describe(app))  # type: ignore[method-assign]
    queries = Queries(parts.reading, parts.liveness, parts.history, parts.journal, parts.desk, parts.past)
    api.install(app, queries, parts.guard)
    _add_websocket(app, parts, queries)
    _add_operations(app, parts)
    _add_page(app)
    problems.install(app, parts.metrics)
    app.add_middleware(SecurityHeaders)
    return app


def _add_websocket(app: FastAPI, parts: Parts, queries: Queries) -> None:
    @app.websocket(f"{api.PREFIX}/ws")
    async def websocket(socket: WebSocket) -> None:
        try:
            visitor = parts.guard.admit(socket, OPERATIONS["connect"])
            assert visitor is not None
        except Refusal as refusal:
            await _deny(socket, parts, refusal)
            return
        outlet = outlet_of(socket.scope)
        connection = Connection(socket, outlet, visitor, parts.guard, queries, parts.hub, parts.liveness, parts.metrics)
        try:
            with parts.guard.websocket(visitor):
                await socket.accept()
                await connection.serve()
        except Refusal as refusal:
            await _deny(socket, parts, refusal)


async def _deny(socket: WebSocket, parts: Parts, refusal: Refusal) -> None:
    parts.metrics.refused.labels(refusal.problem).inc()
    await socket.send_denial_response(problems.problem_response(refusal))


def _add_operations(app: FastAPI, parts: Parts) -> None:
    """For those who run it; open to all, as they tell nothing of any system."""

    async def live() -> Response:
        return Response(compact_json.encode({"live": True}), media_type="application/json")

    async def ready() -> Response:
        state = {"ready": parts.liveness.serving, **parts.liveness.document()}
        status = 200 if parts.liveness.serving else 503
        return Response(compact_json.encode(state), status, media_type="application/json")

    async def metrics() -> Response:
        parts.metrics.live.set(parts.liveness.live)
        parts.metrics.partitions_not_live.set(parts.liveness.partitions_not_live)
        parts.metrics.troubled_sources.set(len(parts.liveness.troubled))
        not_whole = sum(not model.whole for model in parts.reading.systems.values())
        parts.metrics.systems_not_whole.set(not_whole)
        parts.metrics.audit_unwritten.set(parts.guard.audit.unwritten)
        return Response(parts.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    router = APIRouter(tags=["operations"], route_class=GuardedRoute)
    for name, endpoint in (("health.live", live), ("health.ready", ready), ("metrics", metrics)):
        add_operation(router, OPERATIONS[name], endpoint)
    app.include_router(router)


def _add_page(app: FastAPI) -> None:
    files = page_files.read_page()

    @app.get("/", operation_id="page", include_in_schema=False)
    async def start(request: Request) -> Response:
        return page_files.respond(files[page_files.START], request)

    @app.get("/docs", operation_id="docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return page_files.respond(files[page_files.DOCS], request)

    def serve(file: page_files.PageFile) -> Callable[[Request], Awaitable[Response]]:
        async def one(request: Request) -> Response:
            return page_files.respond(file, request)

        return one

    for path, file in files.items():
        app.add_api_route(f"/page/{path}", serve(file), operation_id="page", methods=["GET"], include_in_schema=False)
