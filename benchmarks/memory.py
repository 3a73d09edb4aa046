"""What a worker holds in memory: 1,000 systems of the standard load, 1,000,000 detonators, beside a worker of none.

Measured as the resident size of the process, once all was listed and reported, and again after a restart from its disk.
"""

import asyncio
import tempfile
from pathlib import Path

from benchmarks.stage import Stage, WorkerProcess
from benchmarks.standard_load import BOOSTERS, WINDOWS, Load

SYSTEMS = 1_000
ITEMS = SYSTEMS * BOOSTERS * WINDOWS
SETTLED_S = 5.0


async def settled(stage: Stage, worker: WorkerProcess, records: int) -> int:
    """The worker's memory in bytes, once it has applied all and done nothing for a while."""
    await stage.watch([worker], records)
    cpu_s, quiet = worker.used.cpu_s, 0.0
    while quiet < SETTLED_S:
        await asyncio.sleep(1.0)
        quiet = quiet + 1.0 if worker.used.cpu_s - cpu_s < 0.2 else 0.0
        cpu_s = worker.used.cpu_s
    return worker.used.memory


async def run(folder: Path) -> None:
    """Print a row each."""
    with Stage(folder, partitions=1) as stage:
        await stage.make_journal()
        with stage.worker("empty", group="empty") as worker:
            await asyncio.sleep(SETTLED_S)
            floor = await settled(stage, worker, 0)
        records = await stage.produce(0, Load(stage.ring, SYSTEMS).listing())
        with stage.worker() as worker:
            whole = await settled(stage, worker, records)
            most = worker.used.memory_max
        with stage.worker() as worker:
            again = await settled(stage, worker, records)
    print(f"  floor: {floor >> 20} MiB with no systems")
    for name, size in (("whole", whole), ("at most", most), ("restarted", again)):
        above = (size - floor) / ITEMS
        print(f"  {name}: {size >> 20} MiB, {size / ITEMS:.0f} bytes an item, {above:.0f} above the floor")


def main() -> None:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
