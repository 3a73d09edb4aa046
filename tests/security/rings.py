"""Key rings for tests. Their keys are as public as this file."""

import base64
from typing import Any

from stateserver.security.keyring import KeyRing


def key_document(
    key_id: str, uses: list[str], systems: list[str] | None = None, secret: bytes = bytes(range(32))
) -> dict[str, Any]:
    encoded = base64.b64encode(secret).decode()
    return {"id": key_id, "key": encoded, "uses": uses, "systems": systems or ["*"]}


def ring_document() -> dict[str, Any]:
    return {
        "keys": [
            key_document("ps-1", ["FRAME"]),
            key_document("ps-north", ["FRAME"], ["north-1", "north-2"], bytes(range(1, 33))),
            key_document("worker-1", ["TICK"], None, bytes(range(2, 34))),
            key_document("gateway-1", ["COMMAND"], None, bytes(range(3, 35))),
        ],
        "current": {"FRAME": "ps-1", "TICK": "worker-1", "COMMAND": "gateway-1"},
    }


def ring() -> KeyRing:
    return KeyRing.from_document(ring_document())
