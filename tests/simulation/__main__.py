"""`make simulate`: run seeds, `17`, `17,40` or `1000-2000`; without, random ones for a minute."""

import sys
import time
from collections.abc import Iterator
from random import SystemRandom

from tests.simulation.world import Failed, run_seed

RANDOM_FOR_S = 60.0


def seeds(wanted: str) -> Iterator[int]:
    """The seeds that are named, or random ones for a while."""
    if not wanted:
        until = time.monotonic() + RANDOM_FOR_S
        while time.monotonic() < until:
            yield SystemRandom().randrange(2**32)
        return
    for part in wanted.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def main(wanted: str) -> int:
    """Run them; the first that fails is told whole. The exit status is 1 then."""
    done, failed = 0, list[int]()
    for seed in seeds(wanted):
        done += 1
        try:
            run_seed(seed)
        except Failed as failure:
            if not failed:
                sys.stdout.write(f"{failure}\n\n")
            else:
                sys.stdout.write(f"seed {seed}: {failure.violations[0]:.300}\n")
            failed.append(seed)
    sys.stdout.write(f"{done} seeds, {len(failed)} failed{': ' if failed else ''}{', '.join(map(str, failed))}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
