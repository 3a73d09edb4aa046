"""Whether this gateway sees the present, as a whole and of each partition, and a way to wait for news."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from stateserver.codec.heartbeat import TroubledSource
from stateserver.gateway.wall_clock import now_ms


class Condition(StrEnum):
    """What the feed is doing; or, where that is well, the worst that is to be said of a partition."""

    STARTING = "starting"
    NO_TOPICS = "no_topics"
    BROKER_LOST = "broker_lost"
    READING_ANEW = "reading_anew"

    WORKER_SILENT = "worker_silent"
    """No worker gives a sign of life of it."""
    PARTITION_STOPPED = "partition_stopped"
    """Its worker can't get past a record, or past what was told before."""
    JOURNAL_UNREAD = "journal_unread"
    """Records lie in the journal, and nothing comes of them."""
    CATCHING_UP = "catching_up"
    """Its worker has not read the journal to its end yet."""
    AWAITING_WORKER = "awaiting_worker"
    """All is read here; the next sign of life will tell whether it is the present."""

    LIVE = "live"


OF_THE_FEED: Final = (Condition.STARTING, Condition.NO_TOPICS, Condition.BROKER_LOST, Condition.READING_ANEW)
WORST_FIRST: Final = tuple(Condition)
REASONS: Final = {
    Condition.STARTING: "the gateway has not read its topics yet",
    Condition.NO_TOPICS: "there are no topics yet: a worker makes them",
    Condition.BROKER_LOST: "the gateway has lost the broker",
    Condition.READING_ANEW: "the gateway reads everything anew, since something was missing",
    Condition.WORKER_SILENT: "no worker gives a sign of life",
    Condition.PARTITION_STOPPED: "a worker can't go on, its log says why",
    Condition.JOURNAL_UNREAD: "records lie in the journal, and nothing comes of them",
    Condition.CATCHING_UP: "a worker has not read the journal to its end yet",
    Condition.AWAITING_WORKER: "the gateway waits for a worker's next sign of life",
}


class PartitionStanding(NamedTuple):
    """What is to be said of a partition, and since when it is so (ms since 1970; None: nobody knows)."""

    condition: Condition
    since: int | None = None


class Trouble(NamedTuple):
    """Why something is not live: of which partitions (none named: of all), and since when (None: nobody knows)."""

    condition: Condition
    partitions: tuple[int, ...]
    since: int | None

    def shown(self) -> str:
        """For a person, in a log."""
        of = f" of partition{'s' * (len(self.partitions) > 1)} {', '.join(map(str, self.partitions))}"
        since = "" if self.since is None else f", since {datetime.fromtimestamp(self.since / 1000, UTC).isoformat()}"
        return REASONS[self.condition] + (of if self.partitions else "") + since

    def document(self) -> dict[str, Any]:
        """As clients are told."""
        return {
            "condition": self.condition,
            "reason": REASONS[self.condition],
            "partitions": list(self.partitions),
            "since": self.since,
        }


class Liveness:
    """The condition, of the whole and of each partition. `ready` from the first complete reading on."""

    def __init__(self) -> None:
        self.condition = Condition.STARTING
        self.troubles: tuple[Trouble, ...] = (Trouble(Condition.STARTING, (), now_ms()),)
        self.ready = False
        self.revision = 0
        """Grows with whatever is told of conditions and sources."""
        self.troubled: Sequence[TroubledSource] = ()
        """Sources of which nothing is of use."""
        self._of_partitions: dict[int, PartitionStanding] = {}
        self._news = asyncio.Event()

    @property
    def live(self) -> bool:
        """Is what the read model holds the present, but for what is on its way?"""
        return self.condition is Condition.LIVE

    @property
    def serving(self) -> bool:
        """Does this gateway itself do its part? Where only a worker is missing, it must still be there to say so."""
        return self.condition not in OF_THE_FEED

    def is_live(self, partition: int | None) -> bool:
        """Whether what is held of the systems of that partition is the present; None: it isn't known which it is."""
        if partition is None or not self.serving:
            return self.live
        standing = self._of_partitions.get(partition)
        return self.live if standing is None else standing.condition is Condition.LIVE

    @property
    def partitions_not_live(self) -> int:
        """How many are not, as far as that is known of each."""
        return sum(one.condition is not Condition.LIVE for one in self._of_partitions.values())

    def enter(self, condition: Condition) -> None:
        """The whole feed's condition is this from now on."""
        self._tell(condition, () if condition is Condition.LIVE else (Trouble(condition, (), now_ms()),))
        self._of_partitions = {}

    def has_read(self) -> None:
        """All there is was read once: from now on it can be told."""
        self.ready = True

    def watch(self, standings: Mapping[int, PartitionStanding], troubled: Sequence[TroubledSource]) -> None:
        """The feed is well, and this is to be said of the partitions, and of sources."""
        troubles = tuple(_troubles(standings))
        if troubled != self.troubled:
            self.troubled = troubled
            self.revision += 1
        self._of_partitions = dict(standings)
        if troubles != self.troubles:
            self._tell(troubles[0].condition if troubles else Condition.LIVE, troubles)

    def _tell(self, condition: Condition, troubles: tuple[Trouble, ...]) -> None:
        self.condition, self.troubles = condition, troubles
        self.ready = self.ready or condition is Condition.LIVE
        self.revision += 1
        self.beat()

    def document(self) -> dict[str, Any]:
        """As clients are told."""
        troubles = [trouble.document() for trouble in self.troubles]
        return {"live": self.live, "condition": self.condition, "troubles": troubles}

    def beat(self) -> None:
        """Something is new, here or in the read model."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def until(self, holds: Callable[[], bool], limit_s: float) -> bool:
        """Wait until that holds, looking at it whenever something is new; False when it took too long."""
        try:
            async with asyncio.timeout(limit_s):
                while not holds():
                    await self._news.wait()
        except TimeoutError:
            return False
        return True


def _troubles(standings: Mapping[int, PartitionStanding]) -> Iterable[Trouble]:
    """One for each condition that some partitions are in, the worst first."""
    for condition in WORST_FIRST:
        found = {number: one.since for number, one in standings.items() if one.condition is condition}
        if found and condition is not Condition.LIVE:
            known = [since for since in found.values() if since is not None]
            yield Trouble(condition, tuple(sorted(found)), min(known, default=None))
