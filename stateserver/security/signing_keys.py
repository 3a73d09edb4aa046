"""Keys that sign tokens of people, and the tokens made with them. None of these lies on a gateway but by HS256.

{"id": "2026-1", "algorithm": "EdDSA", "private": "<base64, 32 bytes>"}
"""

import base64
import binascii
import os
import secrets
from enum import StrEnum
from typing import Any, Final, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stateserver.security.secret_document import SecretTrouble, load_secret_document, refuse_unknown_members

KEY_BYTES: Final = 32
TOKEN_ID_BYTES: Final = 12


class Algorithm(StrEnum):
    """How tokens are signed: Ed25519's pair of keys, or one secret of 256 bits on both sides."""

    EDDSA = "EdDSA"
    HS256 = "HS256"


class KeyDocuments(NamedTuple):
    """A fresh key: `signing` for who gives tokens out, `verifying` for the gateways."""

    signing: dict[str, Any]
    verifying: dict[str, Any]


def new_signing_key(key_id: str, algorithm: Algorithm) -> KeyDocuments:
    """A key nobody has seen yet."""
    head, fresh = {"id": key_id, "algorithm": str(algorithm)}, os.urandom(KEY_BYTES)
    if algorithm is Algorithm.HS256:
        return KeyDocuments(head | {"secret": _encoded(fresh)}, head | {"secret": _encoded(fresh)})
    public = Ed25519PrivateKey.from_private_bytes(fresh).public_key().public_bytes_raw()
    return KeyDocuments(head | {"private": _encoded(fresh)}, head | {"public": _encoded(public)})


def sign_token(signing_key: str, claims: dict[str, Any]) -> str:
    """A token with these claims and an id of its own, by a key's document or its path. Raises SecretTrouble."""
    key = load_secret_document(signing_key, "signing key")
    try:
        algorithm, key_id = Algorithm(str(key.get("algorithm"))), str(key["id"])
    except (KeyError, ValueError):
        raise SecretTrouble("that is no signing key", "Make one: stateserver keys jwt new") from None
    member = "private" if algorithm is Algorithm.EDDSA else "secret"
    refuse_unknown_members(key, frozenset({"id", "algorithm", member}), "the signing key")
    material = read_key_bytes(key.get(member), f"the signing key's {member}")
    with_id = {"jti": secrets.token_urlsafe(TOKEN_ID_BYTES)} | claims
    secret = Ed25519PrivateKey.from_private_bytes(material) if algorithm is Algorithm.EDDSA else material
    return jwt.encode(with_id, secret, algorithm, headers={"kid": key_id})


def read_key_bytes(encoded: object, what: str) -> bytes:
    """The 32 bytes that a text of base64 holds. Raises SecretTrouble."""
    try:
        key = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SecretTrouble(f"{what} is not base64 of {KEY_BYTES} bytes", "Make one: stateserver keys jwt new")
    return key


def _encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()
