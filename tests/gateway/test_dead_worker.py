"""A worker that dies while the equipment is silent: whoever asks, or listens, is told that nothing is the present."""

import signal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from stateserver.broker.kafka import Kafka
from stateserver.codec.change import decode_change, encode_change
from stateserver.gateway.liveness import Condition
from stateserver.stream.topics import PARTITIONS_DEFAULT
from tests.gateway.chained import at_version, gateway_of
from tests.gateway.serving import Caller, Gateway, until
from tests.stream.chain import Chain
from tests.stream.journals import CAPTURE, example_records, sealed

pytestmark = pytest.mark.slow

FIRING = [sealed(record) for record in example_records(CAPTURE) if record.created_at <= 1563531153581]
"""Up to a blast that is open: nothing comes after it."""


@pytest.fixture
def chain(kafka: Kafka, tmp_path: Path) -> Chain:
    return Chain(kafka, f"{uuid4().hex[:8]}.", tmp_path)


async def asked(gateway: Gateway, path: str) -> dict[str, Any]:
    async with gateway.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_with_silent_equipment_it_is_told_everywhere_with_why_which_and_since_when(
    chain: Chain, how: signal.Signals
) -> None:
    with chain.worker() as worker:
        await worker.ready()
        async with gateway_of(chain) as gateway, gateway.websocket() as socket:
            await chain.produce(FIRING)
            await at_version(gateway, 1)
            await until(lambda: gateway.parts.liveness.live)
            caller = Caller(socket)
            await caller.call("subscribe", system="site")
            while not (await caller.notification("status"))["params"]["live"]:
                """It becomes live."""
            system = await asked(gateway, "/api/v1/systems/site")
            assert system["live"]
            assert system["open_blast"] is not None

            worker.send(how)
            told = (await caller.notification("status"))["params"]
            while told["condition"] == "awaiting_worker":  # where this machine gave it no time to listen meanwhile
                assert not told["live"]
                told = (await caller.notification("status"))["params"]
            assert (told["live"], told["condition"]) == (False, "worker_silent")
            (trouble,) = told["troubles"]
            assert trouble["reason"] == "no worker gives a sign of life"
            assert trouble["partitions"] == list(range(PARTITIONS_DEFAULT)), "also those without systems"
            assert trouble["since"] >= system["checkpoint"]["checkpointed_at"] - 5_000, "its last sign of life"
            ready = await asked(gateway, "/health/ready")
            assert ready == {"ready": True, **told}
            assert await asked(gateway, "/api/v1/status") == {**told, "troubled_sources": []}
            system = await asked(gateway, "/api/v1/systems/site")
            assert system["live"] is False
            assert system["open_blast"] is not None, "nobody judges its timers"
            assert not (await caller.call("ping"))["result"]["live"]

            # One that starts now finds heartbeats of not long ago, and is not deceived by them.
            async with gateway_of(chain) as late:
                await until(lambda: late.parts.liveness.condition is Condition.WORKER_SILENT)
                assert late.parts.liveness.troubles[0].since == trouble["since"]
                assert (await asked(late, "/api/v1/systems/site"))["live"] is False
            worker.kill()
            with chain.worker("another"):
                while not (await caller.notification("status"))["params"]["live"]:
                    """Another one takes over."""
                assert (await asked(gateway, "/api/v1/systems/site"))["live"]


async def test_a_partition_that_its_worker_cannot_get_past_is_not_live_and_others_are(chain: Chain) -> None:
    """What was told of one system is not what its journal gives: its partition stops."""
    with chain.worker() as worker:
        await worker.ready()
        (partition, *_) = await chain.produce(FIRING[:3])
        async with gateway_of(chain) as gateway:
            await at_version(gateway, 1)
            await until(lambda: gateway.parts.liveness.live)
            worker.kill()
            await _tell_otherwise(chain, partition)
            with chain.worker("another disk") as other:
                await other.says("differs from the one in")
                await until(lambda: gateway.parts.liveness.condition is Condition.PARTITION_STOPPED)
                (trouble,) = gateway.parts.liveness.troubles
                assert trouble.partitions == (partition,)
                assert gateway.parts.liveness.is_live((partition + 1) % PARTITIONS_DEFAULT)
                assert not (await asked(gateway, "/api/v1/systems/site"))["live"]


async def _tell_otherwise(chain: Chain, partition: int) -> None:
    """Somebody tells an event in the worker's place, and the journal goes on with another one."""
    last = decode_change((await chain.read(chain.layout.topics.changes))[-1].value or b"")
    other = last._replace(version=last.version + 1, at=1)
    async with AIOKafkaProducer(bootstrap_servers=chain.broker.bootstrap, acks="all") as producer:
        topic, key = chain.layout.topics.changes, last.system.encode()
        await producer.send_and_wait(topic, encode_change(other), key=key, partition=partition)
    await chain.produce(FIRING[3:])
