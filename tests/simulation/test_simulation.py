"""The worker's production code over a simulated Kafka, disk and clock, driven by seeds: hundreds of lives a minute.

SIMULATION_SEEDS is how many (default 160), SIMULATION_FROM the first. `make simulate` runs any others.
"""

import os

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.trace import Trace
from tests.simulation.world import Failed, run_seed

FIRST_SEED = int(os.environ.get("SIMULATION_FROM", "1"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("SIMULATION_SEEDS", "160")))
# Seeds that once showed a fault.
REMEMBERED = (6319, 10466, 12533, 15791, 18907, 21768)


@pytest.mark.parametrize("start", range(0, len(SEEDS), 20))
def test_what_is_promised_holds_whatever_happens(start: int) -> None:
    for seed in SEEDS[start : start + 20]:
        run_seed(seed)


@pytest.mark.parametrize("seed", REMEMBERED)
def test_what_once_failed_does_not_fail_again(seed: int) -> None:
    run_seed(seed)


@pytest.mark.parametrize("seed", [3, 50, 88])
def test_a_seed_gives_the_same_run_each_time(seed: int) -> None:
    first, second = (run_seed(seed, Trace(all_of_it=True)).lines() for _ in range(2))
    assert first == second
    assert len(first) > 50


@pytest.mark.parametrize(("mutation", "seed"), [(mutation, seed) for mutation, seed in MUTATIONS.items()])
def test_it_finds_faults_that_are_put_in(mutation: object, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by the first seed, from 1 on, that finds it: so many seeds it takes."""
    assert callable(mutation)
    mutation(monkeypatch)
    with pytest.raises(Failed, match="make simulate SEEDS="):
        run_seed(seed)
