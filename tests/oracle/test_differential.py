"""The product and the reference, two readings of the same pages, make the same of thousands of random journals.

ORACLE_SEEDS is how many journals of each mode (default 30), ORACLE_FROM the first seed (default 0).
"""

import os
from collections import Counter
from random import Random

import pytest

from tests.oracle import reference_state
from tests.oracle.comparing import difference, shrink
from tests.oracle.journals import journal
from tests.oracle.reference import Outcome, replay
from tests.oracle.reference_frame import MODES
from tests.oracle.reference_tables import OPERATIONS

FIRST_SEED = int(os.environ.get("ORACLE_FROM", "0"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("ORACLE_SEEDS", "30")))
REASONS = (
    "bad_hex too_short bad_start bad_length bad_crc unknown_command command_not_in_mode bad_chunks bad_window "
    "bad_encoding bad_command"
)
EVENTS = (
    "unit_added unit_changed detonators_cleared warning_raised warning_cleared warning_acknowledged operation_changed "
    "sequence_gap sequence_restarted stale_frame mode_changed unit_labelled command_refused blast_opened "
    "blast_firing_complete blast_firing_aborted blast_closed fire_button_repeated"
)


@pytest.mark.timeout(0 if len(SEEDS) > 100 else 120)
@pytest.mark.parametrize("mode", MODES)
def test_both_make_the_same_of_random_journals(mode: str) -> None:
    for seed in SEEDS:
        lines = journal(mode, seed)
        told = difference(lines, mode)
        if told is None:
            continue
        shortest = shrink(lines, lambda shorter: difference(shorter, mode) is not None)
        listed = "\n".join(shortest)
        pytest.fail(
            f"{mode}, seed {seed}: {told}\n\nThe shortest that differs:\n{listed}\n{difference(shortest, mode)}"
        )


@pytest.mark.parametrize("mode", MODES)
def test_a_worker_that_stops_and_goes_on_makes_the_same_too(mode: str) -> None:
    for seed in range(max(1, len(SEEDS) // 4)):
        told = difference(journal(mode, seed), mode, stops=Random(seed))
        assert told is None, f"{mode}, seed {seed}: {told}"


@pytest.fixture(scope="module")
def reached() -> Counter[str]:
    """How often the journals of a few seeds come to what is worth coming to."""
    counted: Counter[str] = Counter()
    for mode in MODES:
        for seed in range(10):
            counted += told_by(replay(journal(mode, seed), "site", mode))
    return counted


def told_by(outcome: Outcome) -> Counter[str]:
    counted = Counter(reason for _, reason in outcome.rejected)
    for change in outcome.changes:
        counted[change["kind"]] += 1
        counted[f"{change['kind']} by deadline"] += change["deadline"]
        counted[f"by a tick: {change['deadline']}"] += change["source"] is None
        counted[f"{change['before'].get('operation')} to {change['after'].get('operation')}"] += 1
        counted[f"refused: {change['details'].get('why')}"] += 1
    for report in outcome.blasts:
        counted[f"how: {report['how']}"] += 1
        for group in ("boosters", "detonators", "frames"):
            counted.update({f"{group} {name}": count for name, count in report[group].items() if count})
        counted["warnings of blasts"] += len(report["warnings"])
    return counted


@pytest.mark.parametrize(
    "corner",
    [
        *EVENTS.split(),
        *REASONS.split(),
        *(f"{before} to {after}" for (before, _, _), after in OPERATIONS.items()),
        *("blast_closed by deadline", "unit_changed by deadline", "by a tick: True"),
        *("refused: unknown_unit", "refused: no_open_warning", "warnings of blasts"),
        *(f"how: {how}" for how in ("data_completed", "timer_completed", "superseded", None)),
        *(f"boosters {name}" for name in ("active", "possibly_live", "excluded", "inactive", "fired")),
        *(f"detonators {name}" for name in ("fired", "missed", "unreported", "silent_before")),
        *(f"frames {name}" for name in ("received", "duplicate", "rejected", "missing")),
    ],
)
def test_the_journals_reach_it(reached: Counter[str], corner: str) -> None:
    assert reached[corner] >= 5, corner


def test_a_reading_that_is_off_by_a_millisecond_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_state, "SILENCE", 599_999)
    assert any(difference(journal("AXXIS100", seed), "AXXIS100") for seed in range(40))


def test_the_shortest_list_that_differs() -> None:
    lines = [str(number) for number in range(100)]
    assert shrink(lines, lambda shorter: {"3", "77"} <= set(shorter)) == ["3", "77"]
