"""`python -m tests.oracle --seeds 1-2000 --mode HYDRA`: hold the product to the reference on many random journals.

Exit status 1 with the first that differs: the record, what was expected of it, what came, the shortest journal of it.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.oracle.comparing import difference_of, shortest
from tests.oracle.journals import journal
from tests.oracle.reference_frame import MODES

Case = tuple[str, int, bool]


def main(arguments: list[str] | None = None) -> int:
    told = _told(arguments)
    modes = told.mode or list(MODES)
    if told.show:
        _say("\n".join(journal(modes[0], told.seeds[0])))
        return 0
    cases = [(mode, seed, told.stops) for seed in told.seeds for mode in modes]
    started, done = time.monotonic(), 0
    for case, differs in _differences(cases, told.jobs):
        done += 1
        if differs is not None:
            mode, seed, stops = case
            _say(f"{mode}, seed {seed}: {differs}\n\n{shortest(mode, seed, stops=stops)}")
            return 1
    _say(f"{done} journals, no difference, {time.monotonic() - started:.0f} s")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _told(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument(
        "--seeds", type=_seeds, default=range(1, 101), help="of each mode: 7, or 1-2000 (default 1-100)"
    )
    parser.add_argument("--mode", action="append", choices=MODES, help="may be given more than once (default: all)")
    parser.add_argument(
        "--stops", action="store_true", help="the product stops now and then, and goes on from its rows"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--show", action="store_true", help="print the journal of the first seed instead")
    return parser.parse_args(arguments)


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if not seeds:
        raise argparse.ArgumentTypeError(f"no seed lies in {text}")
    return seeds


def _differences(cases: list[Case], jobs: int) -> Iterator[tuple[Case, str | None]]:
    """Each case in its order, with what differs."""
    if jobs == 1:
        yield from zip(cases, map(_difference, cases), strict=True)
        return
    with ProcessPoolExecutor(jobs) as pool:
        results: Iterable[str | None] = pool.map(_difference, cases, chunksize=10)
        yield from zip(cases, results, strict=True)


def _difference(case: Case) -> str | None:
    mode, seed, stops = case
    return difference_of(mode, seed, stops=stops)


if __name__ == "__main__":
    raise SystemExit(main())
