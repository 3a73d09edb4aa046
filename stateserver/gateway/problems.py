"""Every HTTP error as a problem document (RFC 9457)."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from stateserver.gateway import compact_json
from stateserver.gateway.metrics import Metrics
from stateserver.gateway.refusals import BadRequest, Refusal, TooLarge
from stateserver.gateway.turned_away import BodyTooSlow, Later

RETRY_AFTER_S = 1

log = logging.getLogger(__name__)


def install(app: FastAPI, metrics: Metrics) -> None:
    """Have the app answer with problem documents, whatever goes wrong."""

    async def refused(_: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        metrics.refused.labels(refusal.problem).inc()
        return problem_response(refusal)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return await refused(request, BadRequest(f"{where}: {first['msg']}"))

    async def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {"allow": ", ".join(_methods_at(request))}
        return _respond(error.status_code, _document(error.status_code), headers)

    async def failed(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return _respond(500, _document(500, "something went wrong in the gateway; its log says what"))

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(Exception, failed)


def problem_response(refusal: Refusal) -> Response:
    """A refusal as HTTP's answer; a WebSocket that is not accepted gets the same."""
    headers = {}
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if refusal.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["retry-after"] = str(refusal.retry_after_s if isinstance(refusal, Later) else RETRY_AFTER_S)
    if isinstance(refusal, TooLarge | BodyTooSlow):
        headers["connection"] = "close"  # what more is to come isn't read
    return _respond(refusal.status, refusal.document(), headers)


def _methods_at(request: Request) -> list[str]:
    """All methods of an address: the framework names those of one of its routes alone."""
    contexts = [(compile_path(str(one.path))[0], one.methods) for one in iter_route_contexts(request.app.routes)]
    found = [methods or () for pattern, methods in contexts if pattern.match(request.scope["path"])]
    return sorted({method for methods in found for method in methods})


def _document(status: int, detail: str | None = None) -> dict[str, Any]:
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    return document if detail is None else document | {"detail": detail}


def _respond(status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(compact_json.encode(document), status, headers=headers, media_type="application/problem+json")
