"""Brokers killed, restarted and lost under load: workers wait or start again, and nothing is lost."""

from pathlib import Path

import pytest

from stateserver.broker.kafka import Kafka, KafkaCluster
from tests.faults.fleet import Load, Supervised, assert_true_to_the_journal, steady_load
from tests.stream.chain import Chain
from tests.stream.journals import CAPTURE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MODES = ["AXXIS500_CFC", "IBS", CAPTURE]


async def test_a_broker_killed_and_started_again(java_and_kafka: Path, tmp_path: Path) -> None:
    with Kafka(tmp_path / "kafka") as broker:
        chain = Chain(broker, "away.", tmp_path)
        load = Load(chain, MODES, 4)
        with Supervised(chain, "worker") as worker:
            await worker.process.ready()
            for end in (broker.kill, broker.stop):
                await load.send(0.4)
                end()
                broker.start()
            await load.send(1)
            await assert_true_to_the_journal(chain)


async def test_a_cluster_of_three_loses_one(java_and_kafka: Path, tmp_path: Path) -> None:
    cluster = KafkaCluster(tmp_path / "cluster")
    cluster.start()
    try:
        chain = Chain(cluster, "three.", tmp_path)
        load = Load(chain, MODES, 4)
        with Supervised(chain, "first") as first, Supervised(chain, "second"):
            await first.process.ready()
            async with steady_load(load, 0.1):
                await load.until_sent(200)
                cluster.brokers[0].kill()
            await assert_true_to_the_journal(chain)
    finally:
        cluster.kill()
