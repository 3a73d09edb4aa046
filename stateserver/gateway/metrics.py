"""What a gateway tells Prometheus of itself, in a registry of its own."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

PREFIX = "stateserver_gateway"


class Metrics:
    """Counters and gauges of one gateway. No label holds the name of a system or a person."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.changes = Counter(
            f"{PREFIX}_changes",
            "Events read from the changes topic, by what became of them",
            ["outcome"],
            registry=self.registry,
        )
        self.unreadable = Counter(
            f"{PREFIX}_unreadable_records",
            "Records left out because they could not be read",
            ["topic"],
            registry=self.registry,
        )
        self.lag = Gauge(f"{PREFIX}_lag_records", "Records in the topics not read yet", registry=self.registry)
        self.live = Gauge(f"{PREFIX}_live", "1 while the read model is the present", registry=self.registry)
        self.partitions_not_live = Gauge(
            f"{PREFIX}_partitions_not_live",
            "Partitions of which what is held is not the present",
            registry=self.registry,
        )
        self.troubled_sources = Gauge(
            f"{PREFIX}_troubled_sources", "Sources that send nothing of use", registry=self.registry
        )
        self.systems_not_whole = Gauge(
            f"{PREFIX}_systems_not_whole", "Systems whose state lacks something", registry=self.registry
        )
        self.connections = Gauge(f"{PREFIX}_websockets", "Open WebSockets", registry=self.registry)
        self.subscriptions = Gauge(f"{PREFIX}_subscriptions", "Open subscriptions", registry=self.registry)
        self.notifications = 0
        """Notifications sent to WebSockets: a plain number, as it is counted 100,000 times a second."""
        self.dropped = Counter(
            f"{PREFIX}_websockets_dropped", "WebSockets closed by us, by why", ["why"], registry=self.registry
        )
        self.refused = Counter(
            f"{PREFIX}_refused_requests",
            "Requests refused, by the problem's name",
            ["problem"],
            registry=self.registry,
        )
        self.audit_unwritten = Gauge(
            f"{PREFIX}_audit_lines_unwritten", "Lines that the audit log could not take", registry=self.registry
        )
        self.registry.register(_Counted(lambda: self.notifications))

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


class _Counted(Collector):
    """The notifications, asked for when somebody looks."""

    def __init__(self, number: Callable[[], int]) -> None:
        self._number = number

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What Prometheus is told."""
        yield CounterMetricFamily(f"{PREFIX}_notifications", "Notifications sent to WebSockets", value=self._number())
