"""Brokers that die under load: alone and started again, or one of three. Workers come through, and so do events."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from stateserver.broker.kafka import Kafka, KafkaCluster
from tests.faults.fleet import Load, Supervised, assert_true_to_the_journal, steady_load
from tests.stream.chain import Chain
from tests.stream.journals import CAPTURE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MODES = ["AXXIS100", "HYDRA", "IBS", CAPTURE]


@pytest.fixture
def cluster(java_and_kafka: Path, tmp_path: Path) -> Iterator[KafkaCluster]:
    cluster = KafkaCluster(tmp_path / "cluster")
    cluster.start()
    yield cluster
    cluster.kill()


async def restart(broker: Kafka) -> None:
    """Start a broker that was killed; the load goes on meanwhile."""
    broker.launch()
    await asyncio.to_thread(broker.await_ready)


async def test_a_broker_killed_and_started_again_under_load(java_and_kafka: Path, tmp_path: Path) -> None:
    with Kafka(tmp_path / "kafka") as broker:
        chain = Chain(broker, "alone.", tmp_path)
        load = Load(chain, MODES, 8)
        with Supervised(chain, "one") as one, Supervised(chain, "two") as two:
            await one.process.ready()
            await two.process.ready()
            async with steady_load(load):
                await load.until_sent(load.left // 3)
                broker.kill()
                await restart(broker)
            await assert_true_to_the_journal(chain)


async def test_a_cluster_of_three_loses_one_under_load_and_gets_it_back(cluster: KafkaCluster, tmp_path: Path) -> None:
    chain = Chain(cluster, "three.", tmp_path)
    load = Load(chain, MODES, 8)
    with Supervised(chain, "one") as one, Supervised(chain, "two") as two:
        await one.process.ready()
        await two.process.ready()
        async with steady_load(load):
            await load.until_sent(load.left // 4)
            cluster.brokers[0].kill()
            # The other two take it all over, and go on.
            await load.until_sent(load.sent + load.left // 2)
            await restart(cluster.brokers[0])
        await assert_true_to_the_journal(chain)
