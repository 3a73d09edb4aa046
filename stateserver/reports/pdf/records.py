"""What else a report records: boosters that took no part, faults, and how good the data are."""

from collections.abc import Iterable
from typing import Final

from stateserver.domain.change import (
    CLOCK_AHEAD,
    CLOCK_SET_BACK,
    SEQUENCE_GAP,
    SEQUENCE_RESTARTED,
    STALE_FRAME,
    WARNING_ACKNOWLEDGED,
    WARNING_CLEARED,
    WARNING_RAISED,
)
from stateserver.reports.pdf.naming import labelled
from stateserver.reports.pdf.notices import state_at_end
from stateserver.reports.pdf.paper import SOFTWARE, Align, Paper
from stateserver.reports.pdf.style import SMALL, SMALL_BOLD, SMALL_GREY, SMALL_RED, WIDTH
from stateserver.reports.pdf.table import Cell, Column, Table
from stateserver.reports.pdf.timeline import draw_events
from stateserver.reports.pictures import Pictures
from stateserver.reports.rows import OtherBooster, Warned
from stateserver.reports.wording import NOTHING, counted, fault_words, nouns_of, number, reasons_words

WARNINGS: Final = {WARNING_RAISED, WARNING_CLEARED, WARNING_ACKNOWLEDGED}
DATA_TROUBLES: Final = {SEQUENCE_GAP, SEQUENCE_RESTARTED, STALE_FRAME, CLOCK_SET_BACK, CLOCK_AHEAD}


def draw_warnings(paper: Paper, pictures: Pictures) -> None:
    """Faults that were open at the start and at the end, and what became of faults between."""
    report = paper.report
    paper.chapter("warnings", "Faults and warnings")
    paper.subheading("Open when the blast was initiated")
    _draw_open(paper, report.warnings, pictures)
    paper.subheading("While the blast was open")
    draw_events(paper, report.events_of(WARNINGS), pictures)
    paper.subheading("Open at the end")
    if report.warnings_after is None:
        paper.paragraph("Not known before the blast is closed.", SMALL)
    else:
        _draw_open(paper, report.warnings_after, pictures)


def _draw_open(paper: Paper, warnings: Iterable[Warned], pictures: Pictures) -> None:
    columns = [Column("Unit", 105), Column("Fault", 70), Column("Raised", 118)]
    columns += [Column("Acknowledged", 118), Column("By, note", WIDTH - 411)]
    table = Table(paper, columns)
    none = True
    for warning in warnings:
        none = False
        acknowledged = "no" if warning.acknowledged is None else paper.clock.site(warning.acknowledged)
        who = ": ".join(word for word in (warning.actor, warning.note) if word)
        raised = paper.clock.site(warning.raised)
        name = labelled(warning.unit, pictures.labels.get(warning.unit))
        table.row(Cell(name, SMALL_BOLD), fault_words(warning.field), raised, acknowledged, who)
    if none:
        paper.paragraph("None.", SMALL)


def draw_others(paper: Paper, pictures: Pictures) -> None:
    """The boosters that took no part, with why, and what they are like at the end."""
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
        _draw_group(paper, boosters, pictures, is_live=boosters is report.possibly_live)
        paper.gap(6)


def _draw_group(paper: Paper, boosters: tuple[OtherBooster, ...], pictures: Pictures, *, is_live: bool) -> None:
    nouns = nouns_of(paper.report.mode)
    columns = [Column("No.", 45, Align.RIGHT), Column("Label", 110), Column(nouns.detonators, 64, Align.RIGHT)]
    table = Table(paper, [*columns, Column("Why", 100), Column("What it is like at the end", WIDTH - 319)])
    for booster in boosters:
        count = Cell(number(booster.detonators), SMALL_RED if is_live else SMALL)
        why = reasons_words(booster.why, nouns)
        at_end = state_at_end(booster, pictures, nouns).removeprefix("At the end: ")
        table.row(Cell(str(booster.serial), SMALL_BOLD), booster.label or "", count, why, at_end or NOTHING)


def draw_quality(paper: Paper, pictures: Pictures) -> None:
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
    paper.subheading("Gaps, restarts, stale frames and clocks")
    draw_events(paper, report.events_of(DATA_TROUBLES), pictures)
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
        ("Software", SOFTWARE),
    ):
        table.row(Cell(what, SMALL_BOLD), value)
    paper.gap(4)
    told = "Whoever replays the journal of this blast gets the same document and snapshots, and these numbers."
    paper.paragraph(told, SMALL_GREY)
