"""Who may come in: a bearer token in the Authorization header, a machine's certificate, or a browser's session.

A cookie goes along whoever makes the browser ask, and so does a certificate that a browser has. Both are believed only
where the request cannot come from another site's page: SameSite=Strict keeps cookies from those, and beyond that
WebSockets and whatever changes something must name our own origin. Tokens are never taken from a query string:
those end in logs and histories.
"""

import time
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final, NamedTuple

from starlette.datastructures import URL, Headers
from starlette.requests import HTTPConnection

from stateserver.gateway.refusals import ForeignOrigin, NotLoggedIn
from stateserver.gateway.wall_clock import now_ms
from stateserver.security.sessions import SessionRefused, Sessions
from stateserver.security.signed_tokens import Proof, SignedTokens, looks_signed
from stateserver.security.tokens import Principal, TokenBook, TokenRefused

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
COOKIE_PATH: Final = "/api/v1"
CERTIFICATE: Final = "certificate"
"""Where the names of a client's certificate stand in a request's state."""
_OWN_SITE: Final = frozenset({"same-origin", "none"})


class Visitor(NamedTuple):
    """Somebody who was let in. `still_welcome` tells whether they would be again, now; `by` what let them in."""

    principal: Principal
    still_welcome: Callable[[], bool]
    by: str = "token"
    address: str = "unknown"

    @property
    def line(self) -> Mapping[str, str | None]:
        """As the audit log names them."""
        return {"actor": self.principal.id, "role": str(self.principal.role), "by": self.by}


class LogIn(NamedTuple):
    """A session that was given out: the cookie that carries it, and how long it lasts."""

    principal: Principal
    cookie: str
    lifetime_s: int


class Doorkeeper:
    """`public_origin` is what browsers see where a proxy stands in front, such as https://blasts.example."""

    def __init__(
        self,
        book: TokenBook,
        sessions: Sessions,
        public_origin: str | None = None,
        signed: SignedTokens | None = None,
    ) -> None:
        self._book = book
        self._sessions = sessions
        self._public_origin = public_origin
        self._signed = signed

    def replace(self, book: TokenBook, signed: SignedTokens | None) -> None:
        """From now on these are good. Who is in by what is good no longer is put out soon."""
        self._book, self._signed = book, signed

    def admit(self, connection: HTTPConnection) -> Visitor:
        """Let somebody in, to HTTP or a WebSocket. Raises NotLoggedIn or ForeignOrigin."""
        token = _bearer_token(connection.headers)
        if token is not None:
            principal, proof = self._by_token(token)
            by = "token" if proof is None else "signed_token"
            return Visitor(principal, lambda: self._holds(lambda: self._by_token(token)), by)
        cookie = _cookie(connection.headers, self.cookie_name(connection.url))
        if cookie is not None:
            principal = self._by_session(cookie)
            # A WebSocket has no method, and may be opened by any page: it must name its origin.
            self.require_own_origin(connection, needed=connection.scope.get("method") not in SAFE_METHODS)
            return Visitor(principal, lambda: self._holds(lambda: self._by_session(cookie)), "session")
        names = certificate_names(connection)
        if not names:
            raise NotLoggedIn
        principal = self._by_certificate(names)
        self.require_own_origin(connection, needed=False)
        return Visitor(principal, lambda: self._holds(lambda: self._by_certificate(names)), "certificate")

    def has_credential(self, connection: HTTPConnection) -> bool:
        """Does it try to be somebody?"""
        named = self.cookie_name(connection.url) in connection.headers.get("cookie", "")
        return "authorization" in connection.headers or named or bool(certificate_names(connection))

    def log_in(self, connection: HTTPConnection) -> LogIn:
        """Trade a bearer token for a session. Raises NotLoggedIn or ForeignOrigin."""
        token = _bearer_token(connection.headers)
        if token is None:
            raise NotLoggedIn
        self.require_own_origin(connection, needed=False)
        principal, proof = self._by_token(token)
        now_s = int(time.time())
        ends_s = proof.ends_s if proof is not None else _seconds(self._book.expires_ms(principal))
        session = self._sessions.issue(principal, now_s, ends_s, proof)
        return LogIn(principal, session, min(self._sessions.lifetime_s, (ends_s or 2**40) - now_s))

    def require_own_origin(self, connection: HTTPConnection, *, needed: bool) -> None:
        """Raise ForeignOrigin if the request says it comes from elsewhere, or doesn't say where it must."""
        origin = connection.headers.get("origin")
        if (origin is None and needed) or (origin is not None and origin != self._own_origin(connection)):
            raise ForeignOrigin
        if connection.headers.get("sec-fetch-site", "none") not in _OWN_SITE:
            raise ForeignOrigin

    def is_secure(self, url: URL) -> bool:
        """Do browsers reach us by TLS?"""
        if self._public_origin is not None:
            return self._public_origin.startswith("https:")
        return url.scheme in ("https", "wss")

    def cookie_name(self, url: URL) -> str:
        """A name of this gateway's own: browsers keep cookies by host, not by port."""
        return "__Secure-stateserver" if self.is_secure(url) else f"stateserver-{url.port or 80}"

    def _own_origin(self, connection: HTTPConnection) -> str:
        if self._public_origin is not None:
            return self._public_origin
        scheme = "https" if self.is_secure(connection.url) else "http"
        return f"{scheme}://{connection.headers.get('host', '')}"

    def _by_token(self, token: str) -> tuple[Principal, Proof | None]:
        try:
            if self._signed is None or not looks_signed(token):
                return self._book.authenticate(token, now_ms()), None
            principal, proof = self._signed.read(token)
        except TokenRefused:
            raise NotLoggedIn from None
        if self._book.knows(principal.id):  # or the journal could not tell who gave a command
            raise NotLoggedIn
        return principal, proof

    def _by_session(self, cookie: str) -> Principal:
        try:
            session = self._sessions.read(cookie)
        except SessionRefused:
            raise NotLoggedIn from None
        if session.proof is None:
            holds = self._book.still_holds(session.principal, now_ms())
        else:
            holds = self._signed is not None and self._signed.still_holds(session.proof)
            holds = holds and not self._book.knows(session.principal.id)
        if not holds:
            raise NotLoggedIn
        return session.principal

    def _by_certificate(self, names: tuple[str, ...]) -> Principal:
        try:
            return self._book.of_certificate(names, now_ms())
        except TokenRefused:
            raise NotLoggedIn from None

    @staticmethod
    def _holds(again: Callable[[], object]) -> bool:
        try:
            again()
        except NotLoggedIn:
            return False
        return True


def certificate_names(connection: HTTPConnection) -> tuple[str, ...]:
    """What the client's certificate goes by, which our authority has signed; none without one."""
    names = connection.scope.get("state", {}).get(CERTIFICATE, ())
    assert isinstance(names, tuple)
    return names


def _bearer_token(headers: Headers) -> str | None:
    """The token of the Authorization header; None without one. Raises NotLoggedIn for any other scheme."""
    header = headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotLoggedIn
    return token.strip()


def _cookie(headers: Headers, name: str) -> str | None:
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return None if cookie is None else cookie.value


def _seconds(ms: int | None) -> int | None:
    return None if ms is None else ms // 1000
