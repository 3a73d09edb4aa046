"""A real Apache Kafka: one node that is broker and controller at once, or one of a small cluster.

For tests and trials on this machine. Topics are never created by mention, as in production.
`make kafka` runs one in the foreground.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from stateserver.broker.kafka_jars import kafka_jars, require_java
from stateserver.broker.ports import LOOPBACK, free_port, require_free
from stateserver.broker.process import Broker, BrokerFailed

# Any id will do, as long as all nodes that meet have the same: 16 bytes in URL-safe base64.
CLUSTER_ID = "c3RhdGVzZXJ2ZXJrYWZrYQ"
JAVA_OPTIONS = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
# What lives for minutes only is up in half the CPU time where Java does not look for its hottest code.
SHORT_LIVED = ("-XX:TieredStopAtLevel=1",)


class Node(NamedTuple):
    """Where one node of a cluster listens: `port` for clients, `controller_port` for controllers."""

    id: int
    port: int
    controller_port: int


class Kafka(Broker):
    """One Kafka node on `port`, its data in `data_dir`.

    Stopped or killed, it can be started again and finds what it had. `nodes` names all of a cluster,
    this one included; each must be started for any to be ready, so use `KafkaCluster`.
    """

    name = "Apache Kafka"

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        *,
        nodes: Sequence[Node] = (),
        start_limit_s: float = 90.0,
        java_options: Sequence[str] = (),
    ) -> None:
        self.java_options = tuple(java_options)
        self.nodes = tuple(nodes) or (Node(1, port or free_port(), free_port()),)
        self.node = next(node for node in self.nodes if port in (None, node.port))
        self.data_dir = data_dir.resolve()
        super().__init__(self.node.port, self.data_dir / "kafka.log", start_limit_s=start_limit_s, stop_limit_s=20.0)

    @property
    def configuration(self) -> Path:
        """The properties file it is started with."""
        return self.data_dir / "server.properties"

    def _prepare(self) -> None:
        java("kafka.Kafka")  # says what is missing before anything else happens
        require_free(self.node.port, "Apache Kafka")
        require_free(self.node.controller_port, "Apache Kafka's controller")
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.configuration.write_text(properties(self.node, self.nodes, self.data_dir / "log"))
        if not (self.data_dir / "log" / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        tool = java(
            "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", self.configuration, options=SHORT_LIVED
        )
        formatted = subprocess.run(
            tool, env=dict(self._environment()), capture_output=True, text=True, timeout=60, check=False
        )
        if formatted.returncode != 0:
            raise BrokerFailed(f"Apache Kafka could not format {self.data_dir}: {formatted.stderr.strip()}")

    def _command(self) -> Sequence[str | Path]:
        return java("kafka.Kafka", self.configuration, options=self.java_options)

    def _environment(self) -> Mapping[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("STATESERVER_")}

    def _brokers_expected(self) -> int:
        return len(self.nodes)


class KafkaCluster:
    """Several Kafka nodes on this machine, each of which can be stopped, killed and started alone."""

    def __init__(self, data_dir: Path, size: int = 3, java_options: Sequence[str] = ()) -> None:
        nodes = [Node(number, free_port(), free_port()) for number in range(1, size + 1)]
        self.brokers = [
            Kafka(data_dir / f"node-{node.id}", node.port, nodes=nodes, java_options=java_options) for node in nodes
        ]

    @property
    def bootstrap(self) -> str:
        """What a Kafka client is given to find the cluster: every node."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> None:
        """Start all nodes and wait until each sees all."""
        try:
            for broker in self.brokers:
                broker.launch()
            for broker in self.brokers:
                broker.await_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End all nodes. Their shared quorum ends midway, so the last of them are killed."""
        for broker in self.brokers:
            broker.terminate()
        for broker in self.brokers:
            broker.stop()

    def kill(self) -> None:
        """End all nodes as a power cut would."""
        for broker in self.brokers:
            broker.kill()


def java(main: str, *arguments: str | Path, options: Sequence[str] = ()) -> list[str | Path]:
    """The command that runs one of Kafka's classes. Raises BrokerMissing where it or Java is not there."""
    return [require_java(), *JAVA_OPTIONS, *options, "-cp", f"{kafka_jars()}/*", main, *arguments]


def properties(node: Node, nodes: Sequence[Node], data: Path) -> str:
    """The configuration of one of `nodes`: small, on the loopback address only, no surprises."""
    copies = min(3, len(nodes))
    settings = {
        "process.roles": "broker,controller",
        "node.id": node.id,
        "controller.quorum.voters": ",".join(f"{one.id}@{LOOPBACK}:{one.controller_port}" for one in nodes),
        "listeners": f"PLAINTEXT://{LOOPBACK}:{node.port},CONTROLLER://{LOOPBACK}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{node.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": max(1, copies - 1),
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": max(1, copies - 1),
        "transaction.state.log.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        "controlled.shutdown.max.retries": 1,
        # A killed node is let in again once its old session is over: soon, where others go on meanwhile; one that
        # is alone has to stay in however busy its machine is.
        "broker.session.timeout.ms": 4000 if len(nodes) > 1 else 12_000,
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
