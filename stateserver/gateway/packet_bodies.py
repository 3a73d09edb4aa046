"""Sealed records as they come in: an Avro array of bytes, or JSON with base64. Bounded before anything is held."""

import base64
import binascii
from typing import Any, Final

import orjson
from starlette.requests import Request

from stateserver.codec.binary import read_bytes, read_long
from stateserver.gateway.parameters import RECORDS_A_CALL_MAX, PacketsCall, check
from stateserver.gateway.refusals import BadRequest, TooLarge, UnknownMediaType

BODY_BYTES_MAX: Final = 1 << 20
AVRO: Final = ("avro/binary", "application/avro")
JSON: Final = "application/json"
AVRO_SCHEMA: Final = '{"type": "array", "items": "bytes"}'


async def records_of(request: Request) -> list[bytes]:
    """The records of a request's body. Raises UnknownMediaType, TooLarge, BadRequest."""
    kind = require_media_type(request, JSON, *AVRO)
    body = await _read(request)
    return records_of_json(_parse(body)) if kind == JSON else records_of_avro(body)


def require_media_type(request: Request, *known: str) -> str:
    """The media type of a request's body. Raises UnknownMediaType."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in known:
        raise UnknownMediaType(f"{kind or 'no media type'} is not understood", f"send {' or '.join(known[:2])}")
    return kind


async def _read(request: Request) -> bytes:
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > BODY_BYTES_MAX:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
    return bytes(body)


def _too_large() -> TooLarge:
    return TooLarge(f"a body has {BODY_BYTES_MAX} bytes at most", "send fewer records at a time")


def _parse(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as trouble:
        raise BadRequest(f"the body is no JSON: {trouble}") from None
    if not isinstance(document, dict):
        raise BadRequest("the body is no JSON object", 'such as {"records": ["<base64>"]}')
    return document


def records_of_json(params: dict[str, Any]) -> list[bytes]:
    """The records of `{"records": ["<base64>", …]}`. Raises BadRequest."""
    records = []
    for number, text in enumerate(check(PacketsCall, params).records):
        try:
            records.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            raise BadRequest(f"record {number} is no base64", "as RFC 4648 has it, with its padding") from None
    return records


def records_of_avro(body: bytes) -> list[bytes]:
    """The records of an array of bytes in Avro's binary encoding. Raises BadRequest."""
    records: list[bytes] = []
    try:
        count, at = read_long(body, 0)
        while count:
            if count < 0:  # a block that tells its size, too
                count, (_, at) = -count, read_long(body, at)
            for _ in range(min(count, RECORDS_A_CALL_MAX + 1 - len(records))):
                record, at = read_bytes(body, at)
                records.append(record)
            if len(records) > RECORDS_A_CALL_MAX:
                raise BadRequest(f"more than {RECORDS_A_CALL_MAX} records", "send fewer at a time")
            count, at = read_long(body, at)
    except (IndexError, ValueError) as trouble:
        raise BadRequest(f"the body is no Avro array of bytes: {trouble}", f"its schema is {AVRO_SCHEMA}") from None
    if at != len(body):
        raise BadRequest(f"{len(body) - at} bytes follow the array")
    if not records:
        raise BadRequest("there is no record in it")
    return records
