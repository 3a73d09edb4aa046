"""A journal file of the standard load, replayed as `stateserver replay` does, changes and units written.

Measured in stretches, beside a floor that only reads the same lines and checks the CRCs of their frames. Where others
use the cores too, CPU time holds what they take: then the least of many stretches says what the work costs, and the
command's own time what a user waited for it in that hour.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from benchmarks.standard_load import Site
from stateserver.protocol import crc
from stateserver.protocol.modes import Mode
from stateserver.replay.files import OutputFolder
from stateserver.replay.folding import Folding
from stateserver.replay.journal_file import read_lines
from stateserver.replay.lines import LineReader

PACKETS = 100_000
STRETCH = 500
START_MS = 1_700_000_000_000
LIMIT_S = 300


def write_journal(path: Path) -> None:
    """One system, round after round."""
    site, at = Site(1), START_MS
    with path.open("w") as file:
        lines = 0
        frames = [*site.list_frames()]
        while lines < PACKETS:
            for frame in frames:
                file.write(json.dumps({"created_at": at, "packet": frame.hex()}) + "\n")
                lines += 1
            frames, at = [*site.round_frames()], at + 1000


def check(lines: Iterable[str]) -> None:
    """The floor: what no reader of the file can leave out."""
    for line in lines:
        assert crc.is_sound(bytes.fromhex(json.loads(line)["packet"]))


class Replay:
    """Lines to changes, as the command does it."""

    def __init__(self, output: OutputFolder) -> None:
        self.folding = Folding("site")
        self.events = 0
        self._output = output
        self._reader = LineReader(Mode.AXXIS100)

    def take(self, lines: Iterable[str]) -> None:
        for line in lines:
            record = self._reader.read(line)
            assert record is not None
            changes = self.folding.apply(record)
            self._output.write_changes(changes)
            self.events += len(changes)


def measure(take: Callable[[Iterable[str]], None], lines: list[str]) -> float:
    """CPU in microseconds a line."""
    started = time.process_time()
    take(lines)
    return (time.process_time() - started) / len(lines) * 1e6


def run_command(journal: Path, out: Path) -> tuple[float, float]:
    """`stateserver replay` from its start to its end: wall-clock time and CPU in s."""
    options = ["--mode", "AXXIS100", "--system", "site", "--out", str(out)]
    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "stateserver", "replay", str(journal), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=LIMIT_S)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def main() -> None:
    """Print what a packet costs."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal.jsonl"
        write_journal(journal)
        costs = []
        with OutputFolder(Path(folder) / "out") as output:
            replay, lines = Replay(output), (line for line, _ in read_lines(str(journal)))
            while stretch := list(islice(lines, STRETCH)):
                costs.append((measure(check, stretch), measure(replay.take, stretch)))
            output.write_outcome(replay.folding)
        wall_s, cpu_s = run_command(journal, Path(folder) / "again")
    floor, whole = zip(*costs, strict=True)
    print(f"  {PACKETS} packets, {replay.events / PACKETS:.2f} events/packet")
    for name, column in (("floor", floor), ("replay", whole)):
        least, median, mean = min(column), statistics.median(column), statistics.mean(column)
        print(f"  {name:<7} us CPU/packet: least {least:6.1f}  median {median:6.1f}  mean {mean:6.1f}")
    print(f"  replay / floor: {statistics.median(most / least for least, most in costs):.1f} (median of all stretches)")
    print(f"  `stateserver replay` of them: {wall_s:.1f} s, {cpu_s:.1f} s of CPU")
