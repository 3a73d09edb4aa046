"""The whole is live where every partition is; a system is where its own one is."""

from stateserver.codec.heartbeat import TroubledSource
from stateserver.gateway.liveness import Condition, Liveness, PartitionStanding

LIVE = PartitionStanding(Condition.LIVE, 1)


def watched(**standings: PartitionStanding) -> Liveness:
    """A gateway that has read all, and what is said of partitions `p0`, `p1` and so on."""
    liveness = Liveness()
    liveness.has_read()
    liveness.watch({int(name[1:]): standing for name, standing in standings.items()}, ())
    return liveness


def test_one_partition_makes_the_whole_not_live_and_no_system_but_its_own() -> None:
    liveness = watched(p0=LIVE, p1=PartitionStanding(Condition.WORKER_SILENT, 5), p2=LIVE)
    assert liveness.condition is Condition.WORKER_SILENT
    assert not liveness.live
    assert liveness.serving, "it must be there to say so"
    assert [liveness.is_live(one) for one in (0, 1, 2)] == [True, False, True]
    assert not liveness.is_live(None), "nobody knows which partition it is in"
    assert liveness.partitions_not_live == 1
    assert liveness.document()["troubles"] == [
        {"condition": "worker_silent", "reason": "no worker gives a sign of life", "partitions": [1], "since": 5}
    ]


def test_the_worst_is_the_condition_and_all_are_told() -> None:
    liveness = watched(
        p0=PartitionStanding(Condition.CATCHING_UP, 9),
        p1=PartitionStanding(Condition.WORKER_SILENT, None),
        p2=PartitionStanding(Condition.CATCHING_UP, 7),
        p3=PartitionStanding(Condition.WORKER_SILENT, 8),
    )
    assert liveness.condition is Condition.WORKER_SILENT
    assert [(one.condition, one.partitions, one.since) for one in liveness.troubles] == [
        (Condition.WORKER_SILENT, (1, 3), 8),
        (Condition.CATCHING_UP, (0, 2), 7),
    ]
    assert liveness.troubles[0].shown() == (
        "no worker gives a sign of life of partitions 1, 3, since 1970-01-01T00:00:00.008000+00:00"
    )


def test_while_the_feed_itself_is_not_well_nothing_is_live() -> None:
    liveness = watched(p0=LIVE)
    assert liveness.live
    assert liveness.is_live(0)
    liveness.enter(Condition.BROKER_LOST)
    assert not liveness.is_live(0)
    assert not liveness.serving
    assert liveness.troubles[0].partitions == ()
    liveness.watch({0: LIVE}, ())
    assert liveness.live


def test_what_is_told_has_a_revision_that_tells_it_apart() -> None:
    liveness = watched(p0=LIVE)
    before = liveness.revision
    liveness.watch({0: LIVE}, ())
    assert liveness.revision == before
    liveness.watch({0: LIVE}, [TroubledSource("m", "ps", "rejected", "bad_seal", 1, 2)])
    liveness.watch({0: PartitionStanding(Condition.CATCHING_UP, 1)}, liveness.troubled)
    assert liveness.revision == before + 2


def test_it_is_not_ready_before_it_has_read() -> None:
    liveness = Liveness()
    assert not liveness.ready
    assert not liveness.serving
    liveness.has_read()
    assert liveness.ready
