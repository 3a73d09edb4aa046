"""Records in, and something out: or it is told."""

from stateserver.gateway.journal_watch import JournalWatch


def test_what_was_there_before_does_not_count() -> None:
    watch = JournalWatch(10)
    watch.arrived({("packets", 1): 7}, 0)
    watch.arrived({("packets", 1): 7}, 100)
    assert watch.unread(200) == []


def test_records_that_nothing_comes_of_are_told_after_a_while() -> None:
    watch = JournalWatch(10)
    watch.arrived({("packets", 1): 7, ("packets", 2): 0}, 0)
    watch.arrived({("packets", 1): 8, ("packets", 2): 0}, 5)
    watch.arrived({("packets", 1): 9, ("packets", 2): 0}, 12)
    assert watch.unread(14.9) == []
    assert watch.unread(15) == [1]
    watch.answered(1)
    assert watch.unread(100) == []


def test_each_partition_answers_for_itself() -> None:
    watch = JournalWatch(10)
    watch.arrived({("packets", 1): 0, ("packets", 2): 0, ("more", 2): 0}, 0)
    watch.arrived({("packets", 1): 1, ("packets", 2): 0, ("more", 2): 1}, 1)
    watch.answered(1)
    assert watch.unread(11) == [2]


def test_an_answer_that_was_here_before_the_record_was_heard_of_counts() -> None:
    watch = JournalWatch(10)
    watch.arrived({("packets", 1): 7}, 0)
    watch.answered(1)
    watch.applied(1, 7)
    watch.arrived({("packets", 1): 8}, 2)
    assert watch.unread(100) == []
    watch.arrived({("packets", 1): 9}, 102)
    assert watch.unread(112) == [1]


def test_of_several_journals_nobody_knows_whose_record_was_applied() -> None:
    watch = JournalWatch(10)
    watch.arrived({("packets", 1): 7, ("more", 1): 3}, 0)
    watch.applied(1, 7)
    watch.arrived({("packets", 1): 7, ("more", 1): 4}, 2)
    assert watch.unread(12) == [1]


def test_a_journal_that_begins_anew_owes_its_own_answers() -> None:
    watch = JournalWatch(10)
    watch.arrived({("packets", 1): 100}, 0)
    watch.applied(1, 99)
    watch.arrived({("packets", 1): 0}, 2)
    watch.arrived({("packets", 1): 1}, 4)
    assert watch.unread(14) == [1]
