"""A gateway started beside a worker that keeps 1,000,000 detonators: from its start to where it is ready, on Kafka.

The floor reads the same rows, and looks at nothing.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.restore import ITEMS, SYSTEMS
from benchmarks.stage import Stage, gateway, used
from benchmarks.standard_load import Load
from stateserver.broker.ports import LOOPBACK
from stateserver.demo.services import await_ready

LIMIT_S = 300.0


async def run(folder: Path) -> None:
    """Print a row each."""
    with Stage(folder, partitions=1) as stage:
        await stage.settle(Load(stage.ring, SYSTEMS))
        topics = stage.layout.topics
        floor = await stage.read_through(topics.units, topics.systems)
        print(f"  floor: {floor.wall_s:.1f} s to read {floor.records:,} rows for {ITEMS:,} items")
        service, port, _ = gateway(stage.broker.bootstrap, folder)
        began = time.perf_counter()
        service.spawn()
        try:
            await await_ready(service, LOOPBACK, port, LIMIT_S)
            took_s = time.perf_counter() - began
            assert service.pid is not None
            spent = used(service.pid)
            print(
                f"  gateway: ready in {took_s:.1f} s, {spent.cpu_s:.1f} s of CPU since its start, "
                f"{spent.memory >> 20} MiB, {spent.memory / ITEMS:.0f} B an item"
            )
        finally:
            service.stop()


def main() -> None:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
