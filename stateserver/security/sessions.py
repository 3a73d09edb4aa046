"""Sessions of people in a browser: what a log-in's cookie holds, signed (JWT, HS256).

The algorithm is pinned, and a token says which key signed it, so keys can be replaced while sessions last. A session
also carries what let its bearer in, an API key or a signed token: once that is withdrawn, the session is over.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import jwt

from stateserver.errors import StateServerError
from stateserver.security.secret_document import SecretTrouble
from stateserver.security.signed_tokens import Proof
from stateserver.security.tokens import Principal, Role

SECRET_BYTES_MIN: Final = 32
_ALGORITHM: Final = "HS256"
_LEEWAY_S: Final = 10  # between the clocks of two gateways
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "sub"]


class SessionRefused(StateServerError):
    """A session that is over, or was never given out here."""


class Session(NamedTuple):
    """Whose it is, and by which signed token they came; `proof` is None where it was an API key."""

    principal: Principal
    proof: Proof | None


class Sessions:
    """Gives sessions out, and knows them again. The first secret signs; the others are still believed."""

    def __init__(self, secrets: Sequence[bytes], *, issuer: str, audience: str, lifetime_s: int) -> None:
        if not secrets:
            raise SecretTrouble("there is no secret to sign sessions with", "Give one: base64 of 32 random bytes.")
        if any(len(secret) < SECRET_BYTES_MIN for secret in secrets):
            raise SecretTrouble(f"a session secret is shorter than {SECRET_BYTES_MIN} bytes", "Take 32 random bytes.")
        if lifetime_s <= 0:
            raise SecretTrouble("a session must last longer than no time", "Give its lifetime in seconds.")
        self._secrets = {_key_id(secret): secret for secret in secrets}
        self._signing = _key_id(secrets[0])
        self._issuer = issuer
        self._audience = audience
        self.lifetime_s = lifetime_s

    def issue(self, principal: Principal, now_s: int, ends_s: int | None = None, proof: Proof | None = None) -> str:
        """A session for a principal, from now on for a lifetime, but not beyond `ends_s`. Seconds since 1970."""
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": principal.id,
            "role": str(principal.role),
            "systems": None if principal.systems is None else sorted(principal.systems),
            "iat": now_s,
            "proof": proof,
            "exp": min(now_s + self.lifetime_s, ends_s if ends_s is not None else now_s + self.lifetime_s),
        }
        return jwt.encode(claims, self._secrets[self._signing], _ALGORITHM, headers={"kid": self._signing})

    def read(self, session: str) -> Session:
        """Whose session it is. Raises SessionRefused.

        Whether its token still holds is for those to say who know it: ask them too, so that a withdrawn token
        ends its sessions.
        """
        try:
            secret = self._secrets[jwt.get_unverified_header(session)["kid"]]
            claims = jwt.decode(
                session,
                secret,
                algorithms=[_ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_S,
                options={"require": _REQUIRED},
            )
            systems = claims["systems"]
            bound_to = None if systems is None else frozenset(str(system) for system in systems)
            proof = claims.get("proof")
            principal = Principal(claims["sub"], Role(claims["role"]), bound_to)
            return Session(principal, None if proof is None else Proof(*proof))
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, RecursionError):
            raise SessionRefused("the session is over or unknown", "Log in again.") from None

    def __repr__(self) -> str:
        return f"Sessions(issuer={self._issuer!r}, audience={self._audience!r}, lifetime_s={self.lifetime_s})"


def read_session_secret(encoded: str) -> bytes:
    """A secret from its base64 (either alphabet), at least 32 bytes. Raises SecretTrouble."""
    try:
        secret = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < SECRET_BYTES_MIN:
        raise SecretTrouble(
            f"a session secret is not base64 of at least {SECRET_BYTES_MIN} bytes", "Make one: openssl rand -base64 32"
        )
    return secret


def _key_id(secret: bytes) -> str:
    """A name for a secret that tells nothing of it."""
    return hmac.new(secret, b"stateserver session key id", hashlib.sha256).hexdigest()[:16]
