"""What a worker tells Prometheus of itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stateserver.errors import StateServerError

PREFIX = "stateserver_worker"
LOOPBACK = "127.0.0.1"


class MetricsPortTaken(StateServerError):
    """The metrics can't be served where the settings say."""

    def __init__(self, port: int, trouble: OSError) -> None:
        super().__init__(
            f"can't serve metrics on port {port}: {trouble.strerror or trouble}",
            "stop the program that uses it, or set STATESERVER_METRICS_PORT",
        )


@dataclass(slots=True, eq=False)
class Metrics(Collector):
    """Plain numbers, as they are counted on the live path; asked for when somebody looks.

    Keyed by partition, and `unread` by (topic, partition). `held_back_ms` is how long reading waited for Kafka or a
    checkpoint, `held_back` which partitions wait now, `waiting_bytes` what is not written yet.
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
        self.stopped.discard(partition)
        self.held_back.discard(partition)

    def collect(self) -> Iterator[Metric]:
        """All of it. No label holds the name of a system."""
        yield CounterMetricFamily(f"{PREFIX}_records", "Records of the journal applied", value=self.records)
        yield CounterMetricFamily(f"{PREFIX}_changes", "Events told", value=self.changes)
        yield CounterMetricFamily(f"{PREFIX}_rejected", "Records that could not be read", value=self.rejected)
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
        yield GaugeMetricFamily(f"{PREFIX}_ready", "1 once all partitions are read to their end", value=self.ready)
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


def serve_metrics(metrics: Metrics, port: int) -> None:
    """Serve them at `/metrics` on the loopback address, as long as the process lives. Raises MetricsPortTaken."""
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        start_http_server(port, LOOPBACK, registry)
    except OSError as trouble:
        raise MetricsPortTaken(port, trouble) from trouble
