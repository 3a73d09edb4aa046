"""Memory of processes that hold much for long: Python's cyclic garbage collector, and what the C library keeps.

It walks all containers it knows of, again and again, to find the few that only hold each other. A worker or a gateway
holds hundreds of thousands, and needs nearly all of them as long as it runs: walking them stops everything else, and
was a tenth of a worker's CPU (docs/performance.md).
"""

import ctypes
import gc
from typing import Final

NEW_CONTAINERS_MAX: Final = 50_000
"""More of them than are let go of in the same time, and the new ones are looked at."""
LOOKS_BEFORE_AN_OLDER: Final = 20


def keep_for_good() -> None:
    """Whatever is held now is looked at no more, what comes is looked at less often. May be called again and again."""
    gc.freeze()
    gc.set_threshold(NEW_CONTAINERS_MAX, LOOKS_BEFORE_AN_OLDER, LOOKS_BEFORE_AN_OLDER)


def give_back() -> None:
    """Hand back to the system what the C library keeps for later, where it can (glibc).

    To read a long journal takes more for a while than to live on: of a worker with a million detonators a fifth.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
