"""Answers on their way out: with a tag that says whether the client has it already, compressed where that pays."""

import asyncio
import gzip
import secrets
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.system_model import SystemModel

JSON: Final = "application/json"
COMPRESSED_FROM: Final = 1_000
THREAD_FROM: Final = 256 << 10
"""What is larger is compressed in a thread, bytes: others have their turn meanwhile."""
LEVEL: Final = 1

# Revisions count from this process's start: without it, two gateways could give different answers one tag.
_INSTANCE: Final = secrets.token_hex(8)

Make = Callable[[], bytes | Awaitable[bytes]]


async def answer(request: Request, tag: str | None, make: Make, media_type: str = JSON) -> Response:
    """What `make` gives; 304 without asking for it where the client has what bears that tag."""
    headers = {"vary": "accept-encoding"}
    if tag is not None:
        headers["etag"] = f'W/"{tag}"'
        if _has(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
    made = make()
    content = made if isinstance(made, bytes) else await made
    if len(content) >= COMPRESSED_FROM and _takes_gzip(request.headers.get("accept-encoding", "")):
        headers["content-encoding"] = "gzip"
        content = await _compressed(content)
    return Response(content, headers=headers, media_type=media_type)


def stamp_of(content: bytes) -> str:
    """A tag of an answer that has to be made before it is known whether it has changed."""
    return blake2b(content, digest_size=16).hexdigest()


def stamp(reading: ReadModel, *models: SystemModel) -> str:
    """A tag of whatever these models, and the blasts, say now."""
    digest = blake2b(f"{_INSTANCE} {reading.generation} {reading.blasts.revision}".encode(), digest_size=16)
    for model in models:
        row = None if model.row is None else (model.row.version, model.row.offset)
        digest.update(repr((model.name, model.revision, model.version, model.whole, model.trouble, row)).encode())
    return digest.hexdigest()


def _has(told: str, tag: str) -> bool:
    if told.strip() == "*":
        return True
    return any(one.strip().removeprefix("W/") == f'"{tag}"' for one in told.split(","))


def _takes_gzip(told: str) -> bool:
    for one in told.lower().split(","):
        name, _, quality = one.partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


async def _compressed(content: bytes) -> bytes:
    if len(content) < THREAD_FROM:
        return gzip.compress(content, LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, content, LEVEL, mtime=0)


def as_file(name: str) -> str:
    """The header that has a browser keep an answer as a file of this name, of any script (RFC 6266)."""
    plain = "".join(character if character.isascii() else "_" for character in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
