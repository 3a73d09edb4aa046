"""`python -m tests.simulation.find_seeds [LAST]`: of each fault in `mutations` the first seed that finds it.

They move with whatever the production code awaits. What it prints is to be put into `MUTATIONS`.
"""

import sys

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.world import Failed, run_seed

LAST_DEFAULT = 2_000


def main(last: int) -> None:
    """Look for all of them."""
    for mutation in MUTATIONS:
        with pytest.MonkeyPatch.context() as patch:
            mutation(patch)
            found = next((seed for seed in range(1, last + 1) if _finds(seed)), None)
        sys.stdout.write(f"    {mutation.__name__}: {found},\n")
        sys.stdout.flush()


def _finds(seed: int) -> bool:
    try:
        run_seed(seed)
    except Failed:
        return True
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LAST_DEFAULT)
