"""A gateway started beside a worker that keeps 1,000,000 detonators: from its start to where it is ready, on Kafka.

The floor reads the same rows, and looks at nothing.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.restore import ITEMS, SYSTEMS
from benchmarks.stage import Stage, used
from benchmarks.standard_load import Load
from stateserver.broker.ports import LOOPBACK, free_port
from stateserver.demo.credentials import make_credentials
from stateserver.demo.services import Service, await_ready
from stateserver.settings import variable

LIMIT_S = 300.0


async def run(folder: Path) -> None:
    """Print a row each."""
    with Stage(folder, partitions=1) as stage:
        await stage.make_journal()
        records = await stage.produce(0, Load(stage.ring, SYSTEMS).listing())
        with stage.worker() as worker:
            await stage.watch([worker], records)
        topics = stage.layout.topics
        floor = await stage.read_through(topics.units, topics.systems)
        print(f"  floor: {floor.wall_s:.1f} s to read {floor.records:,} rows for {ITEMS:,} items")
        credentials, port = make_credentials(), free_port()
        environment: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STATESERVER_")},
            variable("brokers"): stage.broker.bootstrap,
            variable("topic_prefix"): "bench.",
            variable("data_dir"): str(folder / "gateway"),
            variable("http_port"): str(port),
            **credentials.environment(),
        }
        gateway, began = Service("gateway", environment, folder), time.perf_counter()
        gateway.spawn()
        try:
            await await_ready(gateway, LOOPBACK, port, LIMIT_S)
            took_s = time.perf_counter() - began
            assert gateway.pid is not None
            spent = used(gateway.pid)
            print(
                f"  gateway: ready in {took_s:.1f} s, {spent.cpu_s:.1f} s of CPU since its start, "
                f"{spent.memory >> 20} MiB, {spent.memory / ITEMS:.0f} B an item"
            )
        finally:
            gateway.stop()


def main() -> None:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
