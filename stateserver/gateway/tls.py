"""TLS of the gateway, with certificates that can be replaced while it runs.

uvicorn holds one context for as long as it listens. Each handshake is moved to the newest one from there: who is
connected already stays as they are, who comes next sees the new certificate and is judged by the new authority.
"""

import hashlib
import logging
import ssl
from collections.abc import Iterator
from typing import Final

from stateserver.security.secret_document import sign_of
from stateserver.settings import SettingError, Settings, variable

log = logging.getLogger(__name__)

# Forward secret and authenticated, nothing else; TLS 1.3 has no others.
CIPHERS_OF_TLS_1_2: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


class Certificates:
    """The gateway's own, and by what those of its clients are known. Raises SettingError where they can't be used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._newest = self.context = _load(settings)
        self.context.sni_callback = self._move
        self._read_as = self._signs()

    def reload(self) -> None:
        """Take what lies in the files now. Raises SettingError, and goes on with what was there before."""
        signs = self._signs()
        self._newest, self._read_as = _load(self._settings), signs
        log.info("the gateway's certificate was read anew")

    def have_changed(self) -> bool:
        """Are the files other than those that were read?"""
        return self._signs() != self._read_as

    def _move(self, handshake: ssl.SSLObject | ssl.SSLSocket, _: str | None, __: ssl.SSLContext) -> None:
        """Called for every handshake, whether the client names a server or not."""
        if self._newest is not self.context:
            handshake.context = self._newest

    def _signs(self) -> list[tuple[int, int, int] | None]:
        files = (self._settings.tls_cert, self._settings.tls_key, self._settings.tls_client_ca)
        return [sign_of(file) for file in files if file is not None]


def names_of_client(handshake: ssl.SSLObject | ssl.SSLSocket | None) -> tuple[str, ...]:
    """What the client's certificate goes by in a token file, where our authority has signed one; else nothing."""
    certificate = None if handshake is None else handshake.getpeercert(binary_form=True)
    if handshake is None or certificate is None:
        return ()
    return (f"sha256:{hashlib.sha256(certificate).hexdigest()}", *_alternative_names(handshake))


def _alternative_names(handshake: ssl.SSLObject | ssl.SSLSocket) -> Iterator[str]:
    for name in (handshake.getpeercert() or {}).get("subjectAltName", ()):
        if name[0] == "DNS":
            yield f"dns:{str(name[1]).lower()}"
        if name[0] == "URI":
            yield f"uri:{name[1]}"


def _load(settings: Settings) -> ssl.SSLContext:
    assert settings.tls_cert is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS_OF_TLS_1_2)
    context.set_alpn_protocols(["http/1.1"])
    # A ticket would carry on what an earlier certificate has proved.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_password)
    except (OSError, ValueError) as error:
        trouble = f"can't be used with its key: {_reason(error)}"
        hint = "both must be PEM files that this process may read, the key without a password"
        raise SettingError(variable("tls_cert"), trouble, hint) from error
    if settings.tls_client_ca is not None:
        try:
            context.load_verify_locations(settings.tls_client_ca)
        except (OSError, ValueError) as error:
            hint = "it must be a PEM file that this process may read"
            raise SettingError(variable("tls_client_ca"), f"can't be used: {_reason(error)}", hint) from error
        context.verify_mode = ssl.CERT_REQUIRED if settings.tls_client == "required" else ssl.CERT_OPTIONAL
    return context


def _no_password() -> str:
    return ""  # without this, OpenSSL would ask for one at the terminal


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
