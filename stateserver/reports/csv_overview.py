"""The short tables of a blast as CSV: a summary, its warnings, and a row for whoever reads a hundred blasts."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from stateserver import __version__
from stateserver.domain.change import FIRE_BUTTON_REPEATED, Value
from stateserver.reports.csv_file import Row, write_csv
from stateserver.reports.csv_tables import at_cells, at_columns
from stateserver.reports.detonators import Snapshot, check_snapshots, read_labels, units_concerned
from stateserver.reports.document import Report
from stateserver.reports.rows import BoosterTotals, DetonatorTotals, Durations, Frames
from stateserver.reports.times import SiteClock
from stateserver.reports.verdict import explain_how, superseding_blast, verdict_of
from stateserver.reports.wording import (
    HOW,
    attention_words,
    fault_words,
    nouns_of,
    number_ranges,
    unit_words,
)

INSTANTS: Final = ("initiated", "firing_complete", "aborted", "closed")


def write_summary(report: Report, start: Snapshot, end: Snapshot | None, clock: SiteClock, out: BinaryIO) -> None:
    """What the report says in all, a row each; labels are as at the start."""
    check_snapshots(report, start, end)
    rows = ((report.blast, report.system, *row) for row in _summary_rows(report, read_labels(start), clock))
    write_csv(["blast", "system", "about", "what", "value"], rows, out)


def _summary_rows(report: Report, labels: dict[str, str], clock: SiteClock) -> Iterator[tuple[str, str, Value]]:
    told, nouns = verdict_of(report), nouns_of(report.mode)
    yield "blast", "id", report.blast
    yield "blast", "system", report.system
    yield "blast", "mode", report.mode.value
    yield "blast", "control unit", unit_words(report.control_unit)
    yield "blast", "verdict", report.verdict
    yield "blast", "verdict in words", told.headline
    yield "blast", "verdict explained", told.explanation
    yield "blast", "how it closed", report.how
    yield "blast", "how it closed, in words", f"{HOW[report.how]}. {explain_how(report)}"
    yield "blast", "superseded by", superseding_blast(report)
    yield "times", "time zone", clock.name
    for what in INSTANTS:
        cells = at_cells(clock, getattr(report, what))
        yield from (("times", column, cell) for column, cell in zip(at_columns(what), cells, strict=True))
    for about, values in (
        ("durations, ms", report.durations),
        ("boosters", report.boosters),
        ("detonators", report.detonators),
        ("frames", report.frames),
    ):
        for what, value in values._asdict().items():
            yield about, what, value
    for number, one in enumerate(report.attention or (), 1):
        about = f"attention {number}"
        yield about, "what", one.what
        yield about, "in words", attention_words(one.what, nouns, one.field).title
        yield about, "unit", unit_words(one.unit)
        yield about, "label", labels.get(one.unit)
        yield about, "windows", None if one.windows is None else number_ranges(one.windows)
        known = (labels.get(unit) for unit in units_concerned(one))
        yield about, "labels of the windows", ", ".join(label for label in known if label) or None
    yield "warnings", "open at the start", len(report.warnings)
    yield "warnings", "open at the end", None if report.warnings_after is None else len(report.warnings_after)
    yield "versions", "opened", report.version_opened
    yield "versions", "closed", report.version_closed
    yield "sha256", "document", report.sha256
    yield "sha256", "start snapshot", report.start_sha256
    yield "sha256", "end snapshot", report.end_sha256
    yield "software", "State Server", __version__


def write_warnings(report: Report, start: Snapshot, end: Snapshot | None, clock: SiteClock, out: BinaryIO) -> None:
    """One row a warning that was open at the start, then one each that was at the end; labels are as at the start."""
    check_snapshots(report, start, end)
    header = ["blast", "system", "when", "unit", "label", "field", "fault", *at_columns("raised")]
    header += ["is_acknowledged", *at_columns("acknowledged"), "actor", "note", "document_sha256"]
    labels = read_labels(start)

    def rows() -> Iterator[Row]:
        for when, warnings in (("start", report.warnings), ("end", report.warnings_after or ())):
            for one in warnings:
                about = (report.blast, report.system, when, unit_words(one.unit), labels.get(one.unit), one.field)
                times = (*at_cells(clock, one.raised), one.acknowledged is not None)
                by = (*at_cells(clock, one.acknowledged), one.actor, one.note)
                yield (*about, fault_words(one.field), *times, *by, report.sha256)

    write_csv(header, rows(), out)


def write_blasts(reports: Iterable[Report], clock: SiteClock, out: BinaryIO) -> None:
    """One row a blast."""
    header = ["blast", "system", "mode", "control_unit", "verdict", "verdict_in_words", "how", "time_zone"]
    header += [column for what in INSTANTS for column in at_columns(what)]
    header += [f"{name}_ms" for name in Durations._fields]
    header += [f"boosters_{name}" for name in BoosterTotals._fields]
    header += [f"detonators_{name}" for name in DetonatorTotals._fields]
    header += ["attention", "warnings_before", "warnings_after", "fire_button_repeated", "superseded_by"]
    header += [f"frames_{name}" for name in Frames._fields]
    header += ["version_opened", "version_closed", "start_snapshot_sha256", "end_snapshot_sha256", "document_sha256"]
    write_csv([*header, "software_version"], (_blast_row(report, clock) for report in reports), out)


def _blast_row(report: Report, clock: SiteClock) -> Row:
    times = [cell for what in INSTANTS for cell in at_cells(clock, getattr(report, what))]
    attention = Counter(one.what for one in report.attention or ())
    after = None if report.warnings_after is None else len(report.warnings_after)
    repeated = sum(1 for _ in report.events_of({FIRE_BUTTON_REPEATED}))
    return (
        *(report.blast, report.system, report.mode.value, unit_words(report.control_unit), report.verdict),
        *(verdict_of(report).headline, report.how, clock.name, *times),
        *(*report.durations, *report.boosters, *report.detonators),
        *(", ".join(attention), len(report.warnings), after, repeated, superseding_blast(report), *report.frames),
        *(report.version_opened, report.version_closed, report.start_sha256, report.end_sha256, report.sha256),
        __version__,
    )
