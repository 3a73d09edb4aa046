"""API tokens of machines and people, by their hashes, and what each role may do.

    {"keys": [{"id": "page-1", "sha256": "<hex of the token's SHA-256>", "role": "viewer",
               "systems": ["*"], "expires": null}]}

`expires` in ms since 1970, or null. A token is 256 random bits behind a prefix by which scanners know it; only its
hash is kept, and a plain one is enough, as there is nothing to guess.

A machine may have a client certificate in a token's place: then there is no `sha256`, but a `certificate`, which is
`sha256:` and the hash of the certificate (DER) in hex, or `dns:` or `uri:` and a name that it was given by its
authority (subjectAltName), which outlives a renewal.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, NamedTuple

from stateserver.codec.topics import name_trouble
from stateserver.errors import StateServerError
from stateserver.security.keyring import EVERY_SYSTEM, read_systems
from stateserver.security.secret_document import SecretTrouble, load_secret_document, refuse_unknown_members

TOKEN_PREFIX: Final = "stsv_"  # noqa: S105 - it is what shows that the rest is a secret
TOKEN_BYTES: Final = 32
# No token of ours is longer: what is, need not be hashed.
_TOKEN_CHARACTERS_MAX: Final = 256
_SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}")


class Role(StrEnum):
    """What its bearer is here for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    PACKET_SERVER = "packet-server"
    PEER = "peer"
    ADMIN = "admin"


class Permission(StrEnum):
    """What can be allowed, or not."""

    READ = "read"  # states, changes, blasts, reports
    COMMAND = "command"  # acknowledge and label; nothing here commands equipment
    APPEND = "append"  # sealed records into the journal
    LINK = "link"  # join another State Server to this one
    ADMINISTER = "administer"  # what concerns the server, not a system


_PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.OPERATOR: frozenset({Permission.READ, Permission.COMMAND}),
    Role.PACKET_SERVER: frozenset({Permission.APPEND}),
    Role.PEER: frozenset({Permission.APPEND, Permission.LINK}),
    Role.ADMIN: frozenset(Permission),
}


class Principal(NamedTuple):
    """Who is asking. `id` is the token's; `systems` are those it is bound to, None for every one."""

    id: str
    role: Role
    systems: frozenset[str] | None

    def sees(self, system: str) -> bool:
        """Whether the system is among those it is bound to."""
        return self.systems is None or system in self.systems


def may(principal: Principal, permission: Permission, system: str | None) -> bool:
    """Whether it is allowed. `system` is None for what concerns no single one; lists are then filtered by sees."""
    return permission in _PERMISSIONS[principal.role] and (system is None or principal.sees(system))


class TokenTrouble(SecretTrouble):
    """A document of token hashes that cannot be used."""


class TokenRefused(StateServerError):
    """A token that is unknown or has expired. Says no more to whoever tried it."""


class TokenEntry(NamedTuple):
    """A token as it is kept: by its hash. Or a certificate. `expires_ms` since 1970, None for never."""

    principal: Principal
    sha256: str | None
    expires_ms: int | None
    certificate: str | None = None


class TokenBook:
    """The tokens that are good here."""

    def __init__(self, entries: Iterable[TokenEntry]) -> None:
        self._by_hash: dict[str, TokenEntry] = {}
        self._by_certificate: dict[str, TokenEntry] = {}
        self._by_id: dict[str, TokenEntry] = {}
        for entry in entries:
            places = ((self._by_id, entry.principal.id), (self._by_hash, entry.sha256))
            for place, name in (*places, (self._by_certificate, entry.certificate)):
                if name is not None and place.setdefault(name, entry) is not entry:
                    trouble = f"token {entry.principal.id!r} is there twice"
                    raise TokenTrouble(trouble, "Give each its own id and token, or certificate.")

    @classmethod
    def load(cls, text_or_path: str) -> "TokenBook":
        """The tokens of a JSON document, or of a file of mode 0600. Raises SecretTrouble."""
        document = load_secret_document(text_or_path, "token file")
        refuse_unknown_members(document, frozenset({"keys"}), "the token file")
        entries = document.get("keys")
        if not isinstance(entries, list) or not entries:
            raise TokenTrouble("the token file has no keys", "Make one: stateserver keys token")
        return cls(_read_entry(entry, number) for number, entry in enumerate(entries, start=1))

    def authenticate(self, token: str, now_ms: int) -> Principal:
        """Who bears a token. Raises TokenRefused where nobody does, or not any longer."""
        if len(token) <= _TOKEN_CHARACTERS_MAX:
            digest = hash_token(token)
            entry = self._by_hash.get(digest)
            # Found by its hash already: compared in constant time all the same, so that no later change of the
            # look-up can let time tell.
            same = entry is not None and hmac.compare_digest(str(entry.sha256), digest)
            if entry is not None and same and not _expired(entry, now_ms):
                return entry.principal
        raise TokenRefused("the token is unknown or has expired", "Get one: stateserver keys token")

    def of_certificate(self, names: Iterable[str], now_ms: int) -> Principal:
        """Whose certificate it is that goes by these names. Raises TokenRefused where nobody's, or by two."""
        entries = [entry for name in names if (entry := self._by_certificate.get(name)) is not None]
        if len({entry.principal for entry in entries}) == 1 and not _expired(entries[0], now_ms):
            return entries[0].principal
        raise TokenRefused("the certificate is nobody's here", "Add an entry for it to the token file.")

    def knows(self, token_id: str) -> bool:
        """Is there an entry of this id?"""
        return token_id in self._by_id

    def expires_ms(self, principal: Principal) -> int | None:
        """When the principal's token ends, in ms since 1970; None for never, or where it is not known here."""
        entry = self._by_id.get(principal.id)
        return None if entry is None else entry.expires_ms

    def still_holds(self, principal: Principal, now_ms: int) -> bool:
        """Whether someone let in by a token earlier would be let in as the same today."""
        entry = self._by_id.get(principal.id)
        return entry is not None and entry.principal == principal and not _expired(entry, now_ms)

    def __repr__(self) -> str:
        return f"TokenBook(ids={list(self._by_id)})"


def new_token() -> str:
    """A token nobody has seen yet. It can be shown once; only its hash is to be kept."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> str:
    """A token's SHA-256 in hex, as the document holds it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def entry_document(token: str, token_id: str, role: Role, systems: list[str], expires_ms: int | None) -> dict[str, Any]:
    """The entry of the document that makes a token good."""
    return {
        "id": token_id,
        "sha256": hash_token(token),
        "role": str(role),
        "systems": systems or [EVERY_SYSTEM],
        "expires": expires_ms,
    }


def _expired(entry: TokenEntry, now_ms: int) -> bool:
    return entry.expires_ms is not None and now_ms >= entry.expires_ms


def _read_entry(entry: object, number: int) -> TokenEntry:
    where = f"entry {number} of the token file"
    if not isinstance(entry, dict):
        raise TokenTrouble(f"{where} is no JSON object", "See: stateserver keys token --help")
    refuse_unknown_members(entry, frozenset({"id", "sha256", "certificate", "role", "systems", "expires"}), where)
    token_id = entry.get("id")
    if not isinstance(token_id, str) or not token_id or name_trouble(token_id):
        raise TokenTrouble(f"{where} has no usable id", "An id is a text of up to 1024 bytes.")
    where = f"token {token_id!r} of the token file"
    if ("sha256" in entry) == ("certificate" in entry):
        raise TokenTrouble(f"{where} has not one of sha256 and certificate", "Give it one of them.")
    digest = None if "certificate" in entry else _read_digest(entry["sha256"], where)
    certificate = _read_certificate(entry["certificate"], where) if "certificate" in entry else None
    expires = entry.get("expires")
    if expires is not None and (not isinstance(expires, int) or isinstance(expires, bool) or expires < 0):
        raise TokenTrouble(f"{where}: expires is neither null nor ms since 1970", "Such as 1767225600000.")
    principal = Principal(token_id, _read_role(entry, where), _read_bounds(entry, where))
    return TokenEntry(principal, digest, expires, certificate)


def _read_digest(digest: object, where: str) -> str:
    if not isinstance(digest, str) or not _SHA256_HEX.fullmatch(digest.lower()):
        raise TokenTrouble(f"{where}: its sha256 is not 64 hex digits", "Keep the token's hash, never the token.")
    return digest.lower()


def _read_certificate(name: object, where: str) -> str:
    kind, _, value = name.partition(":") if isinstance(name, str) else ("", "", "")
    if kind == "sha256":
        return f"sha256:{_read_digest(value.replace(':', ''), where)}"
    if kind not in {"dns", "uri"} or not value or name_trouble(value):
        hint = "Such as sha256:<hex of its SHA-256>, or dns:ps-7.mine.example."
        raise TokenTrouble(f"{where}: its certificate is no name of one", hint)
    return f"dns:{value.lower()}" if kind == "dns" else f"uri:{value}"


def _read_role(entry: dict[str, Any], where: str) -> Role:
    try:
        return Role(str(entry.get("role")))
    except ValueError:
        raise TokenTrouble(f"{where} has a role that is none", f"Roles are {', '.join(Role)}.") from None


def _read_bounds(entry: dict[str, Any], where: str) -> frozenset[str] | None:
    systems = entry.get("systems")
    if not isinstance(systems, list) or not systems or not all(isinstance(name, str) for name in systems):
        raise TokenTrouble(f"{where}: its systems are not a list of one text or more", 'Such as ["*"].')
    return read_systems(systems, where)
