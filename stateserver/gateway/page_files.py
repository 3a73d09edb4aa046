"""The page's files, read once, served with what browsers need to hear of them. They hold no data."""

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from stateserver.errors import StateServerError

DIRECTORY: Final = Path(__file__).parent / "page"
START: Final = "index.html"
DOCS: Final = "docs/index.html"
CONTENT_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class PageFile(NamedTuple):
    """One file as it is served."""

    content: bytes
    content_type: str
    etag: str


class PageMissing(StateServerError):
    """The installation lacks the page."""


def read_page(directory: Path = DIRECTORY) -> dict[str, PageFile]:
    """The page's files by their path in URLs. Raises PageMissing."""
    files = {
        path.relative_to(directory).as_posix(): _read(path)
        for path in sorted(directory.rglob("*"))
        if path.suffix in CONTENT_TYPES
    }
    if not {START, DOCS} <= files.keys():
        raise PageMissing(f"the page is not in {directory}", "install State Server again")
    return files


def respond(file: PageFile, request: Request) -> Response:
    """The file, or 304 where the browser has it. Asked for each time: an update must not meet old files."""
    headers = {"etag": file.etag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.content_type, headers=headers)


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    return PageFile(content, CONTENT_TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')
