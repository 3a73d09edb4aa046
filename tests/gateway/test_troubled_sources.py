"""Sources of no use, through a whole chain: in the worker's log and metrics, and where gateways tell of systems."""

import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from stateserver.broker.ports import free_port
from stateserver.broker.process import Broker
from stateserver.stream.ports import Row
from stateserver.stream.topics import PARTITIONS_DEFAULT
from tests.gateway.chained import at_version, gateway_of
from tests.gateway.serving import until
from tests.stream.chain import Chain
from tests.stream.journals import CAPTURE, OTHER_RING, example_records, sealed
from tests.stream.test_topics import create

pytestmark = pytest.mark.slow

FRAME = example_records(CAPTURE)[0]


async def append(chain: Chain, at: Sequence[int], rows: Sequence[Row]) -> None:
    """Each row at each of these times, as Kafka has them (ms since 1970)."""
    async with AIOKafkaProducer(bootstrap_servers=chain.broker.bootstrap) as producer:
        for timestamp_ms in at:
            for row in rows:
                await producer.send_and_wait(
                    chain.layout.journals[0], row.value, key=row.key, timestamp_ms=timestamp_ms
                )


async def test_rejected_or_repeated_for_a_minute_they_are_told_everywhere(broker: Broker, tmp_path: Path) -> None:
    chain, port = Chain(broker, f"{uuid4().hex[:8]}.", tmp_path), free_port()
    await create(broker, chain.layout.journals[0], PARTITIONS_DEFAULT)  # with the timestamps that producers give
    now_ms = time.time_ns() // 1_000_000
    first_ms = now_ms - 65_000
    repeated, strange = sealed(FRAME), sealed(FRAME, "unheard of", OTHER_RING)
    await append(chain, (first_ms - 1_000,), [repeated])
    await append(chain, (first_ms, now_ms), [repeated, strange])
    with chain.worker(METRICS_PORT=str(port)) as worker:
        async with gateway_of(chain) as gateway:
            await at_version(gateway, 1)
            await until(lambda: len(gateway.parts.liveness.troubled) == 2)
            async with gateway.client() as client:
                status = (await client.get("/api/v1/status")).json()
                systems = (await client.get("/api/v1/systems")).json()["systems"]
                one = (await client.get("/api/v1/systems/site")).json()
        repeats = {"source": "file", "why": "duplicates", "reason": None, "frames": 2, "since": first_ms}
        rejects = {"source": "file", "why": "rejected", "reason": "bad_seal", "frames": 2, "since": first_ms}
        assert sorted(status["troubled_sources"], key=lambda source: str(source["system"])) == [
            {"system": "site", **repeats},
            {"system": "unheard of", **rejects},
        ]
        assert [(system["system"], system["troubled_sources"]) for system in systems] == [("site", [repeats])]
        assert one["troubled_sources"] == [repeats]
        await worker.says("nothing of system 'site', source 'file' is of use: 2 frames")
        await worker.says("all are rejected, most for bad_seal")
        async with httpx.AsyncClient(trust_env=False) as client:
            metrics = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        assert 'stateserver_worker_troubled_sources{why="duplicates"} 1.0' in metrics
        assert 'stateserver_worker_troubled_sources{why="rejected"} 1.0' in metrics
        assert 'stateserver_worker_rejections_total{reason="bad_seal"} 2.0' in metrics
