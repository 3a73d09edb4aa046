"""Python's cyclic garbage collector, for processes that hold much for long.

It walks all containers it knows of, again and again, to find the few that only hold each other. A worker or a gateway
holds hundreds of thousands, and needs nearly all of them as long as it runs: walking them stops everything else, and
was a tenth of a worker's CPU (docs/performance.md).
"""

import gc
from typing import Final

NEW_CONTAINERS_MAX: Final = 50_000
"""More of them than are let go of in the same time, and the new ones are looked at."""
LOOKS_BEFORE_AN_OLDER: Final = 20


def keep_for_good() -> None:
    """Whatever is held now is looked at no more, what comes is looked at less often. May be called again and again."""
    gc.freeze()
    gc.set_threshold(NEW_CONTAINERS_MAX, LOOKS_BEFORE_AN_OLDER, LOOKS_BEFORE_AN_OLDER)
