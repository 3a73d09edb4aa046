"""How much anybody may ask for: so much at once, and so much a second after that (token buckets)."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from stateserver.gateway.turned_away import TooManyFailures, TooManyRequests, TooManyWebSockets

NAMES_MAX: Final = 20_000
"""How many principals or addresses are remembered; who has asked for nothing the longest is forgotten first."""


class Allowance:
    """What each of many may take. `clock` in seconds."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> float:
        """Take one: 0.0 where there was one left, else in how many seconds there will be."""
        now = self._clock()
        left, since = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_second
        self._left[name] = (left - 1 if not wait else left, now)
        if len(self._left) > NAMES_MAX:
            del self._left[next(iter(self._left))]
        return wait


class Rates(NamedTuple):
    """The numbers; each has a setting."""

    requests_per_second: int = 1_000
    failed_logins_per_minute: int = 300
    websockets_per_principal: int = 2_048


class Limits:
    """Of one gateway."""

    def __init__(self, rates: Rates | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        rates = rates or Rates()
        per_second, per_minute = rates.requests_per_second, rates.failed_logins_per_minute
        self._requests = Allowance(2 * per_second, per_second, clock)
        self._failures = Allowance(per_minute, per_minute / 60, clock)
        self._websockets: Counter[str] = Counter()
        self._websockets_max = rates.websockets_per_principal

    def request(self, principal: str) -> None:
        """Count a request or a call. Raises TooManyRequests."""
        wait = self._requests.take(principal)
        if wait:
            raise TooManyRequests(wait)

    def failed_login(self, address: str) -> None:
        """Count a bad credential. Raises TooManyFailures.

        A good one always passes: there is nothing to guess in 256 bits, and nobody shall be able to lock others
        out who come from the same address.
        """
        wait = self._failures.take(address)
        if wait:
            raise TooManyFailures(wait)

    @contextmanager
    def websocket(self, principal: str) -> Iterator[None]:
        """Count an open WebSocket for as long as it is. Raises TooManyWebSockets."""
        if self._websockets[principal] >= self._websockets_max:
            raise TooManyWebSockets(self._websockets_max)
        self._websockets[principal] += 1
        try:
            yield
        finally:
            self._websockets[principal] -= 1
            if not self._websockets[principal]:
                del self._websockets[principal]
