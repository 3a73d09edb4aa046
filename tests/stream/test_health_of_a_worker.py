"""A real worker's health over HTTP: in its group and before, and with a broker that stands still."""

import asyncio
import os
import signal
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from stateserver.broker.ports import free_port
from stateserver.broker.tansu import Tansu
from tests.conftest import START_LIMIT_S
from tests.stream.chain import Chain, until

pytestmark = pytest.mark.slow


class Asker:
    """Asks a worker how it is."""

    def __init__(self) -> None:
        self.port = free_port()

    async def status(self, path: str) -> tuple[int, str]:
        """The status, and the condition; 0 where nobody answers."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False) as client:
            try:
                answer = await client.get(path)
            except httpx.TransportError:
                return 0, ""
        return answer.status_code, str(answer.json()["condition"])

    async def until(self, status: int, condition: str) -> None:
        async def so() -> bool:
            return await self.status("/health/ready") == (status, condition)

        await until(so)


async def test_ready_and_live_say_what_is_so(tmp_path: Path) -> None:
    asker = Asker()
    with Tansu(tmp_path / "broker", start_limit_s=START_LIMIT_S) as broker:
        chain = Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)
        with chain.worker(METRICS_PORT=str(asker.port)) as worker:
            await asker.until(200, "live")
            assert await asker.status("/health/live") == (200, "live")
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                await asker.until(503, "kafka_stalled")
                assert (await asker.status("/health/live"))[0] == 200, "started anew it would find the same"
            finally:
                os.kill(broker.pid, signal.SIGCONT)
            await asker.until(200, "live")
            assert worker.running


async def test_one_that_waits_for_its_group_is_not_ready(tmp_path: Path) -> None:
    """The embedded broker keeps everyone waiting at a join."""
    asker, seen = Asker(), set[str]()
    with Tansu(tmp_path / "broker", start_limit_s=START_LIMIT_S) as broker:
        chain = Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)
        with chain.worker(METRICS_PORT=str(asker.port)) as worker:
            while (found := await asker.status("/health/ready"))[0] != 200:
                seen.add(found[1])
                assert worker.running
                await asyncio.sleep(0.01)
    assert "waiting_for_group" in seen
