"""What else a report records: boosters that took no part, faults, the timeline, and how good the data are."""

from collections.abc import Iterator
from typing import Final

from stateserver.domain.change import (
    BLAST_CLOSED,
    BLAST_FIRING_ABORTED,
    BLAST_FIRING_COMPLETE,
    BLAST_OPENED,
    FIRE_BUTTON_REPEATED,
    SEQUENCE_GAP,
    SEQUENCE_RESTARTED,
    STALE_FRAME,
    UNIT_CHANGED,
    WARNING_ACKNOWLEDGED,
    WARNING_CLEARED,
    WARNING_RAISED,
    Change,
)
from stateserver.reports.document import OtherBooster
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.style import SMALL, SMALL_BOLD, SMALL_GREY, SMALL_RED, WIDTH
from stateserver.reports.pdf.table import Cell, Column, Table
from stateserver.reports.times import SiteClock
from stateserver.reports.wording import (
    NOTHING,
    change_words,
    counted,
    field_words,
    kind_words,
    nouns_of,
    number,
    reasons_words,
    unit_words,
)

STAGES: Final = {BLAST_OPENED, BLAST_FIRING_COMPLETE, BLAST_FIRING_ABORTED, BLAST_CLOSED, FIRE_BUTTON_REPEATED}
WARNINGS: Final = {WARNING_RAISED, WARNING_CLEARED, WARNING_ACKNOWLEDGED}
DATA_TROUBLES: Final = {SEQUENCE_GAP, SEQUENCE_RESTARTED, STALE_FRAME}
TIME_WIDTH: Final = 100.0


def draw_warnings(paper: Paper) -> None:
    """Faults that were open when the blast was, and what became of faults while it was."""
    paper.chapter("warnings", "Faults and warnings")
    warnings = paper.report.warnings
    paper.subheading("Open when the blast was initiated")
    if warnings:
        columns = [Column("Unit", 115), Column("Fault", 75), Column("Raised", 115)]
        columns += [Column("Acknowledged", 115), Column("By, note", WIDTH - 420)]
        table = Table(paper, columns)
        for warning in warnings:
            acknowledged = "no" if warning.acknowledged is None else both_times(paper, warning.acknowledged)
            who = ": ".join(word for word in (warning.actor, warning.note) if word)
            fault = "no mains" if warning.field == "mains" else field_words(warning.field)
            raised = both_times(paper, warning.raised)
            table.row(Cell(unit_words(warning.unit), SMALL_BOLD), fault, raised, acknowledged, who)
    else:
        paper.paragraph("None.", SMALL)
    paper.subheading("While the blast was open")
    _draw_events(paper, paper.report.events_of(WARNINGS))


def draw_others(paper: Paper) -> None:
    """The boosters that took no part, with why."""
    report, nouns = paper.report, nouns_of(paper.report.mode)
    paper.chapter("others", f"{nouns.boosters} that took no part".capitalize())
    groups = (
        (
            "Possibly live",
            report.possibly_live,
            f"They had {nouns.detonators}, and were not part of this blast: warn people of them.",
        ),
        ("Excluded", report.excluded, f"They were armed and communicating, and had no {nouns.detonators}."),
        ("Inactive", report.inactive, f"They were not ready to fire, and had no {nouns.detonators}."),
    )
    for title, boosters, meaning in groups:
        if not boosters:
            paper.paragraph(f"{title}: none.", SMALL)
            continue
        paper.subheading(f"{title}: {counted(len(boosters), nouns.booster, nouns.boosters)}", room=60)
        paper.paragraph(meaning, SMALL_GREY)
        paper.gap(2)
        _draw_group(paper, boosters, is_live=boosters is report.possibly_live)
        paper.gap(6)


def _draw_group(paper: Paper, boosters: tuple[OtherBooster, ...], *, is_live: bool) -> None:
    nouns = nouns_of(paper.report.mode)
    columns = [Column("No.", 45, Align.RIGHT), Column("Label", 200), Column(nouns.detonators, 80, Align.RIGHT)]
    table = Table(paper, [*columns, Column("Why", WIDTH - 325)])
    for booster in boosters:
        count = Cell(number(booster.detonators), SMALL_RED if is_live else SMALL)
        why = reasons_words(booster.why, nouns)
        table.row(Cell(str(booster.serial), SMALL_BOLD), booster.label or "", count, why)


def draw_timeline(paper: Paper) -> None:
    """Every event of the system while the blast was open, but for the detonators' own."""
    paper.chapter("timeline", "Timeline")
    _draw_events(paper, paper.report.events_of_more())
    left_out = paper.report.single_detonators_events
    if left_out:
        nouns = nouns_of(paper.report.mode)
        paper.gap(5)
        events = counted(left_out, "event", "events")
        told = f"{events} of single {nouns.detonators} are left to the CSV of the timeline."
        paper.paragraph(told, SMALL_GREY)


def _draw_events(paper: Paper, changes: Iterator[Change]) -> None:
    clock, initiated = paper.clock, paper.report.initiated
    columns = [Column("Event", 38, Align.RIGHT), Column("UTC" if clock.is_utc else clock.name, TIME_WIDTH)]
    if not clock.is_utc:
        columns.append(Column("UTC", 56))
    columns += [Column("After, s", 46, Align.RIGHT), Column("Unit", 92)]
    table = Table(paper, [*columns, Column("What happened", WIDTH - sum(column.width for column in columns))])
    change = None
    for change in changes:
        times = [clock.site(change.at)] if clock.is_utc else [clock.site(change.at), clock.utc(change.at)[11:]]
        after = f"{(change.at - initiated) / 1000:.3f}"
        table.row(str(change.version), *times, after, _subject(change), _happened(change, clock))
    if change is None:
        paper.paragraph("None.", SMALL)


def _subject(change: Change) -> str:
    """Whom an event is about: a unit, or the source whose frames are missing."""
    is_about_source = change.unit is None and change.source is not None
    return f"Source {change.source}" if is_about_source else unit_words(change.unit)


def _happened(change: Change, clock: SiteClock) -> Cell:
    words = change_words(change, clock)
    if change.kind == UNIT_CHANGED:
        return Cell(words)
    kind = kind_words(change.kind)
    return Cell(f"{kind}: {words}" if words else kind, SMALL_BOLD if change.kind in STAGES else SMALL)


def draw_quality(paper: Paper) -> None:
    """What is missing in the data, and what they can be checked by."""
    report = paper.report
    paper.chapter("quality", "Data quality")
    rows = (
        ("received", report.frames.received, "Frames while the blast was open, those duplicate and rejected included."),
        ("duplicate", report.frames.duplicate, "Came a second time, and changed nothing."),
        ("rejected", report.frames.rejected, "Could not be read, and changed nothing."),
        ("missing", report.frames.missing, "Never came: what they would have said is not in this report."),
    )
    columns = [Column("Frames", 80), Column("Count", 50, Align.RIGHT)]
    table = Table(paper, [*columns, Column("Meaning", WIDTH - 130)])
    for what, count, meaning in rows:
        alarming = count and what in {"rejected", "missing"}
        table.row(Cell(what, SMALL_BOLD), Cell(number(count), SMALL_RED if alarming else SMALL), meaning)
    paper.subheading("Gaps, restarts and stale frames")
    _draw_events(paper, report.events_of(DATA_TROUBLES))
    paper.subheading("To check this report by", room=90)
    columns = [Column("", 110), Column("", WIDTH - 110)]
    table = Table(paper, columns)
    events = f"{report.version_opened} to {NOTHING if report.version_closed is None else report.version_closed}"
    for what, value in (
        ("System", report.system),
        ("Blast", report.blast),
        ("Events of the system", events),
        ("Document SHA-256", report.sha256),
        ("Start snapshot SHA-256", report.start_sha256),
        ("End snapshot SHA-256", report.end_sha256 or NOTHING),
    ):
        table.row(Cell(what, SMALL_BOLD), value)
    paper.gap(4)
    told = "Whoever replays the journal of this blast gets the same document and snapshots, and these numbers."
    paper.paragraph(told, SMALL_GREY)


def both_times(paper: Paper, at: int) -> str:
    """An instant in the site's time zone, and in UTC where that is another."""
    clock = paper.clock
    return f"{clock.site(at)}" if clock.is_utc else f"{clock.site(at)} ({clock.utc(at)[11:19]} UTC)"
