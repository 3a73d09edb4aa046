"""What a worker says of its own health, for whoever starts it again or sends it no more work.

*Live* is a process whose event loop turns: what doesn't is to be started anew. *Ready* is one all whose partitions are
read to their end and kept there. Asked from another thread, as the loop that stands still can't answer.
"""

import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Final, NamedTuple

from stateserver.codec.heartbeat import PartitionCondition
from stateserver.stream.keeper import PartitionKeeper

LOOP_STALLED_S: Final = 30.0
"""Longer than any step of a restore: who is killed in the midst of one begins it anew."""
SILENT_AFTER_MS: Final = 10_000
"""Gateways bear no longer silence either."""
BEHIND_AFTER_MS: Final = 10_000


class WorkerCondition(StrEnum):
    """What a worker is doing, the worst first."""

    ENDING = "ending"
    STARTING = "starting"
    LOOP_STALLED = "loop_stalled"
    STOPPED = "stopped"
    WAITING_FOR_GROUP = "waiting_for_group"
    REBALANCING = "rebalancing"
    KAFKA_STALLED = "kafka_stalled"
    RESTORING = "restoring"
    READING = "reading"
    BEHIND = "behind"
    SPARE = "spare"
    LIVE = "live"


SAID: Final = {
    WorkerCondition.ENDING: "it is about to end, its log says why",
    WorkerCondition.STARTING: "it has not connected to Kafka yet",
    WorkerCondition.LOOP_STALLED: "its event loop stands still",
    WorkerCondition.STOPPED: "partitions stand still, its log says before which record",
    WorkerCondition.WAITING_FOR_GROUP: "the group has given it no part yet",
    WorkerCondition.REBALANCING: "partitions are being given out anew",
    WorkerCondition.KAFKA_STALLED: "Kafka takes or gives nothing",
    WorkerCondition.RESTORING: "state is being restored",
    WorkerCondition.READING: "the journal is not read to its end yet",
    WorkerCondition.BEHIND: "records wait in the journal",
    WorkerCondition.SPARE: "it is in the group, which has no partition left for it",
    WorkerCondition.LIVE: "all its partitions are read to their end",
}


class Verdict(NamedTuple):
    """The condition, of which partitions it is told, and since when where that is known (ms since 1970)."""

    condition: WorkerCondition
    partitions: tuple[int, ...] = ()
    since_ms: int | None = None

    @property
    def ready(self) -> bool:
        """Whether it does its part."""
        return self.condition in (WorkerCondition.LIVE, WorkerCondition.SPARE)


def judge(keepers: Iterable[PartitionKeeper], now_ms: int) -> Verdict:
    """What is to be said of a worker with these partitions in its care: the worst of them."""
    of_each = [(_of_partition(keeper, now_ms), keeper.partition) for keeper in keepers]
    if not of_each:
        return Verdict(WorkerCondition.SPARE)
    order = list(WorkerCondition)
    worst, _ = min((condition for (condition, _), _ in of_each), key=order.index), None
    told = [(since, partition) for (condition, since), partition in of_each if condition is worst]
    return Verdict(worst, tuple(sorted(partition for _, partition in told)), int(min(since for since, _ in told)))


def _of_partition(keeper: PartitionKeeper, now_ms: int) -> tuple[WorkerCondition, float]:
    """Its condition, and since when."""
    signs = keeper.signs
    if signs.condition is PartitionCondition.STOPPED:
        return WorkerCondition.STOPPED, signs.since_ms
    if signs.condition is PartitionCondition.RESTORING:
        return WorkerCondition.RESTORING, signs.since_ms
    if now_ms - signs.given_ms > SILENT_AFTER_MS:
        return WorkerCondition.KAFKA_STALLED, signs.given_ms
    if signs.condition is PartitionCondition.READING:
        return WorkerCondition.READING, signs.since_ms
    behind_since = signs.behind_since_ms
    if behind_since is not None and now_ms - behind_since > BEHIND_AFTER_MS:
        return WorkerCondition.BEHIND, behind_since
    return WorkerCondition.LIVE, signs.since_ms


class Health:
    """The last verdict, and when the loop gave it. `clock_s` only goes forward."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._told = (Verdict(WorkerCondition.STARTING), clock_s())

    def report(self, verdict: Verdict) -> None:
        """From the event loop, each second or so: it turns, and this is how things are."""
        self._told = (verdict, self._clock_s())

    @property
    def verdict(self) -> Verdict:
        """As it is now: what a loop said that stands still since is not so any more."""
        verdict, at_s = self._told
        return Verdict(WorkerCondition.LOOP_STALLED) if self._clock_s() - at_s > LOOP_STALLED_S else verdict

    def live(self) -> dict[str, Any]:
        """The answer of `/health/live`; `live` says which status it has."""
        condition = self.verdict.condition
        return {"live": condition is not WorkerCondition.LOOP_STALLED, "condition": condition}

    def ready(self) -> dict[str, Any]:
        """The answer of `/health/ready`; `ready` says which status it has."""
        verdict = self.verdict
        return {
            "ready": verdict.ready,
            "condition": verdict.condition,
            "reason": SAID[verdict.condition],
            "partitions": list(verdict.partitions),
            "since": verdict.since_ms,
        }
