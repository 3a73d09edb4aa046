"""Judges by the workers' heartbeats, and by where the journals end, whether what the topics say is the present. Pure.

Without a worker the topics simply stay as they are, and look like a quiet mine. No clock of another machine is
believed in this: what lay there when we asked where `heartbeats` ends is old, what came behind that end is younger than
our question, and how old that is our own clock tells.
"""

from collections import deque
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from stateserver.codec.heartbeat import Heartbeat, PartitionCondition, TroubledSource
from stateserver.gateway.liveness import Condition, PartitionStanding
from stateserver.kafka.pursuit import Pursuit

PATIENCE_S: Final = 10.0
"""How old a heartbeat, and how long unread a record, may be: longer than a worker takes to take over from another."""
QUESTIONS_MAX: Final = 100
WORKERS_MAX: Final = 16

Journal = tuple[str, int]
"""An input topic and a partition of it."""
Tenure = tuple[str, int]
"""A worker, and since when it has had the partition."""


class _Question(NamedTuple):
    """When we asked where `heartbeats` ends, and where that was."""

    at: float
    end: int


class _Partition:
    """What is known of one. `younger_than`: when we asked last, before the latest heartbeat was appended."""

    def __init__(self, journals: Collection[str]) -> None:
        self.beat: Heartbeat | None = None
        self.appended_ms: int | None = None
        self.younger_than: float | None = None
        self.standing = PartitionStanding(Condition.AWAITING_WORKER)
        self._questions: deque[_Question] = deque(maxlen=QUESTIONS_MAX)
        self._tenures: dict[Tenure, None] = {}
        self._pursuits = {topic: Pursuit() for topic in journals}

    def asked(self, at: float, end: int) -> None:
        """`heartbeats` ends there."""
        if self._questions and self._questions[-1].end == end:
            self._questions.pop()
        self._questions.append(_Question(at, end))

    def came(self, offset: int, beat: Heartbeat, appended_ms: int | None) -> None:
        """A heartbeat. Of a worker that another one has followed, none counts: it doesn't know yet."""
        tenure = (beat.worker, beat.held_since)
        if tenure in self._tenures and tenure != next(reversed(self._tenures)):
            return
        self._tenures[tenure] = None
        if len(self._tenures) > WORKERS_MAX:
            del self._tenures[next(iter(self._tenures))]
        while self._questions and self._questions[0].end <= offset:
            self.younger_than = self._questions.popleft().at
        self.beat, self.appended_ms = beat, appended_ms
        for topic, position in beat.positions.items():
            if topic in self._pursuits:
                self._pursuits[topic].reached(position)

    def journal_ends(self, topic: str, end: int, at: float) -> None:
        """A journal ends there."""
        self._pursuits[topic].ends(end, at)

    def behind_since(self) -> float | None:
        """Since when a record lies there that isn't applied."""
        return min((since for one in self._pursuits.values() if (since := one.behind_since) is not None), default=None)


class HeartbeatWatch:
    """Times `_s` are of a clock that only goes forward, times `_ms` since 1970."""

    def __init__(self, partitions: Collection[int], journals: Collection[str], patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._partitions = {number: _Partition(journals) for number in partitions}
        self._began_s: float | None = None

    def begin(self, now_s: float) -> None:
        """From now on we can hear: nobody is silent for what we could not hear before."""
        self._began_s = now_s

    def asked(self, ends: Mapping[int, int], journals: Mapping[Journal, int], asked_s: float) -> None:
        """`heartbeats`, by partition, and the journals ended there; the question was put at `asked_s`."""
        for number, end in ends.items():
            self._partitions[number].asked(asked_s, end)
        for (topic, number), end in journals.items():
            if number in self._partitions:
                self._partitions[number].journal_ends(topic, end, asked_s)

    def came(self, partition: int, offset: int, beat: Heartbeat, appended_ms: int | None) -> None:
        """A heartbeat, and Kafka's time of it."""
        self._partitions[partition].came(offset, beat, appended_ms)

    @property
    def beats(self) -> dict[int, Heartbeat]:
        """The latest of each partition that has any."""
        return {number: one.beat for number, one in self._partitions.items() if one.beat is not None}

    @property
    def troubled(self) -> list[TroubledSource]:
        """The sources of which workers say that nothing is of use."""
        return [source for beat in self.beats.values() for source in beat.troubled]

    def standings(self, now_s: float, now_ms: int) -> dict[int, PartitionStanding]:
        """What is to be said of each partition."""
        for one in self._partitions.values():
            condition, since = self._judge(one, now_s, now_ms)
            if condition is not one.standing.condition or one.standing.since is None:
                one.standing = PartitionStanding(condition, since)
        return {number: one.standing for number, one in self._partitions.items()}

    def _judge(self, one: _Partition, now_s: float, now_ms: int) -> PartitionStanding:
        late_s = now_s - self._patience_s
        if one.beat is None or one.younger_than is None or one.younger_than < late_s:
            if self._began_s is None or self._began_s >= late_s:
                return PartitionStanding(Condition.AWAITING_WORKER, now_ms)
            return PartitionStanding(Condition.WORKER_SILENT, one.appended_ms)
        if one.beat.condition == PartitionCondition.STOPPED:
            return PartitionStanding(Condition.PARTITION_STOPPED, one.beat.since)
        if one.beat.condition != PartitionCondition.LIVE:
            return PartitionStanding(Condition.CATCHING_UP, one.beat.since)
        behind_since = one.behind_since()
        if behind_since is not None and behind_since <= late_s:
            return PartitionStanding(Condition.JOURNAL_UNREAD, now_ms - round((now_s - behind_since) * 1000))
        return PartitionStanding(Condition.LIVE, now_ms)
