"""Detonators that answer after everybody took them for fired (spec page 2, Blasts, Afterwards)."""

import pytest

from stateserver.protocol.modes import Mode
from tests.domain.mine import FIRED, GONE_SILENT, MINUTE, READY, Mine

ONE_SILENT = {1: READY, 2: READY, 3: READY, 4: GONE_SILENT}
ANSWERING_AGAIN = dict.fromkeys(range(1, 5), READY)


def after_a_blast(reported: dict[int, int] | None = None) -> Mine:
    """Window 1 fired, 2 was never heard of again, 3 was missed, 4 silent before; the blast is closed."""
    mine = Mine().charged(ONE_SILENT).fires()
    mine.reports({1: FIRED})
    mine.reports({3: READY})
    return mine.is_told_by_time()


def told(mine: Mine) -> list[tuple[str | None, object]]:
    return [(change.unit, change.details["outcome"]) for change in mine.told("answers_after_blast")]


def test_one_that_answers_after_the_blast_is_told_once_with_what_was_said_of_it() -> None:
    mine = after_a_blast()
    blast = mine.document["blast"]
    mine.wait(MINUTE).reports(ANSWERING_AGAIN)
    assert told(mine) == [
        ("3/67/4/1", "fired"),
        ("3/67/4/2", "unreported"),
        ("3/67/4/4", "silent_before"),
    ]
    assert {change.details["blast"] for change in mine.told("answers_after_blast")} == {blast}
    mine.wait(MINUTE).reports(ANSWERING_AGAIN)
    assert len(told(mine)) == 3
    assert set(mine.system.answered) == {"3/67/4/1", "3/67/4/2", "3/67/4/4"}


def test_one_that_is_repeated_as_it_was_is_told_too() -> None:
    mine = Mine().charged().fires().is_told_by_time()
    mine.reports(ANSWERING_AGAIN)
    assert [outcome for _, outcome in told(mine)] == ["unreported"] * 4


def test_a_booster_that_was_cleared_has_nobody_who_could() -> None:
    mine = after_a_blast()
    mine.send(mine.clear())
    mine.charged(ANSWERING_AGAIN)
    assert told(mine) == []


def test_another_detonator_in_the_window_is_no_answer_of_the_one_that_was_there() -> None:
    mine = after_a_blast()
    mine.send(mine.listing({1: 99, 2: 98}))
    mine.reports(ANSWERING_AGAIN)
    assert told(mine) == [("3/67/4/4", "silent_before")]


def test_the_next_blast_makes_it_the_past() -> None:
    mine = after_a_blast()
    mine.reports(ANSWERING_AGAIN)
    mine.fires()
    assert mine.system.answered == {}
    assert mine.system.remembered == {}


def test_a_booster_that_was_retired_is_nobodys_worry_any_more() -> None:
    mine = after_a_blast()
    mine.reports({1: READY})
    mine.command("retire_unit", unit="3/67")
    assert (mine.system.answered, mine.system.remembered) == ({}, {})
    mine.charged(ANSWERING_AGAIN)
    assert len(told(mine)) == 1


def test_one_that_was_cleared_in_the_blast_is_not_remembered() -> None:
    mine = Mine().charged().fires()
    mine.send(mine.clear())
    mine.charged(ANSWERING_AGAIN).is_told_by_time()
    mine.reports(ANSWERING_AGAIN)
    assert told(mine) == []


def test_type_1_boosters_of_a_section_controller_are_remembered_alike() -> None:
    mine = Mine(Mode.IBS)
    mine.send(mine.say(2, 4, None, [{"serial": 71}]))
    mine.send(mine.say(3, 4, {"key_switch": 1}, [{"detonator_status": 1, "mains": 1}]))
    mine.arms().presses()
    mine.has_fired()
    mine.send(mine.say(3, 4, {"key_switch": 1}, [{"booster_fired": 1, "mains": 1}]))
    assert mine.document["detonators"]["fired"] == 1
    mine.wait(MINUTE).send(mine.say(3, 4, {"key_switch": 1}, [{"detonator_status": 1, "mains": 1}]))
    assert told(mine) == [("1/4/2/1", "fired")]


@pytest.mark.parametrize("answers", [READY, 0x02])
def test_answering_is_the_bit_whatever_else_is_said(answers: int) -> None:
    mine = after_a_blast()
    mine.reports({1: answers})
    assert told(mine) == [("3/67/4/1", "fired")]
