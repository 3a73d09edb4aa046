"""`stateserver replay`: a journal, of a file or of a running system, becomes its changes, units and blasts again."""

from pathlib import Path
from typing import Any

import click

from stateserver.commands.bounds import BoundType, PartitionsType
from stateserver.commands.progress import progress_bar
from stateserver.commands.replay_notes import end_if_nothing_taken, print_notes
from stateserver.commands.replay_reports import chosen_formats, write_reports
from stateserver.commands.replay_summary import Summary
from stateserver.commands.system_names import require_system
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.files import OutputFolder
from stateserver.replay.folding import Folding
from stateserver.replay.journal_file import journal_size, read_lines
from stateserver.replay.lines import LineReader
from stateserver.replay.noticing import Noticing

OF_THE_LOG = {
    "partitions": "--partitions",
    "begin": "--from",
    "until": "--until",
    "at": "--at",
    "compare": "--compare",
    "swap": "--swap",
}


@click.command()
@click.argument("file", type=str, required=False)
@click.option("--from-topic", is_flag=True, help="Replay the log of a running system in place of a file.")
@click.option(
    "--mode", type=click.Choice(list(Mode)), help="Of a file: the system's mode, where a line names none. Needed."
)
@click.option(
    "--system",
    "systems",
    multiple=True,
    help="Of a file: the system's id, any name without a slash. Needed. Of the log: this one alone; may be repeated.",
)
@click.option("--partitions", type=PartitionsType(), help="Of the log: these alone, as in 0,2-3.")
@click.option(
    "--from",
    "begin",
    type=BoundType(),
    help="Of the log: from this offset or time on. The fold begins with nothing there.",
)
@click.option("--until", type=BoundType(), help="Of the log: up to this offset or time, not included.")
@click.option(
    "--at",
    type=click.IntRange(0),
    help="Of the log: each system as it was before the first record that took its time past this (ms since 1970).",
)
@click.option(
    "--compare", is_flag=True, help="Of the log: hold the workers' tables against it. Exit status 1 where they differ."
)
@click.option(
    "--swap",
    is_flag=True,
    help="Of the log: then make the workers' tables anew from it, and put them in place of the live ones.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write to.")
@click.option("--reports", callback=chosen_formats, help="Write a report of each blast too: pdf,csv,json.")
@click.pass_context
def command(ctx: click.Context, /, file: str | None, from_topic: bool, out: Path, **given: Any) -> None:
    """Replay a journal, and write what becomes of it.

    Either FILE, the journal of one system (`-` is standard input): a line is a JSON object, or `created_at hex` where
    the file's first line is so. Or, with --from-topic, the packets topics of a running system, beside its workers;
    that needs STATESERVER_BROKERS and a key ring in STATESERVER_KEYRING.

    Written are changes.jsonl, units.jsonl, blasts.jsonl, snapshots/ and rejected.jsonl. Of the log, all systems lie
    in these same files, a line names its own: partition after partition, within one as its records lie, and units by
    system; what was rejected by its topic, partition and offset.

    What is likely wrong with a journal (seconds for ms, another mode, lines out of order, CSV and the like) is said on
    standard error. A file that gzip packed is read as it is. Exit status 0 also where records were rejected, 1 where
    every one was (or --compare finds a difference), 2 where FILE or the log can't be read.

    Offsets are whole numbers. Times are ms since 1970 (whole numbers from 10^12 on), or ISO 8601 with a zone, such as
    2026-11-24T18:00:00Z; they are Kafka's own, of when a record was appended.

    With --compare each row of `units` and `systems` is held against the journal at the position it stands for, while
    the workers go on; what differs is printed, a line each, and written to differences.jsonl.

    With --swap the tables of whole partitions are made anew after that, at the very position that the live ones stand
    for, and put in their place, whole or not at all; the exit status is then 0. A worker that is at it is fenced, ends,
    and has to be started again. Where the state that it goes on from would change, or the broker has no transactions,
    all workers have to be stopped before. What readers were told is never contradicted: else it is refused.
    """
    if from_topic == (file is not None):
        raise click.UsageError("Give either FILE or --from-topic.")
    if from_topic:
        _replay_log(out, given)
    else:
        _replay_file(ctx, str(file), out, given)


def _replay_log(out: Path, given: dict[str, Any]) -> None:
    from stateserver.commands.replay_log import LogReplay, replay_log  # noqa: PLC0415 a file needs no Kafka client

    if given["mode"] is not None:
        raise click.UsageError("--mode goes with a file: the log's records say theirs.")
    if given["compare"] and given["at"] is not None:
        raise click.UsageError("--compare is with the present: leave out --at.")
    parts = [OF_THE_LOG.get(name, "--system") for name in ("begin", "until", "at", "systems") if given[name]]
    if given["swap"] and parts:
        raise click.UsageError(f"--swap is of whole partitions, from their beginning: leave out {', '.join(parts)}.")
    reports = given.pop("reports")
    del given["mode"]
    replay_log(LogReplay(out, **given), reports)


def _replay_file(ctx: click.Context, file: str, out: Path, given: dict[str, Any]) -> None:
    for name, option in OF_THE_LOG.items():
        if given[name] not in (None, False):
            raise click.UsageError(f"{option} goes with --from-topic.")
    if given["mode"] is None or len(given["systems"]) != 1:
        missing = "--mode" if given["mode"] is None else "--system"
        raise click.MissingParameter(ctx=ctx, param_type="option", param_hint=f"{missing} (once)")
    system = given["systems"][0]
    require_system(system)
    summary, noticing = Summary(), Noticing()
    with OutputFolder(out) as output:
        _fold(file, Mode(given["mode"]), system, output, summary, noticing)
    write_reports(out, given["reports"])
    summary.print()
    print_notes(noticing.notes())
    end_if_nothing_taken(summary, out)


def _fold(file: str, mode: Mode, system: str, output: OutputFolder, summary: Summary, noticing: Noticing) -> None:
    reader, folding = LineReader(mode), Folding(system)
    with progress_bar(journal_size(file), "B") as bar:
        for number, (line, line_size) in enumerate(read_lines(file), 1):
            bar.update(line_size)
            record = None
            try:
                record = reader.read(line)
                if record is None:
                    continue
                changes = folding.apply(record)
            except Rejected as rejected:
                folding.reject(rejected)
                summary.count_rejected(f"line {number}", rejected)
                noticing.rejected(number, line, record, rejected)
                output.write_rejected({"line": number}, rejected)
                continue
            summary.count(record, changes)
            noticing.applied(number, record, changes)
            if changes:
                output.write_changes(changes)
                if folding.has_told:
                    told = folding.take_told()
                    summary.count_blasts(told.documents)
                    output.write_told(told)
    summary.count_outcome(folding)
    output.write_outcome(folding)
