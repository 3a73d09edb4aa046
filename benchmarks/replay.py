"""A journal file of the standard load, replayed as `stateserver replay` does, changes and units written."""

import json
import tempfile
import time
from pathlib import Path

from benchmarks.standard_load import Site
from stateserver.protocol.modes import Mode
from stateserver.replay.files import OutputFolder, read_lines
from stateserver.replay.folding import Folding
from stateserver.replay.lines import LineReader

PACKETS = 20_000
START_MS = 1_700_000_000_000


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


def main() -> None:
    """Print what a packet costs."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal.jsonl"
        write_journal(journal)
        started, packets, events = time.process_time(), 0, 0
        folding, reader = Folding("site"), LineReader(Mode.AXXIS100)
        with OutputFolder(Path(folder) / "out") as output:
            for line, _ in read_lines(str(journal)):
                record = reader.read(line)
                assert record is not None
                changes = folding.apply(record)
                output.write_changes(changes)
                packets, events = packets + 1, events + len(changes)
            output.write_outcome(folding)
        cost = (time.process_time() - started) / packets * 1e6
    print(
        f"  {packets} packets, {events / packets:.2f} events/packet: {cost:.1f} us/packet, 100,000 in {cost / 10:.1f} s"
    )
