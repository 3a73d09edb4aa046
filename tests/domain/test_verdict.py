"""What is to be thought of a closed blast (spec page 2, The verdict)."""

from typing import Any

from tests.domain.mine import FIRED, GONE_SILENT, MINUTE, READY, SECOND, Mine

OTHER = 68


def not_fired(mine: Mine) -> list[tuple[int, str, str | None]]:
    return [(row["window_id"], row["outcome"], row["why"]) for row in mine.document["active"][0]["not_fired"]]


def verdict(mine: Mine) -> tuple[str, int]:
    document: dict[str, Any] = mine.document
    return document["verdict"], document["detonators"]["misfires"]


def test_all_fired_and_nothing_speaks_against_it() -> None:
    mine = Mine().charged().fires()
    mine.reports()
    assert (verdict(mine), mine.attention) == (("all_fired", 0), [])


def test_missed_unreported_and_silent_before_are_misfires_by_law() -> None:
    mine = Mine().charged({1: READY, 2: READY, 3: READY, 4: GONE_SILENT}).fires()
    mine.reports({1: FIRED})
    mine.reports({2: READY})
    mine.is_told_by_time()
    assert verdict(mine) == ("not_all_fired", 3)
    assert not_fired(mine) == [(2, "missed", None), (3, "unreported", "no_evidence")]


def test_an_aborted_blast_is_aborted_whatever_else() -> None:
    mine = Mine().charged().arms()
    mine.presses()
    mine.send(mine.status(0, 0))
    mine.reports()
    assert verdict(mine)[0] == "aborted"


def test_with_nobody_watched_not_all_fired() -> None:
    assert verdict(Mine().fires().is_told_by_time()) == ("not_all_fired", 0)


def test_possibly_live_boosters_leave_doubt() -> None:
    mine = Mine().charged(booster=OTHER, key_switch=0).charged().fires()
    mine.reports()
    assert verdict(mine) == ("doubtful", 0)


def test_cleared_comes_before_replaced_as_the_reason() -> None:
    mine = Mine().charged().fires()
    mine.send(mine.listing({1: 7}))
    mine.is_told_by_time()
    assert not_fired(mine)[0] == (1, "unreported", "replaced")
    mine = Mine().charged().fires()
    mine.send(mine.listing({1: 7}))
    mine.send(mine.clear())
    mine.is_told_by_time()
    assert {why for _, _, why in not_fired(mine)} == {"cleared"}


def test_one_that_answers_at_the_end_is_named() -> None:
    mine = Mine().charged().charged({5: READY}, OTHER, key_switch=0).fires()
    mine.reports({5: READY}, OTHER, key_switch=0)
    mine.reports()
    assert ("answers_at_end", "3/68", [5]) in mine.attention


def test_one_that_was_heard_before_the_firing_ended_does_not_answer_at_the_end() -> None:
    mine = Mine().charged().charged({5: READY}, OTHER, key_switch=0).fires()
    mine.reports()
    assert mine.attention == []


def test_a_missed_one_is_told_already() -> None:
    mine = Mine().charged({1: READY}).fires()
    mine.reports({1: READY})
    assert (verdict(mine), mine.attention) == (("not_all_fired", 1), [])


def test_one_that_its_booster_never_marked_as_fired() -> None:
    mine = Mine().charged().fires()
    mine.reports({1: FIRED, 2: FIRED, 3: FIRED, 4: 0x01})
    assert mine.attention == [("not_marked_fired", "3/67", [4])]
    assert verdict(mine) == ("doubtful", 0)


def test_one_whose_bridge_wire_is_whole_at_the_end() -> None:
    mine = Mine().charged().fires()
    mine.reports({1: FIRED, 2: FIRED, 3: 0x49, 4: FIRED})
    assert mine.attention == [("bridge_wire_whole", "3/67", [3])]


def test_a_fault_that_is_open_at_the_end_is_a_row_a_field() -> None:
    mine = Mine().charged().fires()
    mine.reports(None, cable_fault=1, mains=0)
    rows = [(row["what"], row["field"]) for row in mine.document["attention"]]
    assert rows == [("fault_at_end", "cable_fault"), ("fault_at_end", "mains")]
    assert [row["field"] for row in mine.document["warnings_after"]] == ["cable_fault", "mains"]


def test_a_press_that_was_refused_or_came_late() -> None:
    mine = Mine().charged().arms()
    mine.presses(firing=0)
    mine.has_fired()
    mine.reports()
    assert mine.attention == [("start_unseen", "0/23", None)]


def test_a_source_that_was_ahead_at_the_opening_casts_doubt_on_the_times() -> None:
    mine = Mine()
    mine.send(mine.data({}, OTHER), "ps-2", at=MINUTE, appended_at=0)
    mine.charged().fires()
    mine.reports()
    assert mine.attention == [("clock_changed", "0/23", None)]


def test_a_detonator_error_counts_where_the_booster_was_not_successful() -> None:
    mine = Mine().charged(None, detonator_error=1).fires()
    mine.reports()
    assert mine.attention == []
    mine = Mine().charged(None, detonator_error=1).fires()
    mine.reports({1: FIRED})
    mine.is_told_by_time()
    assert mine.attention == [("detonator_error", "3/67", None)]


def test_what_could_have_been_seen_at_the_start() -> None:
    mine = Mine()
    mine.send(mine.listing({1: 11, 2: 12, 3: 11}))
    mine.send(mine.data({1: READY, 2: READY & ~0x40, 3: READY}, delays={3: 15_001}))
    mine.fires()
    mine.reports({1: FIRED, 2: FIRED, 3: FIRED})
    assert mine.attention == [
        ("bridge_wire_open", "3/67", [2]),
        ("delay_over_limit", "3/67", [3]),
        ("uid_twice", "3/67", [1, 3]),
    ]


def test_counts_after_say_how_many_of_them_were_heard() -> None:
    mine = Mine().charged().charged({1: READY, 2: READY}, OTHER, key_switch=0).fires()
    mine.wait(SECOND).reports({1: FIRED})
    mine.is_told_by_time()
    (active,), (live,) = mine.document["active"], mine.document["possibly_live"]
    assert (active["heard_after"], active["after"]["answering"]) == (1, 3)
    assert (live["heard_after"], live["after"]["answering"], live["detonators"]) == (0, 2, 2)
