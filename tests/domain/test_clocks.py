"""Clocks that are wrong, and put right (spec page 2, Applying a record, steps 2 to 4; Deadlines)."""

from tests.domain.mine import BEGINNING, MINUTE, SECOND, Mine, kinds_of

HOUR = 60 * MINUTE


def test_nothing_was_created_after_it_was_appended() -> None:
    mine = Mine()
    (ahead, *rest) = mine.send(mine.status(1, 0), at=HOUR, appended_at=0)
    assert (ahead.kind, ahead.details, ahead.at) == ("clock_ahead", {"by": HOUR}, BEGINNING)
    assert {change.at for change in rest} == {BEGINNING}
    assert mine.system.time == BEGINNING


def test_a_clock_ahead_is_told_once_until_a_frame_of_that_source_is_not() -> None:
    mine = Mine()
    for seconds, ahead in enumerate((6_000, 6_000, 5_000, 5_001)):
        mine.send(mine.status(1, 0), at=seconds * SECOND + ahead, appended_at=seconds * SECOND)
    assert [(change.sequence, change.details["by"]) for change in mine.told("clock_ahead")] == [(1, 6000), (4, 5001)]


def test_without_an_append_time_nobody_is_ahead() -> None:
    mine = Mine()
    mine.send(mine.status(1, 0), at=HOUR, appended_at=0)
    mine.send(mine.status(1, 0), at=HOUR)
    assert mine.send(mine.status(1, 0), at=2 * HOUR, appended_at=HOUR)[0].kind == "clock_ahead"


def test_a_clock_that_is_set_back_is_told_by_how_much() -> None:
    mine = Mine().wait(HOUR)
    mine.send(mine.status(1, 0))
    (told,) = mine.send(mine.status(1, 0), at=HOUR - 5_001)
    assert (told.kind, told.details, told.unit) == ("clock_set_back", {"by": 5_001}, None)


def test_a_frame_that_is_a_little_early_sets_no_clock_back() -> None:
    mine = Mine().wait(HOUR)
    mine.send(mine.status(1, 0))
    assert mine.send(mine.status(1, 0), at=HOUR - 5_000) == []
    assert mine.system.clock == BEGINNING + HOUR


def test_a_clock_set_back_hides_no_blast() -> None:
    mine = Mine().wait(HOUR).charged().arms()
    mine.now = 0
    assert "blast_opened" in kinds_of(mine.presses())
    mine.has_fired()
    mine.reports()
    assert mine.document["detonators"]["fired"] == 4
    assert mine.document["how"] == "data_completed"


def test_a_clock_set_back_in_a_blast_moves_its_timers_and_its_evidence_and_casts_doubt() -> None:
    mine = Mine().wait(HOUR).charged().fires()
    mine.now = 0
    mine.reports()
    assert mine.document["detonators"]["fired"] == 4
    assert mine.document["verdict"] == "doubtful"
    assert mine.attention == [("clock_changed", "0/23", None)]


def test_data_after_a_clock_set_back_are_not_stale() -> None:
    mine = Mine().wait(HOUR).charged()
    mine.now = 0
    assert "stale_frame" not in kinds_of(mine.reports({1: 0x71}))
    assert mine.unit("3/67/4/1")["detonator_status"] is False
    assert mine.unit("3/67/4/2")["as_of"] == BEGINNING


def test_the_systems_time_never_goes_back() -> None:
    mine = Mine().wait(HOUR)
    mine.send(mine.status(1, 0))
    mine.send(mine.status(1, 0), at=0)
    assert (mine.system.time, mine.system.clock) == (BEGINNING + HOUR, BEGINNING)


def test_another_source_that_is_right_holds_the_clock() -> None:
    mine = Mine().wait(HOUR)
    mine.send(mine.status(1, 0), "ps-1")
    mine.send(mine.data({}), "ps-2", at=HOUR - MINUTE)
    mine.send(mine.status(1, 0), "ps-1", at=0)
    assert mine.system.clock == BEGINNING + HOUR - MINUTE


def test_after_a_clock_was_set_back_communication_is_lost_by_the_new_clock() -> None:
    mine = Mine().wait(HOUR)
    mine.send(mine.data({}))
    mine.now = 0
    mine.send(mine.status(1, 0))
    mine.wait(10 * MINUTE)
    lost = [change for change in mine.tick() if change.after.get("communication_status") is False]
    assert [change.unit for change in lost] == ["0/23", "3/67"]
    assert {change.at for change in lost} == {BEGINNING + 10 * MINUTE}


def test_what_a_packet_server_kept_back_for_an_hour_makes_nothing_overdue_at_once() -> None:
    mine = Mine().wait(HOUR)
    mine.send(mine.status(1, 0), "ps-1")
    mine.send(mine.data({}), "ps-2", at=0)
    assert mine.unit("3/67")["communication_status"] is True
    assert mine.wait(10 * MINUTE - 1).tick() == []


def test_a_press_that_was_kept_back_opens_a_blast_whose_timers_go_by_the_clock() -> None:
    mine = Mine().wait(HOUR)
    mine.send(mine.data({}), "ps-2")
    mine.send(mine.status(1, 1, 1), "ps-1", at=0)
    assert mine.document["initiated"] == BEGINNING
    assert mine.wait(7 * MINUTE - 1).tick() != []
    assert mine.system.blast is not None
    mine.wait(1).tick()
    assert mine.document["how"] == "timer_completed"


def test_a_tick_at_or_before_the_clock_changes_nothing_at_all() -> None:
    mine = Mine().wait(HOUR)
    mine.send(mine.status(1, 0))
    before = dict(mine.system.counters)
    assert mine.tick() == []
    assert mine.system.counters == before
