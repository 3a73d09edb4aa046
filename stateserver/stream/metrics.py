"""What a worker tells Prometheus of itself."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stateserver.stream.sources import DUPLICATES, REJECTED

PREFIX = "stateserver_worker"


@dataclass(slots=True, eq=False)
class Metrics(Collector):
    """Plain numbers, as they are counted on the live path; asked for when somebody looks.

    Keyed by partition, and `unread` by (topic, partition). `held_back_ms` is how long reading waited for Kafka or a
    checkpoint, `held_back` which partitions wait now, `waiting_bytes` what is not written yet, `rejected_for` the
    rejected ones by reason, `troubled` how many sources there are of which nothing is of use, by why.
    """

    records: int = 0
    changes: int = 0
    rejected: int = 0
    ticks: int = 0
    checkpoints: int = 0
    held_back_ms: int = 0
    held_back: set[int] = field(default_factory=set)
    ready: bool = False
    unread: dict[tuple[str, int], int] = field(default_factory=dict)
    waiting_bytes: dict[int, int] = field(default_factory=dict)
    tables_lost: dict[int, int] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)
    rejected_for: Counter[str] = field(default_factory=Counter)
    troubled: dict[int, Counter[str]] = field(default_factory=dict)

    def count(self, records: int, changes: int, rejected: int) -> None:
        """A batch was applied."""
        self.records += records
        self.changes += changes
        self.rejected += rejected

    def forget(self, partition: int) -> None:
        """A partition is in other care."""
        self.unread = {place: count for place, count in self.unread.items() if place[1] != partition}
        self.waiting_bytes.pop(partition, None)
        self.tables_lost.pop(partition, None)
        self.troubled.pop(partition, None)
        self.stopped.discard(partition)
        self.held_back.discard(partition)

    def collect(self) -> Iterator[Metric]:
        """All of it. No label holds the name of a system."""
        yield CounterMetricFamily(f"{PREFIX}_records", "Records of the journal applied", value=self.records)
        yield CounterMetricFamily(f"{PREFIX}_changes", "Events told", value=self.changes)
        yield CounterMetricFamily(f"{PREFIX}_rejected", "Records that could not be read", value=self.rejected)
        for_each = CounterMetricFamily(f"{PREFIX}_rejections", "The same, by the reason", labels=["reason"])
        for reason, count in sorted(self.rejected_for.items()):
            for_each.add_metric([reason], count)
        yield for_each
        troubled = GaugeMetricFamily(
            f"{PREFIX}_troubled_sources", "Sources that send nothing of use for a minute or longer", labels=["why"]
        )
        for why in (DUPLICATES, REJECTED):
            troubled.add_metric([why], sum(count[why] for count in list(self.troubled.values())))
        yield troubled
        yield CounterMetricFamily(f"{PREFIX}_ticks", "Ticks appended for silent systems", value=self.ticks)
        yield CounterMetricFamily(f"{PREFIX}_checkpoints", "Checkpoints written", value=self.checkpoints)
        yield CounterMetricFamily(
            f"{PREFIX}_held_back_seconds",
            "How long reading waited because Kafka, or a checkpoint, was slow",
            value=self.held_back_ms / 1000,
        )
        yield GaugeMetricFamily(
            f"{PREFIX}_held_back_partitions", "Partitions that wait for Kafka now", value=len(self.held_back)
        )
        yield GaugeMetricFamily(f"{PREFIX}_ready", "1 while all partitions are read to their end", value=self.ready)
        yield GaugeMetricFamily(
            f"{PREFIX}_stopped_partitions", "Partitions that stand still, see the log", value=len(self.stopped)
        )
        yield GaugeMetricFamily(
            f"{PREFIX}_lost_tables", "Tables that the disk does not take", value=sum(self.tables_lost.values())
        )
        yield _by_partition("waiting_bytes", "Events not written to Kafka yet", self.waiting_bytes)
        unread = GaugeMetricFamily(f"{PREFIX}_unread_records", "Records not applied yet", labels=["topic", "partition"])
        for (topic, partition), count in sorted(self.unread.items()):
            unread.add_metric([topic, str(partition)], count)
        yield unread


def _by_partition(name: str, what: str, values: dict[int, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", what, labels=["partition"])
    for partition, value in sorted(values.items()):
        family.add_metric([str(partition)], value)
    return family
