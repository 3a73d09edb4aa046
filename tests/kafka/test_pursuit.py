"""How long somebody is behind an end that moves."""

from stateserver.kafka.pursuit import SEEN_MAX, Pursuit


def test_behind_since_the_end_was_first_seen_there() -> None:
    pursuit = Pursuit()
    assert pursuit.behind_since is None
    pursuit.ends(0, 1)
    assert pursuit.behind_since is None
    for at in (2, 3, 4):
        pursuit.ends(10, at)
    assert pursuit.behind_since == 2
    pursuit.reached(9)
    assert pursuit.behind_since == 2
    pursuit.reached(10)
    assert pursuit.behind_since is None
    pursuit.ends(10, 5)
    assert pursuit.behind_since is None


def test_who_follows_an_end_that_moves_is_never_far_behind() -> None:
    pursuit = Pursuit()
    for at in range(1, 2 * SEEN_MAX):
        pursuit.ends(10 * at, at)
        pursuit.reached(10 * at - 25)
        assert pursuit.behind_since is not None
        assert at - pursuit.behind_since <= 2


def test_who_stands_still_is_behind_from_the_first_end_on_that_it_lacks() -> None:
    pursuit = Pursuit()
    for at in range(1, 3 * SEEN_MAX):
        pursuit.ends(10 * at, at)
        pursuit.reached(25)
    assert pursuit.behind_since == 3
    pursuit.reached(10 * 3 * SEEN_MAX)
    assert pursuit.behind_since is None


def test_a_partition_that_was_made_anew_begins_anew() -> None:
    pursuit = Pursuit()
    pursuit.ends(100, 1)
    pursuit.reached(90)
    pursuit.ends(3, 2)
    assert pursuit.behind_since == 2
    pursuit.reached(3)
    assert pursuit.behind_since is None
