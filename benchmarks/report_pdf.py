"""The report of a huge blast: how long each view takes, and the most memory that its process holds."""

import multiprocessing
import resource
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import orjson

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.timeline import read_document
from stateserver.reports.views import VIEWS, Filed
from tests.reports.folded import MadeUp

BOOSTERS = 500
DETONATORS = 500
OUTCOMES = (*[FIRED] * 200, MISSED, UNREPORTED, "silent")
LIMIT_S = 600


def outcome(booster: int, window: int) -> str:
    """A few of each kind on every booster."""
    return OUTCOMES[(booster * 7919 + window * 104_729) % len(OUTCOMES)]


def memory_mib_max() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def prepare(folder: Path) -> None:
    """Fold a blast, and leave what its report is made of in the folder."""
    filed = MadeUp(BOOSTERS, DETONATORS, outcome).fold()
    assert isinstance(filed.start, bytes)
    assert isinstance(filed.end, bytes)
    (folder / "document.json").write_bytes(orjson.dumps(filed.document))
    (folder / "start.jsonl").write_bytes(filed.start)
    (folder / "end.jsonl").write_bytes(filed.end)


def measure(folder: Path) -> None:
    """Write each view once, and print what it took."""
    floor_mib = memory_mib_max()
    document = read_document((folder / "document.json").read_bytes())
    filed = Filed(document, partial(_open, folder / "start.jsonl"), partial(_open, folder / "end.jsonl"))
    events = len(document["timeline"])
    print(f"  {BOOSTERS} boosters of {DETONATORS} detonators, {events} events")
    print(f"  the process holds {floor_mib:.0f} MiB before it reads anything, {memory_mib_max():.0f} with the document")
    print(f"  {'view':<14}{'seconds':>9}{'CPU s':>9}{'MiB max':>10}{'MB':>8}")
    for name, view in VIEWS.items():
        started, cpu_started = time.perf_counter(), time.process_time()
        with (folder / f"report.{name}").open("wb") as file:
            view.write(filed, ZoneInfo("America/Santiago"), file)
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
        most_mib, size = memory_mib_max(), (folder / f"report.{name}").stat().st_size
        print(f"  {name:<14}{seconds:>9.1f}{cpu_s:>9.1f}{most_mib:>10.0f}{size / 1e6:>8.1f}", flush=True)


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def main() -> None:
    """Fold in one process and measure in another, so that memory is the report's own."""
    with tempfile.TemporaryDirectory() as folder:
        for step in (prepare, measure):
            process = multiprocessing.get_context("spawn").Process(target=step, args=(Path(folder),))
            process.start()
            process.join(LIMIT_S)
            if process.exitcode != 0:
                process.kill()
                raise SystemExit(f"{step.__name__} failed, or took longer than {LIMIT_S} s")


if __name__ == "__main__":
    main()
