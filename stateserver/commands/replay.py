"""`stateserver replay`: a capture or journal file becomes its changes, units and blasts, without a broker."""

import time
from collections import Counter
from pathlib import Path

import click

from stateserver.codec.topics import system_trouble
from stateserver.commands.progress import progress_bar
from stateserver.commands.replay_reports import chosen_formats, write_reports
from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.files import OutputFolder, read_lines
from stateserver.replay.folding import Folding
from stateserver.replay.lines import LineReader


class BadSystemName(StateServerError):
    """A system id that can't be one."""


@click.command()
@click.argument("file", type=str)
@click.option(
    "--mode", type=click.Choice(list(Mode)), required=True, help="The system's mode, where a line names none."
)
@click.option("--system", required=True, help="The system's id: any name without a slash.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write to.")
@click.option("--reports", callback=chosen_formats, help="Write a report of each blast too: pdf,csv,json.")
def command(file: str, mode: Mode, system: str, out: Path, reports: tuple[str, ...]) -> None:
    """Replay FILE, a journal of one system (`-` is standard input), and write what becomes of it.

    A line is a JSON object, or `created_at hex` where the file's first line is so. Written are changes.jsonl,
    units.jsonl, blasts.jsonl, snapshots/ and rejected.jsonl. Exit status 0 also where records were rejected.
    """
    trouble = system_trouble(system)
    if trouble is not None:
        raise BadSystemName(f"{system!r} is no system id: it is {trouble}", "Give --system a name without a slash.")
    started = time.perf_counter()
    folding = Folding(system)
    with OutputFolder(out) as output:
        counted = _fold(file, Mode(mode), folding, output)
        output.write_outcome(folding)
    write_reports(out, reports, folding)
    _summarise(folding, counted, time.perf_counter() - started)


def _fold(file: str, mode: Mode, folding: Folding, output: OutputFolder) -> Counter[str]:
    counted: Counter[str] = Counter()
    reader = LineReader(mode)
    size = Path(file).stat().st_size if Path(file).is_file() else None
    with progress_bar(size, "B") as bar:
        for number, (line, line_size) in enumerate(read_lines(file), 1):
            bar.update(line_size)
            try:
                record = reader.read(line)
                if record is None:
                    continue
                counted[type(record).__name__] += 1
                changes = folding.apply(record)
            except Rejected as rejected:
                folding.reject(rejected)
                output.write_rejected(number, rejected)
                continue
            counted["events"] += len(changes)
            output.write_changes(changes)
    return counted


def _summarise(folding: Folding, counted: Counter[str], seconds: float) -> None:
    documents = folding.documents()
    how = Counter(document["how"] or "still open" for document in documents)
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(folding.rejected.items()))
    rows = {
        "Frames": f"{counted['FrameRecord']}",
        "Ticks": f"{counted['TickRecord']}",
        "Commands": f"{counted['CommandRecord']}",
        "Rejected": f"{folding.rejected.total()}" + (f" ({reasons})" if reasons else ""),
        "Duplicate": f"{folding.system.counters['duplicate']}",
        "Missing": f"{folding.system.counters['missing']}",
        "Events": f"{counted['events']}",
        "Units": f"{sum(1 for _ in folding.system.units())}",
        "Blasts": f"{len(documents)}" + (f" ({', '.join(f'{h} {n}' for h, n in sorted(how.items()))})" if how else ""),
        "Time": f"{seconds:.2f} s",
    }
    for name, value in rows.items():
        click.echo(f"{name + ':':11}{value}")
