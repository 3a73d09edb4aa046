"""How many files, and so sockets, this process may have open."""

import resource
from typing import Final

WANTED: Final = 65_536


def allow_open_files(wanted: int = WANTED) -> int:
    """Raise the soft limit, which many systems set to 1,024, as far as the hard one lets us. Returns what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
