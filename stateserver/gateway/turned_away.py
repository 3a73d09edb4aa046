"""How people are turned away who ask for too much, too slowly, or in a way that nobody should."""

import math
from typing import Any

from stateserver.gateway.refusals import Refusal


class Later(Refusal):
    """Too much was asked for at once; `retry_after_s` says when to come again."""

    status, title = 429, "Too many"

    def __init__(self, message: str, hint: str, retry_after_s: float) -> None:
        super().__init__(message, hint)
        self.retry_after_s = max(1, math.ceil(retry_after_s))

    def document(self) -> dict[str, Any]:
        """The problem document, with `retry_after` in seconds."""
        return super().document() | {"retry_after": self.retry_after_s}


class TooManyRequests(Later):
    """A principal asks faster than it may."""

    code, problem, title = -32031, "too-many-requests", "Too many requests"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("these are more requests than one principal may make", "ask less often", retry_after_s)


class TooManyFailures(Later):
    """Too many bad credentials came from an address."""

    code, problem, title = -32032, "too-many-failures", "Too many bad credentials"

    def __init__(self, retry_after_s: float) -> None:
        message = "too many bad credentials came from this address"
        super().__init__(message, "check the token; a good one is still taken", retry_after_s)


class TooManyWebSockets(Later):
    """A principal has as many WebSockets open as it may."""

    code, problem, title = -32033, "too-many-websockets", "Too many WebSockets"

    def __init__(self, most: int) -> None:
        super().__init__(f"one principal may have {most} WebSockets open", "close one, or share one", 5)


class CredentialInQuery(Refusal):
    """A token in an address: those end in logs and histories."""

    status, code, problem, title = 401, -32002, "credential-in-query", "No credentials in addresses"

    def __init__(self) -> None:
        super().__init__(
            "a token was sent in the query string, where logs and histories keep it: it is not taken, and not safe now",
            "withdraw it, make another, and send that as 'Authorization: Bearer <token>'",
        )


class BodyTooSlow(Refusal):
    """A request's body did not come in time."""

    status, code, problem, title = 408, -32008, "body-too-slow", "The body is too slow"

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"the body must come within {limit_s:g} s")


class NotWrittenDown(Refusal):
    """A command that could not be written into the audit log, and so is not carried out."""

    status, code, problem, title = 503, -32066, "not-written-down", "The audit log can't be written"

    def __init__(self) -> None:
        super().__init__("commands are refused while they can't be written down", "tell whoever runs this gateway")


class BadHead(Refusal):
    """What came is no HTTP."""

    status, problem, title = 400, "bad-head", "Not HTTP"

    def __init__(self) -> None:
        super().__init__("this is no HTTP/1.1 request")


class HeadTooLarge(Refusal):
    """The first line and the headers of a request are larger than any real one's."""

    status, problem, title = 431, "head-too-large", "The headers are too large"

    def __init__(self, most: int) -> None:
        super().__init__(f"a request's first line and headers may have {most} bytes")


class HeadTooSlow(Refusal):
    """The first line and the headers of a request did not come in time."""

    status, problem, title = 408, "head-too-slow", "The headers are too slow"

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"a request's first line and headers must come within {limit_s:g} s")


class NotFromAProxy(Refusal):
    """Somebody came past the proxy that ends TLS."""

    status, problem, title = 403, "not-from-a-proxy", "Not through the proxy"

    def __init__(self) -> None:
        super().__init__("this gateway is reached through its proxy alone", "ask there")


class TooManyConnections(Refusal):
    """There are as many connections as there may be."""

    status, problem, title = 503, "too-many-connections", "Too many connections"

    def __init__(self) -> None:
        super().__init__("there are as many connections here as there may be", "try again in a moment")
