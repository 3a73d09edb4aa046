"""A partition of 1,000,000 detonators restored by a worker without a disk: from the changelog, and again from its disk.

The floor reads the same changelog, and looks at nothing. `restored` is the worker's own word: from when it is given the
partition to when it can read the journal on, its new files on disk included.
"""

import asyncio
import re
import tempfile
import time
from pathlib import Path

from benchmarks.stage import BenchmarkFailed, Stage, WorkerProcess
from benchmarks.standard_load import BOOSTERS, WINDOWS, Load

SYSTEMS = 1_000
ITEMS = SYSTEMS * BOOSTERS * WINDOWS
RESTORED = re.compile(r"partition 0 restored in ([0-9.]+) s: (\d+) systems")
LIMIT_S = 300.0
POLL_S = 0.05


async def restored(worker: WorkerProcess) -> float:
    """Seconds that it says its restore took."""
    deadline = time.monotonic() + LIMIT_S
    while (said := RESTORED.search(worker.output.read_text())) is None:
        worker.require_running()
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"nothing was restored within {LIMIT_S:g} s")
        await asyncio.sleep(POLL_S)
    if int(said[2]) != SYSTEMS:
        raise BenchmarkFailed(f"{said[2]} systems were restored, not {SYSTEMS}")
    return float(said[1])


async def run(folder: Path) -> None:
    """Print a row each."""
    with Stage(folder, partitions=1) as stage:
        await stage.settle(Load(stage.ring, SYSTEMS))
        floor = await stage.read_through(stage.layout.state)
        print(f"  floor: {floor.wall_s:.1f} s to read a changelog of {floor.size >> 20} MiB for {ITEMS:,} items")
        for name in ("from the changelog", "from its disk"):
            with stage.worker("another disk") as worker:
                took_s = await restored(worker)
                print(f"  {name}: restored in {took_s:.1f} s, {worker.used.cpu_s:.1f} s of CPU since its start")


def main() -> None:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
