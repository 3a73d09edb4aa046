"""The product and the reference, two readings of the same pages, make the same of thousands of random journals.

ORACLE_SEEDS is how many journals of each mode (default 30), ORACLE_FROM the first seed (default 0).
`python -m tests.oracle` runs many more.
"""

import os
from types import ModuleType

import pytest

from tests.oracle import reference_applying, reference_commands, reference_state
from tests.oracle.__main__ import main
from tests.oracle.comparing import difference, difference_of, shortest, shrink
from tests.oracle.journals import journal
from tests.oracle.reference_frame import MODES

FIRST_SEED = int(os.environ.get("ORACLE_FROM", "0"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("ORACLE_SEEDS", "30")))
READINGS = (
    (reference_state, "SILENCE", 599_999),
    (reference_state, "OFF_THE_LINE", 1_001),
    (reference_applying, "CLOCK_MAY_STRAY", 4_999),
    (reference_commands, "COMMAND_MAY_LIE", 59_999),
    (reference_commands, "KNOWN_IDS", 999),
)


@pytest.mark.timeout(0 if len(SEEDS) > 100 else 120)
@pytest.mark.parametrize("mode", MODES)
def test_both_make_the_same_of_random_journals(mode: str) -> None:
    for seed in SEEDS:
        told = difference_of(mode, seed)
        if told is not None:
            pytest.fail(f"{mode}, seed {seed}: {told}\n\n{shortest(mode, seed)}")


@pytest.mark.parametrize("mode", MODES)
def test_a_worker_that_stops_and_goes_on_makes_the_same_too(mode: str) -> None:
    for seed in range(max(1, len(SEEDS) // 4)):
        told = difference_of(mode, seed, stops=True)
        assert told is None, f"{mode}, seed {seed}: {told}"


@pytest.mark.parametrize(("module", "name", "value"), READINGS, ids=[name for _, name, _ in READINGS])
def test_a_reading_that_is_off_by_a_little_is_found(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, value: int
) -> None:
    monkeypatch.setattr(module, name, value)
    assert any(difference(journal(mode, seed), mode) for seed in range(60) for mode in MODES)


def test_the_command_line_tells_the_first_that_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--seeds", "1-2", "--mode", "HYDRA"]) == 0
    assert capsys.readouterr().out.startswith("2 journals, no difference")
    monkeypatch.setattr(reference_state, "OFF_THE_LINE", 1_001)
    assert main(["--seeds", "1-60", "--mode", "HYDRA"]) == 1
    told = capsys.readouterr().out
    assert told.startswith("HYDRA, seed ")
    assert all(word in told for word in ("expected:", "got:", "The shortest that differs:"))


def test_no_seeds_are_no_proof() -> None:
    with pytest.raises(SystemExit):
        main(["--seeds", "9-3"])


def test_the_shortest_list_that_differs() -> None:
    lines = [str(number) for number in range(100)]
    assert shrink(lines, lambda shorter: {"3", "77"} <= set(shorter)) == ["3", "77"]
