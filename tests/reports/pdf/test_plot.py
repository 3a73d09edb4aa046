"""The plan of firing times."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.blast import FIRED, MISSED
from stateserver.reports.detonators import LISTED_LATER
from stateserver.reports.pdf.plot import BINS_MAX, make_plan, round_step
from stateserver.reports.pictures import Picture


@pytest.mark.parametrize(("least", "step"), [(0, 1), (1, 1), (1.1, 2), (3, 5), (6, 10), (201, 500), (5001, 10_000)])
def test_steps_are_round(least: float, step: int) -> None:
    assert round_step(least) == step


@given(st.lists(st.tuples(st.sampled_from([FIRED, MISSED, LISTED_LATER]), st.none() | st.integers(0, 65_535))))
def test_every_planned_detonator_is_in_one_bin(detonators: list[tuple[str, int | None]]) -> None:
    picture = Picture()
    for window, (outcome, delay) in enumerate(detonators, 1):
        picture.add(window, outcome, {"delay": delay})
    plan = make_plan({"3/1": picture})
    known = [(outcome, delay) for outcome, delay in detonators if outcome != LISTED_LATER]
    assert plan.without_delay == sum(delay is None for _, delay in known)
    assert plan.counts == Counter((delay // plan.width, outcome) for outcome, delay in known if delay is not None)
    assert len({index for index, _ in plan.counts}) <= BINS_MAX + 1
