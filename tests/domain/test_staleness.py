"""Whose data are stale, and for whom (spec page 2, A frame, step 1)."""

from tests.domain.mine import BEGINNING, FIRED, READY, SECOND, Mine, kinds_of


def test_a_frame_of_the_source_that_last_moved_its_speaker_is_in_order_whatever_its_time() -> None:
    mine = Mine().wait(60 * SECOND).charged()
    late = mine.send(mine.data({1: FIRED}), at=58 * SECOND)
    assert "unit_changed" in kinds_of(late)
    assert mine.unit("3/67/4/1")["booster_fired"] is True
    assert mine.unit("3/67/4/1")["as_of"] == BEGINNING + 60 * SECOND


def test_data_of_another_source_from_before_change_nothing_and_are_told() -> None:
    mine = Mine().wait(60 * SECOND).charged()
    (stale,) = mine.send(mine.data({1: FIRED}), "ps-2", at=58 * SECOND)
    assert (stale.kind, stale.unit, stale.details) == ("stale_frame", "3/67", {"as_of": BEGINNING + 60 * SECOND})
    assert mine.unit("3/67/4/1")["booster_fired"] is False


def test_equal_times_apply() -> None:
    mine = Mine().wait(60 * SECOND).charged()
    assert "stale_frame" not in kinds_of(mine.send(mine.data({1: FIRED}), "ps-2", at=60 * SECOND))


def test_a_booster_and_its_detonators_are_judged_each_by_its_own_time() -> None:
    mine = Mine().wait(50 * SECOND).charged()
    mine.wait(10 * SECOND).send(mine.data({1: READY}))
    told = mine.send(mine.data({1: FIRED, 2: FIRED}), "ps-2", at=55 * SECOND)
    assert kinds_of(told)[:2] == ["stale_frame", "unit_changed"]
    assert [mine.unit(f"3/67/4/{window}")["booster_fired"] for window in (1, 2)] == [False, True]


def test_of_a_unit_that_was_only_listed_the_first_frame_is_in_order() -> None:
    mine = Mine().wait(60 * SECOND)
    mine.send(mine.say(1, 23, None, [{"serial": 67}]))
    assert "stale_frame" not in kinds_of(mine.send(mine.data({1: READY}), "ps-2", at=0))
    assert mine.unit("3/67")["communication_status"] is True


def test_detonators_of_another_source_from_before_the_clear_are_stale() -> None:
    mine = Mine().wait(50 * SECOND).charged()
    mine.wait(10 * SECOND).send(mine.clear())
    mine.send(mine.listing({1: 5}), "ps-2", at=55 * SECOND)
    assert mine.system.unit("3/67/4/1") is None


def test_a_late_list_of_the_same_source_names_them_all_the_same() -> None:
    mine = Mine().wait(60 * SECOND)
    mine.send(mine.clear())
    mine.send(mine.listing({1: 5}), at=58 * SECOND)
    assert mine.unit("3/67/4/1")["uid"] == "0.0.0.5"
