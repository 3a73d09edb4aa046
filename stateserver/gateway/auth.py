"""Who may come in: a bearer token in the Authorization header, or a browser's session in a cookie.

A cookie goes along whoever makes the browser ask, so it is believed only where the request cannot come from another
site's page: SameSite=Strict keeps it from them, and beyond that WebSockets and whatever changes something must
name our own origin. Tokens are never taken from a query string: those end in logs and histories.
"""

import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final, NamedTuple

from starlette.datastructures import URL, Headers
from starlette.requests import HTTPConnection

from stateserver.gateway.refusals import ForeignOrigin, NotLoggedIn
from stateserver.security.sessions import SessionRefused, Sessions
from stateserver.security.tokens import Principal, TokenBook, TokenRefused

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
COOKIE_PATH: Final = "/api/v1"


class Visitor(NamedTuple):
    """Somebody who was let in. `still_welcome` tells whether they would be again, now."""

    principal: Principal
    still_welcome: Callable[[], bool]


class LogIn(NamedTuple):
    """A session that was given out: the cookie that carries it, and how long it lasts."""

    principal: Principal
    cookie: str
    lifetime_s: int


class Doorkeeper:
    """`public_origin` is what browsers see where a proxy stands in front, such as https://blasts.example."""

    def __init__(self, book: TokenBook, sessions: Sessions, public_origin: str | None = None) -> None:
        self._book = book
        self._sessions = sessions
        self._public_origin = public_origin

    def admit(self, connection: HTTPConnection) -> Visitor:
        """Let somebody in, to HTTP or a WebSocket. Raises NotLoggedIn or ForeignOrigin."""
        token = _bearer_token(connection.headers)
        if token is not None:
            return Visitor(self._by_token(token), lambda: self._holds(lambda: self._by_token(token)))
        cookie = _cookie(connection.headers, self.cookie_name(connection.url))
        if cookie is None:
            raise NotLoggedIn
        principal = self._by_session(cookie)
        # A WebSocket has no method, and may be opened by any page: it must name its origin.
        self.require_own_origin(connection, needed=connection.scope.get("method") not in SAFE_METHODS)
        return Visitor(principal, lambda: self._holds(lambda: self._by_session(cookie)))

    def log_in(self, connection: HTTPConnection) -> LogIn:
        """Trade a bearer token for a session. Raises NotLoggedIn or ForeignOrigin."""
        token = _bearer_token(connection.headers)
        if token is None:
            raise NotLoggedIn
        self.require_own_origin(connection, needed=False)
        principal = self._by_token(token)
        now_s, ends_ms = int(time.time()), self._book.expires_ms(principal)
        ends_s = None if ends_ms is None else ends_ms // 1000
        session = self._sessions.issue(principal, now_s, ends_s)
        return LogIn(principal, session, min(self._sessions.lifetime_s, (ends_s or 2**40) - now_s))

    def require_own_origin(self, connection: HTTPConnection, *, needed: bool) -> None:
        """Raise ForeignOrigin if the request says it comes from elsewhere, or doesn't say where it must."""
        origin = connection.headers.get("origin")
        if (origin is None and needed) or (origin is not None and origin != self._own_origin(connection)):
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

    def _by_token(self, token: str) -> Principal:
        try:
            return self._book.authenticate(token, _now_ms())
        except TokenRefused:
            raise NotLoggedIn from None

    def _by_session(self, cookie: str) -> Principal:
        try:
            principal = self._sessions.read(cookie)
        except SessionRefused:
            raise NotLoggedIn from None
        if not self._book.still_holds(principal, _now_ms()):
            raise NotLoggedIn
        return principal

    @staticmethod
    def _holds(again: Callable[[], Principal]) -> bool:
        try:
            again()
        except NotLoggedIn:
            return False
        return True


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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
