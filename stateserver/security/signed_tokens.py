"""Signed tokens of people (JWT, RFC 7519): who signs them need not tell us of each.

    {"keys": [{"id": "2026-1", "algorithm": "EdDSA", "public": "<base64, 32 bytes>"},
              {"id": "2026-2", "algorithm": "HS256", "secret": "<base64, 32 bytes>"}],
     "revoked": ["<a token's jti>"]}

A token names its key by `kid`, and each key has the one algorithm that its entry says: a token has no say in it.
Keys are rotated by adding the new one, and taking the old one away once all that it signed has ended. What signs
by EdDSA lies elsewhere: a gateway can only check.
"""

import time
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from stateserver.codec.topics import name_trouble
from stateserver.security.keyring import EVERY_SYSTEM, read_systems
from stateserver.security.secret_document import SecretTrouble, load_secret_document, refuse_unknown_members
from stateserver.security.signing_keys import Algorithm, read_key_bytes
from stateserver.security.tokens import Principal, Role, TokenRefused

CHARACTERS_MAX: Final = 8_192
LEEWAY_S: Final = 30
"""How far the clocks of who signs and who checks may be apart."""
LIFETIME_S_MAX: Final = 31 * 86_400
"""Nobody asks the signer whether a token still holds, so none may hold for long."""
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "sub", "role", "systems"]


class SignedTokenTrouble(SecretTrouble):
    """A document of keys that cannot be used."""


class Proof(NamedTuple):
    """By which key a token is good, and its own id if it has one. `ends_s` since 1970."""

    key_id: str
    token_id: str | None
    ends_s: int


class VerifyingKey(NamedTuple):
    """What tokens of one `kid` are checked with, and by which algorithm alone."""

    id: str
    algorithm: Algorithm
    material: Ed25519PublicKey | bytes


class SignedTokens:
    """The keys whose tokens are good here."""

    def __init__(
        self, keys: Iterable[VerifyingKey], *, issuer: str, audience: str, revoked: Iterable[str] = ()
    ) -> None:
        self._keys: dict[str, VerifyingKey] = {}
        for key in keys:
            if key.id in self._keys:
                raise SignedTokenTrouble(f"token key {key.id!r} is there twice", "Give each its own id.")
            self._keys[key.id] = key
        self._issuer = issuer
        self._audience = audience
        self._revoked = frozenset(revoked)

    @classmethod
    def load(cls, text_or_path: str, *, issuer: str, audience: str) -> "SignedTokens":
        """The keys of a JSON document, or of a file of mode 0600. Raises SecretTrouble."""
        document = load_secret_document(text_or_path, "file of token keys")
        refuse_unknown_members(document, frozenset({"keys", "revoked"}), "the file of token keys")
        entries, revoked = document.get("keys"), document.get("revoked", [])
        if not isinstance(entries, list) or not entries:
            raise SignedTokenTrouble("the file of token keys has none", "Make one: stateserver keys jwt new")
        if not isinstance(revoked, list) or not all(isinstance(one, str) for one in revoked):
            raise SignedTokenTrouble("what is revoked is no list of texts", "They are tokens' ids, their jti.")
        keys = [_read_key(entry, number) for number, entry in enumerate(entries, start=1)]
        return cls(keys, issuer=issuer, audience=audience, revoked=revoked)

    def read(self, token: str) -> tuple[Principal, Proof]:
        """Who bears a token, and by what. Raises TokenRefused, which says nothing of why."""
        try:
            return self._read(token)
        except (jwt.InvalidTokenError, SecretTrouble, KeyError, TypeError, ValueError, RecursionError):
            raise TokenRefused("the token is unknown or has expired", "Get a new one from who signs them.") from None

    def still_holds(self, proof: Proof) -> bool:
        """Whether what a token proved would be proved by it today. It was checked when it was read."""
        return proof.key_id in self._keys and proof.token_id not in self._revoked and time.time() < proof.ends_s

    def _read(self, token: str) -> tuple[Principal, Proof]:
        if len(token) > CHARACTERS_MAX:
            raise ValueError("no token of ours is that long")
        key = self._keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(
            token,
            key.material,
            algorithms=[key.algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_S,
            options={"require": _REQUIRED, "strict_aud": True},
        )
        proof = Proof(key.id, claims.get("jti"), int(claims["exp"]))
        if claims["exp"] - claims["iat"] > LIFETIME_S_MAX or proof.token_id in self._revoked:
            raise ValueError("it lasts too long, or was revoked")
        return _read_principal(claims), proof

    def __repr__(self) -> str:
        return f"SignedTokens(keys={list(self._keys)}, issuer={self._issuer!r}, audience={self._audience!r})"


def looks_signed(token: str) -> bool:
    """Has a token the three parts of a JWT?"""
    return token.count(".") == 2


def _read_principal(claims: dict[str, Any]) -> Principal:
    subject, systems = claims["sub"], claims["systems"]
    if not subject or name_trouble(subject):
        raise ValueError("nobody can be called that")
    if not isinstance(systems, list) or not systems or not all(isinstance(name, str) for name in systems):
        raise ValueError("its systems are no list of names")
    return Principal(subject, Role(claims["role"]), read_systems(systems, "the token"))


def _read_key(entry: object, number: int) -> VerifyingKey:
    where = f"entry {number} of the file of token keys"
    if not isinstance(entry, dict):
        raise SignedTokenTrouble(f"{where} is no JSON object", "See: stateserver keys jwt --help")
    key_id = entry.get("id")
    if not isinstance(key_id, str) or not key_id or name_trouble(key_id):
        raise SignedTokenTrouble(f"{where} has no usable id", "An id is a text of up to 1024 bytes.")
    where = f"token key {key_id!r}"
    try:
        algorithm = Algorithm(str(entry.get("algorithm")))
    except ValueError:
        raise SignedTokenTrouble(f"{where} has an algorithm that is none", f"One of {', '.join(Algorithm)}.") from None
    member = "public" if algorithm is Algorithm.EDDSA else "secret"
    refuse_unknown_members(entry, frozenset({"id", "algorithm", member}), where)
    material = read_key_bytes(entry.get(member), f"{where}: its {member}")
    if algorithm is Algorithm.EDDSA:
        return VerifyingKey(key_id, algorithm, Ed25519PublicKey.from_public_bytes(material))
    return VerifyingKey(key_id, algorithm, material)


def everywhere(systems: frozenset[str] | None) -> list[str]:
    """The claim that names these systems."""
    return [EVERY_SYSTEM] if systems is None else sorted(systems)
