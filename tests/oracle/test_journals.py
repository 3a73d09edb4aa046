"""The random journals come to every corner that there is in their mode: a generator that doesn't proves nothing."""

from collections import Counter
from functools import cache

import pytest

from tests.oracle.counting import told_by
from tests.oracle.journals import journal
from tests.oracle.reference import replay
from tests.oracle.reference_frame import MODES
from tests.oracle.reference_tables import OPERATIONS

SEEDS = range(60)
REASONS = (
    "bad_hex too_short bad_start bad_length bad_crc unknown_command command_not_in_mode bad_chunks bad_window "
    "bad_encoding bad_command"
)
EVENTS = (
    "unit_added unit_changed detonators_cleared warning_raised warning_cleared warning_acknowledged operation_changed "
    "sequence_gap sequence_restarted stale_frame mode_changed unit_labelled command_refused blast_opened "
    "blast_firing_complete blast_firing_aborted blast_closed fire_button_repeated answers_after_blast clock_set_back "
    "clock_ahead unit_retired"
)
REFUSED = "unknown_unit no_open_warning not_retirable blast_open too_old"
ATTENTION = "answers_at_end not_marked_fired fault_at_end clock_changed"
ATTENTION_OF_EDDS = "bridge_wire_whole start_unseen detonator_error bridge_wire_open delay_over_limit uid_twice"
ATTENTION_OF_IBS = "partial_blast missing_pulse"
CORNERS = (
    *EVENTS.split(),
    *(f"rejected: {reason}" for reason in REASONS.split()),
    *(f"refused: {why}" for why in REFUSED.split()),
    *(f"answers: {outcome}" for outcome in ("fired", "unreported", "silent_before")),
    *("blast_closed by deadline", "unit_changed by deadline", "deadline by a tick"),
    *(f"how: {how}" for how in ("data_completed", "timer_completed", "superseded", None)),
    *(f"verdict: {verdict}" for verdict in ("all_fired", "doubtful", "not_all_fired", "aborted", None)),
    *(f"attention: {what}" for what in ATTENTION.split()),
    *("missed: None", "unreported: cleared", "unreported: replaced", "unreported: no_evidence"),
    *(f"boosters: {name}" for name in ("active", "possibly_live", "excluded", "inactive", "fired")),
    *(f"detonators: {name}" for name in ("fired", "missed", "unreported", "silent_before", "misfires")),
    *(f"frames: {name}" for name in ("received", "duplicate", "rejected", "missing")),
    *("warnings before", "warnings after", "acknowledged before"),
)
# Of boosters type 2 alone: in an IBS system nothing is cleared.
NOT_IN_IBS = {"detonators_cleared", "unreported: cleared"}


def corners_of(mode: str) -> list[str]:
    of_mode = ATTENTION_OF_IBS if mode == "IBS" else ATTENTION_OF_EDDS
    found = [*CORNERS, *(f"attention: {what}" for what in of_mode.split())]
    return [corner for corner in found if not (mode == "IBS" and corner in NOT_IN_IBS)]


@cache
def reached(mode: str) -> Counter[str]:
    """How often the journals of a few seeds come to what is worth coming to."""
    counted: Counter[str] = Counter()
    for seed in SEEDS:
        counted += told_by(replay(journal(mode, seed), "site", mode), mode)
    return counted


@pytest.mark.parametrize("mode", MODES)
def test_the_journals_of_a_mode_reach_every_corner(mode: str) -> None:
    missed = [corner for corner in corners_of(mode) if reached(mode)[corner] < 2]
    assert not missed


@pytest.mark.parametrize(("before", "after"), sorted({(str(key[0]), after) for key, after in OPERATIONS.items()}))
def test_they_reach_every_step_of_the_operation(before: str, after: str) -> None:
    assert sum(reached(mode)[f"{before} to {after}"] for mode in MODES) >= 5


def test_a_journal_is_the_same_every_time() -> None:
    assert journal("HYDRA", 7) == journal("HYDRA", 7)
    assert journal("HYDRA", 7) != journal("HYDRA", 8)
