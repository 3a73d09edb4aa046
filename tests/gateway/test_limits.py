"""How much anybody may ask for, and by which address they are counted: no clock, no network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.gateway import limits
from stateserver.gateway.addresses import Addresses, counted_as
from stateserver.gateway.limits import Allowance, Limits, Rates
from stateserver.gateway.turned_away import TooManyFailures, TooManyRequests, TooManyWebSockets


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 3), max_size=200), st.integers(1, 20), st.integers(1, 20))
def test_nobody_ever_takes_more_than_the_burst_and_what_came_since(
    pauses: list[float], burst: int, per_second: int
) -> None:
    clock = Clock()
    allowance = Allowance(burst, per_second, clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        wait = allowance.take("a")
        taken += not wait
        assert taken <= burst + clock.now * per_second + 1e-6
        if wait:
            clock.now += wait + 1e-9
            assert allowance.take("a") == 0.0
            taken += 1


def test_each_has_an_allowance_of_their_own_and_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NAMES_MAX", 3)
    allowance = Allowance(1, 1, Clock())
    for name in "abc":
        assert allowance.take(name) == 0.0
        assert allowance.take(name) == 1.0
    assert allowance.take("d") == 0.0
    assert len(allowance._left) == 3
    assert allowance.take("b") == 1.0


def test_too_many_requests_say_when_to_come_again() -> None:
    clock = Clock()
    held = Limits(Rates(requests_per_second=2, failed_logins_per_minute=30), clock)
    for _ in range(4):
        held.request("a")
    with pytest.raises(TooManyRequests) as caught:
        held.request("a")
    assert caught.value.document()["retry_after"] == 1
    held.request("b")
    clock.now += 0.5
    held.request("a")
    for _ in range(30):
        held.failed_login("here")
    with pytest.raises(TooManyFailures) as failures:
        held.failed_login("here")
    assert failures.value.retry_after_s == 2


def test_websockets_are_counted_for_as_long_as_they_are_open() -> None:
    held = Limits(Rates(websockets_per_principal=2))
    with held.websocket("a"), held.websocket("a"), held.websocket("b"), pytest.raises(TooManyWebSockets):
        held.websocket("a").__enter__()
    with held.websocket("a"), held.websocket("a"):
        assert held._websockets == {"a": 2}
    assert held._websockets == {}


PROXIES = Addresses(["10.0.0.5", "10.1.0.0/24", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),  # not a proxy of ours: it may say what it likes
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.5", ["6.6.6.6, 198.51.100.7"], "198.51.100.7"),  # what a client wrote there before
        ("10.0.0.5", ["6.6.6.6", "198.51.100.7, 10.1.0.9"], "198.51.100.7"),
        ("10.0.0.5", ["10.1.0.9"], "10.1.0.9"),
        ("10.0.0.5", ["198.51.100.7, nonsense"], "10.0.0.5"),
        ("10.0.0.5", ["<script>"], "10.0.0.5"),
        ("fd00::1", ["2001:db8:0::7"], "2001:db8::7"),
        (None, ["198.51.100.7"], "unknown"),
    ],
)
def test_only_proxies_of_ours_say_for_whom_they_ask(peer: str | None, forwarded: list[str], address: str) -> None:
    assert PROXIES.of(peer, forwarded) == address


def test_whoever_has_an_address_of_ipv6_has_its_whole_network() -> None:
    assert counted_as("2001:db8::1:2:3:4") == counted_as("2001:db8::5:6:7:8") == "2001:db8::/64"
    assert counted_as("192.0.2.1") == "192.0.2.1"
    assert counted_as("unknown") == "unknown"
