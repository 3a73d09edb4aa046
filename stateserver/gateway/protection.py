"""What stands between a gateway and everybody else, made from its settings, and made anew while it runs."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from stateserver.errors import StateServerError
from stateserver.gateway.addresses import Addresses
from stateserver.gateway.audit import Audit, AuditFile, What
from stateserver.gateway.auth import Doorkeeper
from stateserver.gateway.bounded_http import Bounds, Numbers
from stateserver.gateway.guard import Guard
from stateserver.gateway.limits import Limits, Rates
from stateserver.gateway.refusals import Refusal
from stateserver.gateway.tls import Certificates
from stateserver.security.sessions import Sessions, read_session_secret
from stateserver.security.signed_tokens import SignedTokens
from stateserver.security.tokens import TokenBook
from stateserver.settings import SettingError, Settings, variable

log = logging.getLogger(__name__)

ISSUER: Final = "stateserver"
AUDIENCE: Final = "stateserver-page"
SESSION_LIFETIME_S: Final = 12 * 3600
"""A shift: nobody is logged out while they watch a blast."""
LOOK_EVERY_S: Final = 5.0
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Protection(NamedTuple):
    """Who is let in, how much they may, and by what TLS; `renew` reads anew what can be."""

    guard: Guard
    bounds: Bounds
    certificates: Certificates | None
    renew: Callable[[], None]

    async def keep_new(self) -> None:
        """Take a certificate as soon as it lies there. Runs as long as the gateway does."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.guard.audit.tick()
            if self.certificates is not None and self.certificates.have_changed():
                _try(self.certificates.reload)


def protect(settings: Settings) -> Protection:
    """All of it. Raises SettingError, SecretTrouble or AuditTrouble: nothing is open by default."""
    refuse_plain_http_for_others(settings)
    certificates = None if settings.tls_cert is None else Certificates(settings)
    book, signed = load_tokens(settings)
    doorkeeper = Doorkeeper(book, _sessions(settings), settings.http_public_origin, signed)
    handler = AuditFile(settings.audit_log)
    audit, addresses = Audit(handler), Addresses(settings.http_proxies)
    guard = Guard(doorkeeper, Limits(_rates(settings)), audit, addresses)

    def renew() -> None:
        _try(handler.reopen)
        _try(lambda: doorkeeper.replace(*load_tokens(settings)))
        if certificates is not None:
            _try(certificates.reload)

    return Protection(guard, _bounds(settings, audit, addresses), certificates, renew)


def refuse_plain_http_for_others(settings: Settings) -> None:
    """Tokens must not cross a network in the clear. Raises SettingError."""
    encrypted = settings.tls_cert is not None or settings.http_public_origin is not None
    if settings.http_host not in LOOPBACK and not encrypted:
        raise SettingError(
            variable("http_host"),
            f"{settings.http_host} may be reached by others, and without TLS they could read the tokens",
            f"set {variable('tls_cert')} and {variable('tls_key')}; or {variable('http_public_origin')}, "
            "if a proxy in front ends TLS; or listen on 127.0.0.1",
        )


def load_tokens(settings: Settings) -> tuple[TokenBook, SignedTokens | None]:
    """Whom the settings' files let in. Raises SettingError where that is nobody, or SecretTrouble."""
    if settings.tokens_file is None and settings.tokens_jwt_keys is None:
        raise SettingError(variable("tokens_file"), "is needed", "make one: stateserver keys token")
    file = settings.tokens_file
    book = TokenBook(()) if file is None else TokenBook.load(file.get_secret_value())
    if settings.tokens_jwt_keys is None:
        return book, None
    assert settings.tokens_issuer is not None
    keys = settings.tokens_jwt_keys.get_secret_value()
    return book, SignedTokens.load(keys, issuer=settings.tokens_issuer, audience=settings.tokens_audience)


def _sessions(settings: Settings) -> Sessions:
    if settings.tokens_session_secret is None:
        raise SettingError(variable("tokens_session_secret"), "is needed", "make one: openssl rand -base64 32")
    secret = read_session_secret(settings.tokens_session_secret.get_secret_value())
    return Sessions([secret], issuer=ISSUER, audience=AUDIENCE, lifetime_s=SESSION_LIFETIME_S)


def _rates(settings: Settings) -> Rates:
    return Rates(
        requests_per_second=settings.limit_requests_per_second,
        failed_logins_per_minute=settings.limit_failed_logins_per_minute,
        websockets_per_principal=settings.limit_websockets_per_principal,
    )


def _bounds(settings: Settings, audit: Audit, addresses: Addresses) -> Bounds:
    def refused(address: str, refusal: Refusal) -> None:
        audit.refused(What("connect", None, address), None, refusal.problem)

    numbers = Numbers(
        connections=settings.limit_connections, connections_per_address=settings.limit_connections_per_address
    )
    only_proxies = bool(settings.http_proxies) and settings.tls_cert is None
    return Bounds(numbers, addresses, only_proxies=only_proxies, refused=refused)


def _try(renewal: Callable[[], None]) -> None:
    """What can't be read anew leaves what was there before in force."""
    try:
        renewal()
    except StateServerError as trouble:
        log.error("could not be read anew, what was there before holds: %s", trouble)
