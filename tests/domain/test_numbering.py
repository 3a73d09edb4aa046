"""What a source's numbers tell: twice, missing, begun anew (spec page 2, Applying a record, steps 1, 2 and 4)."""

import pytest

from stateserver.domain.records import UnreadableFrame
from stateserver.protocol.reasons import Rejected
from tests.domain.mine import BEGINNING, SECOND, Mine, kinds_of


def broken(mine: Mine, sequence: int) -> None:
    with pytest.raises(Rejected, match="bad_crc"):
        mine.send(bytes.fromhex("aaaa0a08001705c00000"), sequence=sequence)


def test_a_gap_tells_how_many_are_missing() -> None:
    mine = Mine()
    mine.send(mine.status(0, 0), sequence=1)
    (gap, *_) = mine.send(mine.status(0, 0), sequence=5)
    assert (gap.kind, gap.details) == ("sequence_gap", {"expected": 2, "got": 5, "missing": 3})


def test_a_rejected_frame_did_come_so_it_is_not_missing() -> None:
    mine = Mine()
    mine.send(mine.status(0, 0), sequence=1)
    broken(mine, 2)
    assert mine.send(mine.status(0, 0), sequence=3) == []
    broken(mine, 5)
    (gap,) = mine.send(mine.status(0, 0), sequence=7)
    assert gap.details == {"expected": 4, "got": 7, "missing": 2}


def test_a_rejected_frame_is_accounted_for_once() -> None:
    mine = Mine()
    mine.send(mine.status(0, 0), sequence=1)
    broken(mine, 3)
    broken(mine, 3)
    (gap,) = mine.send(mine.status(0, 0), sequence=4)
    assert gap.details["missing"] == 1


def test_where_a_rejected_frame_lies_beyond_the_next_one_none_is_accounted_for() -> None:
    mine = Mine()
    mine.send(mine.status(0, 0), sequence=1)
    broken(mine, 2)
    broken(mine, 9)
    (gap,) = mine.send(mine.status(0, 0), sequence=5)
    assert gap.details["missing"] == 3


def test_the_next_applied_frame_ends_the_account() -> None:
    mine = Mine()
    mine.send(mine.status(0, 0), sequence=1)
    broken(mine, 3)
    mine.send(mine.status(0, 0), sequence=2)
    (gap,) = mine.send(mine.status(0, 0), sequence=4)
    assert gap.details["missing"] == 1


def test_a_line_that_is_not_hex_is_a_frame_that_came() -> None:
    mine = Mine()
    mine.send(mine.status(0, 0), sequence=1)
    with pytest.raises(Rejected, match="bad_hex"):
        mine.apply(UnreadableFrame(BEGINNING, mine.mode, "ps-1", 2, "not hex"))
    assert mine.send(mine.status(0, 0), sequence=3) == []


def test_a_duplicate_changes_nothing() -> None:
    mine = Mine()
    mine.send(mine.status(0, 0), sequence=1)
    mine.send(mine.status(1, 0), sequence=2)
    assert mine.send(mine.status(0, 0), sequence=1) == []
    assert mine.operation == "armed"


def test_a_source_that_counts_anew_is_told() -> None:
    mine = Mine()
    mine.send(mine.status(0, 0), sequence=8)
    (told, *_) = mine.wait(SECOND).send(mine.status(1, 0), sequence=3)
    assert (told.kind, told.details) == ("sequence_restarted", {"expected": 9, "got": 3})
    assert mine.send(mine.status(1, 0), sequence=4) == []


def test_a_source_that_was_rebooted_begins_with_number_1_whatever_its_clock_says() -> None:
    mine = Mine().wait(60 * SECOND)
    mine.send(mine.status(0, 0), sequence=1)
    mine.send(mine.status(0, 0), sequence=2)
    mine.wait(-4 * SECOND)
    assert kinds_of(mine.send(mine.status(1, 0), sequence=1))[0] == "sequence_restarted"
    assert mine.send(mine.status(0, 0), sequence=1) == []


def test_after_a_restart_older_frames_are_no_duplicates_of_those_before_it() -> None:
    mine = Mine().wait(60 * SECOND)
    mine.send(mine.status(0, 0), sequence=1)
    mine.send(mine.status(0, 0), sequence=9)
    mine.wait(-4 * SECOND).send(mine.status(0, 0), sequence=1)
    assert kinds_of(mine.wait(SECOND).send(mine.status(1, 0), sequence=2)) == ["unit_changed", "operation_changed"]
