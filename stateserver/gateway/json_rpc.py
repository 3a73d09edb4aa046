"""JSON-RPC 2.0: from a message's text to the answer's, whatever the methods are."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from stateserver.gateway import compact_json, strict_json
from stateserver.gateway.messages import Pieces, array
from stateserver.gateway.refusals import BadRequest, Refusal, TooMany

log = logging.getLogger(__name__)

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INTERNAL_ERROR: Final = -32603
BATCH_MAX: Final = 50

Params = dict[str, Any]
Method = Callable[[Params], Awaitable[bytes | Pieces]]
"""Takes the named parameters and gives the result as JSON."""


class MethodNotFound(Refusal):
    """There is no such method."""

    status, code, problem, title = 404, METHOD_NOT_FOUND, "unknown-method", "No such method"

    def __init__(self, method: str) -> None:
        super().__init__(f"there is no method {method!r}")


async def answer(text: str, methods: Mapping[str, Method]) -> Pieces | None:
    """The answer to a message: an object, an array for a batch, or None where nothing is to be said."""
    try:
        message = strict_json.parse(text)
    except strict_json.BadJson as trouble:
        return _error(None, PARSE_ERROR, trouble.message)
    if not isinstance(message, list):
        return await _answer_one(message, methods)
    if not message:
        return _error(None, INVALID_REQUEST, "a batch must not be empty")
    if len(message) > BATCH_MAX:
        return _refused(None, TooMany(f"a batch may hold {BATCH_MAX} requests, not {len(message)}"))
    answers = [one for request in message if (one := await _answer_one(request, methods)) is not None]
    return array(answers) if answers else None


async def _answer_one(request: object, methods: Mapping[str, Method]) -> Pieces | None:
    if not isinstance(request, dict):
        return _error(None, INVALID_REQUEST, "a request is an object")
    called, identity = "id" in request, request.get("id")
    if isinstance(identity, bool) or not isinstance(identity, str | int | float | None):
        return _error(None, INVALID_REQUEST, "an id is a string, a number or null")
    method, params = request.get("method"), request.get("params", {})
    if request.get("jsonrpc") != "2.0":
        return _error(identity, INVALID_REQUEST, 'a request says "jsonrpc": "2.0"')
    if not isinstance(method, str):
        return _error(identity, INVALID_REQUEST, "a request names its method, a string")
    if not isinstance(params, dict | list):
        return _error(identity, INVALID_REQUEST, "parameters are an object")
    outcome = await _carry_out(method, params, identity, methods)
    return outcome if called else None


async def _carry_out(method: str, params: object, identity: Any, methods: Mapping[str, Method]) -> Pieces:
    try:
        if method not in methods:
            raise MethodNotFound(method)
        if not isinstance(params, dict):
            raise BadRequest("parameters are given by name, in an object")
        result = await methods[method](params)
    except Refusal as refusal:
        return _refused(identity, refusal)
    except Exception:  # one request must not end the connection that others share
        log.exception("method %s failed", method)
        return _error(identity, INTERNAL_ERROR, "something went wrong in the gateway; its log says what")
    head = b'{"jsonrpc":"2.0","id":%b,"result":' % compact_json.encode(identity)
    return (head + result + b"}",) if isinstance(result, bytes) else (head, *result, b"}")


def _refused(identity: Any, refusal: Refusal) -> Pieces:
    return _error(identity, refusal.code, refusal.message, refusal.document())


def _error(identity: Any, code: int, message: str, data: object = None) -> Pieces:
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return (compact_json.encode({"jsonrpc": "2.0", "id": identity, "error": error}),)
