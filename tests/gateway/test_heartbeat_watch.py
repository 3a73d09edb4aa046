"""What is to be said of each partition, by heartbeats that come or don't, and journals that are read or not."""

from collections.abc import Mapping

import pytest

from stateserver.codec.heartbeat import Heartbeat, TroubledSource
from stateserver.gateway.heartbeat_watch import PATIENCE_S, HeartbeatWatch
from stateserver.gateway.liveness import Condition, PartitionStanding

LIVE, SILENT, AWAITING = Condition.LIVE, Condition.WORKER_SILENT, Condition.AWAITING_WORKER
NOW_MS = 1_700_000_000_000
KAFKAS_MS = 1_500_000_000_000
"""A broker's clock may be anywhere."""


def beat(
    partition: int = 1,
    positions: Mapping[str, int] | None = None,
    *,
    condition: str = "live",
    worker: str = "a",
    held_since: int = 0,
    troubled: list[TroubledSource] | None = None,
) -> Heartbeat:
    told = dict(positions or {"packets": 0})
    # Its own clock, `at`, is not to be believed.
    return Heartbeat(partition, condition, None, 77, told, 0, None, 5, worker, "", held_since, troubled or [])


class Heard:
    """A watch, and `heartbeats` as it is written meanwhile; the clock is the test's."""

    def __init__(self, *partitions: int, journals: tuple[str, ...] = ("packets",)) -> None:
        self.watch = HeartbeatWatch(partitions or (1,), journals)
        self.ends = dict.fromkeys(partitions or (1,), 0)
        self.journals = {(topic, number): 0 for topic in journals for number in self.ends}

    def ask(self, now_s: float) -> None:
        self.watch.asked(self.ends, self.journals, now_s)

    def appended(self, told: Heartbeat) -> tuple[int, int, Heartbeat, int]:
        """Now it lies there; it may come later."""
        offset = self.ends[told.partition]
        self.ends[told.partition] += 1
        return told.partition, offset, told, KAFKAS_MS + offset

    def beat(self, told: Heartbeat) -> None:
        self.watch.came(*self.appended(told))

    def of(self, now_s: float, partition: int = 1) -> Condition:
        return self.standing(now_s, partition).condition

    def standing(self, now_s: float, partition: int = 1) -> PartitionStanding:
        return self.watch.standings(now_s, NOW_MS + round(now_s * 1000))[partition]


def test_live_while_heartbeats_come_and_not_for_long_after() -> None:
    heard = Heard()
    heard.ask(0)
    heard.watch.begin(0)
    assert heard.of(0) is AWAITING
    for now_s in range(1, 100):
        heard.beat(beat())
        heard.ask(now_s)
        assert heard.of(now_s) is LIVE
    assert heard.of(98 + PATIENCE_S) is LIVE
    assert heard.standing(98.1 + PATIENCE_S) == (SILENT, KAFKAS_MS + 98)


def test_what_lay_there_before_is_no_sign_of_life_however_young_it_looks() -> None:
    heard = Heard()
    heard.beat(beat())
    old = heard.appended(beat())
    heard.ask(0)
    heard.watch.begin(1)
    heard.watch.came(*old)
    assert heard.of(2) is AWAITING
    assert heard.standing(1.1 + PATIENCE_S) == (SILENT, KAFKAS_MS + 1)
    heard.beat(beat())
    assert heard.of(2 + PATIENCE_S) is SILENT, "it is only known to be younger than the question long ago"
    heard.ask(2 + PATIENCE_S)
    heard.beat(beat())
    assert heard.of(2 + PATIENCE_S) is LIVE


def test_without_any_heartbeat_nobody_knows_since_when() -> None:
    heard = Heard()
    heard.ask(0)
    heard.watch.begin(0)
    assert heard.standing(0.1 + PATIENCE_S) == (SILENT, None)


def test_a_backlog_of_heartbeats_that_comes_at_once_is_as_old_as_it_is() -> None:
    """The gateway could not hear for a while; meanwhile the worker has died."""
    heard = Heard()
    heard.ask(0)
    heard.watch.begin(0)
    late = [heard.appended(beat()) for _ in range(20)]
    heard.ask(100)
    heard.watch.begin(100)
    for one in late:
        heard.watch.came(*one)
    assert heard.of(100) is AWAITING
    assert heard.of(100.1 + PATIENCE_S) is SILENT


def test_each_partition_stands_for_itself() -> None:
    heard = Heard(0, 1, 2)
    heard.ask(0)
    heard.watch.begin(0)
    heard.beat(beat(0))
    heard.beat(beat(2, condition="stopped"))
    heard.ask(11)
    heard.beat(beat(0))
    heard.beat(beat(2, condition="stopped"))
    assert [heard.of(11, one) for one in (0, 1, 2)] == [LIVE, SILENT, Condition.PARTITION_STOPPED]


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("restoring", Condition.CATCHING_UP),
        ("reading", Condition.CATCHING_UP),
        ("stopped", Condition.PARTITION_STOPPED),
        ("something new", Condition.CATCHING_UP),
    ],
)
def test_what_its_worker_says_of_it_is_told_with_its_time(condition: str, told: Condition) -> None:
    heard = Heard()
    heard.ask(0)
    heard.beat(beat(condition=condition))
    assert heard.standing(1) == (told, 77)


def test_records_that_nothing_comes_of_are_told_after_a_while_also_those_from_before() -> None:
    heard = Heard()
    heard.journals["packets", 1] = 8
    for now_s in range(int(PATIENCE_S) + 5):
        heard.ask(now_s)
        heard.beat(beat(positions={"packets": 7}))
        assert heard.of(now_s) is (LIVE if now_s < PATIENCE_S else Condition.JOURNAL_UNREAD)
    assert heard.standing(20).since == NOW_MS, "the end was first seen there at 0 s"
    heard.beat(beat(positions={"packets": 8}))
    assert heard.of(PATIENCE_S + 5) is LIVE


def test_a_worker_that_follows_a_journal_closely_is_live_whatever_comes() -> None:
    heard = Heard()
    for now_s in range(100):
        heard.journals["packets", 1] = 500 * now_s
        heard.ask(now_s)
        heard.beat(beat(positions={"packets": max(0, 500 * now_s - 700)}))
        assert heard.of(now_s) is LIVE


def test_of_several_journals_each_counts_and_one_that_its_worker_does_not_read_is_unread() -> None:
    heard = Heard(journals=("packets", "more", "other"))
    heard.journals["more", 1] = 3
    for now_s in range(12):
        heard.ask(now_s)
        heard.beat(beat(positions={"packets": 0, "more": 3}))
    assert heard.of(12) is LIVE
    heard.journals["other", 1] = 1
    for now_s in range(12, 25):
        heard.ask(now_s)
        heard.beat(beat(positions={"packets": 0, "more": 3}))
    assert heard.of(24) is Condition.JOURNAL_UNREAD


def test_a_worker_that_another_one_has_followed_has_no_say_any_more() -> None:
    """One that was frozen wakes up, and does not know yet that it was taken for dead."""
    heard = Heard()
    heard.ask(0)
    heard.watch.begin(0)
    heard.beat(beat(worker="a"))
    heard.beat(beat(worker="b", condition="restoring"))
    heard.beat(beat(worker="a"))
    assert heard.of(1) is Condition.CATCHING_UP
    heard.ask(11)
    heard.beat(beat(worker="a"))
    assert heard.of(12) is SILENT
    heard.ask(12)
    heard.beat(beat(worker="a", held_since=1))  # given to it once more
    assert heard.of(12) is LIVE


def test_since_stays_while_the_condition_does() -> None:
    heard = Heard()
    heard.ask(0)
    heard.watch.begin(0)
    for now_s in (1, 2, 3):
        assert heard.standing(now_s) == (AWAITING, NOW_MS + 1_000)


def test_sources_in_trouble_are_those_of_all_partitions() -> None:
    one = TroubledSource("north", "ps", "rejected", "bad_seal", 7, 0)
    heard = Heard(0, 1)
    heard.beat(beat(1, troubled=[one]))
    assert heard.watch.troubled == [one]
    heard.beat(beat(0, troubled=[one._replace(system="south")]))
    heard.beat(beat(1))
    assert heard.watch.troubled == [one._replace(system="south")]
