"""Where somebody comes from: the address limits and the audit log go by."""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
UNKNOWN = "unknown"


class Addresses:
    """`proxies` are those whose X-Forwarded-For is believed; anybody else could write there what they like."""

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        self._proxies: Sequence[Network] = [ipaddress.ip_network(proxy) for proxy in proxies]

    def of(self, peer: str | None, forwarded: Sequence[str]) -> str:
        """The address of whoever asks. `forwarded` are the X-Forwarded-For headers.

        From the nearest on, each proxy of ours vouches for the one before it; the first that isn't ours is the one.
        """
        address = peer or UNKNOWN
        hops = [hop.strip() for header in forwarded for hop in header.split(",")]
        while hops and self.is_proxy(address):
            nearer = _canonical(hops.pop())
            if nearer is None:
                return address
            address = nearer
        return address

    def is_proxy(self, address: str) -> bool:
        """Is it one of ours?"""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)


def counted_as(address: str) -> str:
    """The name under which limits count an address: of IPv6 its network, as whoever has one has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


def _canonical(hop: str) -> str | None:
    try:
        return str(ipaddress.ip_address(hop))
    except ValueError:
        return None
