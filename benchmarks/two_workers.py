"""Two workers on two partitions beside one worker on both: what a packet costs, and how much faster it goes.

Each has the standard load's systems split over two partitions. Records are appended at once while the workers wait for
them, and from then on they are watched until all are applied. On a machine of two cores the broker has none of its own
beside two workers, so the throughput says less than the CPU.
"""

import asyncio
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.stage import Pace, Stage, WorkerProcess, pace
from benchmarks.standard_load import SYSTEMS, Load

ROUNDS = int(os.environ.get("ROUNDS", "40"))
PARTITIONS = 2


async def all_have_a_share(workers: list[WorkerProcess]) -> None:
    """Wait until each worker has restored partitions, and has none to share any more."""
    for worker in workers:
        while "ready: " not in worker.output.read_text():
            worker.require_running()
            await asyncio.sleep(0.1)


async def measured(stage: Stage, loads: list[Load], done: int, count: int) -> tuple[Pace, int]:
    """Some rounds with so many workers. Returns also how many records there are now."""
    records = [list(load.rounds(ROUNDS)) for load in loads]
    with ExitStack() as stack:
        workers = [stack.enter_context(stage.worker(f"data-{count}-{number}")) for number in range(count)]
        await all_have_a_share(workers)
        await asyncio.sleep(10.0)  # a second one joins while the first is ready already
        appended = sum(await asyncio.gather(*(stage.produce(at, each) for at, each in enumerate(records))))
        return pace(await stage.watch(workers, done + appended)), done + appended


async def run(folder: Path) -> None:
    """Print both, and what they come to."""
    with Stage(folder, partitions=PARTITIONS) as stage:
        loads = [Load(stage.ring, SYSTEMS // PARTITIONS, f"site-{number}") for number in range(PARTITIONS)]
        done = await stage.settle(*loads)
        one, done = await measured(stage, loads, done, 1)
        two, done = await measured(stage, loads, done, 2)
    for name, each in (("one", one), ("two", two)):
        shares = " + ".join(f"{cpu_s:.1f}" for cpu_s in each.cpu_s)
        print(f"  {name} {each.cpu_us:7.1f} us CPU/packet ({shares} s)  {each.packets_s:9,.0f} packets/s")
    cpu, throughput = two.cpu_us / one.cpu_us, two.packets_s / one.packets_s
    print(f"  two / one: {cpu:.2f} in CPU a packet, {throughput:.2f} in throughput")


def main() -> None:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
