"""JSON as it leaves the gateway: no spaces, UTF-8."""

import json
from collections.abc import Iterable


def encode(value: object) -> bytes:
    """`value` as JSON in UTF-8, without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def join(items: Iterable[bytes]) -> bytes:
    """A JSON array of items that are encoded already."""
    return b"[" + b",".join(items) + b"]"
