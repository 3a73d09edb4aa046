"""The boosters that took part: their counts as a table, and a bar each."""

from typing import Final

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.detonators import AWAITED, SILENT_BEFORE
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.signs import fill_bar
from stateserver.reports.pdf.style import LEFT, RIGHT, SMALL, SMALL_BOLD, SMALL_GREY, SMALL_RED, WIDTH
from stateserver.reports.pdf.table import Cell, Column, Table
from stateserver.reports.pdf.text import apart, fit, width_of
from stateserver.reports.pictures import Pictures
from stateserver.reports.rows import ActiveBooster, Counts
from stateserver.reports.wording import IBS_NOUNS, OUTCOMES, nouns_of, number

SHORT: Final = {
    "detonators": "Det",
    "tagged": "Tag",
    "logged": "Log",
    "programmed": "Prog",
    "answering": "Ans",
}
NUMBER_WIDTH: Final = 22.5
HEARD_WIDTH: Final = 36.0
OUTCOME_WIDTH: Final = 29.0
BAR_HEIGHT: Final = 8.0
BAR_PITCH: Final = 14.5


def draw_booster_table(paper: Paper, pictures: Pictures) -> None:
    """One row a booster: before, after, and what became of its detonators."""
    report, nouns = paper.report, nouns_of(paper.report.mode)
    paper.chapter("boosters", f"{nouns.boosters} of this blast".capitalize(), room=70)
    if not report.active:
        paper.paragraph(f"No {nouns.booster} took part.", SMALL)
        return
    # What type 1 boosters never have is not worth a column.
    counts = ("detonators", "answering") if nouns is IBS_NOUNS else tuple(SHORT)
    serial, result = 34.0, 41.0
    label = WIDTH - serial - result - (2 * len(counts) - 1) * NUMBER_WIDTH - HEARD_WIDTH - 4 * OUTCOME_WIDTH
    columns = [Column("No.", serial, Align.RIGHT), Column("Label", label)]
    columns += [Column(SHORT[count], NUMBER_WIDTH, Align.RIGHT, "BEFORE") for count in counts]
    columns.append(Column("Heard", HEARD_WIDTH, Align.RIGHT, "AFTER"))
    columns += [Column(SHORT[count], NUMBER_WIDTH, Align.RIGHT, "AFTER") for count in counts[1:]]
    columns += [Column(name, OUTCOME_WIDTH, Align.RIGHT, "OUTCOME") for name in ("Fired", "Missed", "Unrep", "Silent")]
    table = Table(paper, [*columns, Column("Result", result, Align.RIGHT)])
    for booster in report.active:
        name = booster.label or ""
        is_long = width_of(name, SMALL.face, SMALL.size) > 2 * (label - 10)
        table.row(
            Cell(str(booster.serial), SMALL_BOLD),
            "" if is_long else name,
            *_counts(booster.before, counts),
            *_after(booster, pictures.heard.get(booster.unit), counts[1:]),
            *_outcomes(booster),
            _result(booster),
            below=name if is_long else "",
        )
    paper.gap(5)
    key = f"Det: {nouns.detonators}. "
    if nouns is not IBS_NOUNS:
        key += "Tag, Log, Prog: those tagged, logged, programmed. "
    key += "Ans: those that answer. Heard: those heard of since firing ended, of all there are at the end; what stands"
    key += " beside it is of them alone. Fired: no longer answer, presumed fired. Missed: still answer. "
    key += "Unrep: unreported, nothing tells whether they fired. Silent: did not answer at the start."
    paper.paragraph(key, SMALL_GREY)


def _counts(counts: Counts | None, names: tuple[str, ...]) -> list[str]:
    return [number(None if counts is None else getattr(counts, name)) for name in names]


def _after(booster: ActiveBooster, heard: Counts | None, names: tuple[str, ...]) -> list[str | Cell]:
    """How many were heard of since firing ended, and counts of these."""
    if booster.after is None:
        return [number(None) for _ in ("heard", *names)]
    total, count = booster.after.detonators, booster.heard_after or 0
    told = number(total) if count == total else f"{number(count)} of {number(total)}"
    counts = [number(getattr(heard, name) if heard else None) for name in names]
    return [Cell(told, SMALL if count == total else SMALL_BOLD), *counts]


def _outcomes(booster: ActiveBooster) -> list[str | Cell]:
    silent = len(booster.silent_before)
    troubles = [booster.count(MISSED), booster.count(UNREPORTED)] if booster.fired is not None else [None, None]
    cells = [Cell(number(count), SMALL_RED if count else SMALL) for count in (*troubles, silent)]
    return [number(booster.fired), *cells]


def _result(booster: ActiveBooster) -> Cell:
    if booster.successful is None:
        return Cell("open", SMALL_GREY)
    return Cell("✓ all", SMALL_BOLD) if booster.successful else Cell("✗ not all", SMALL_RED)


def draw_bars(paper: Paper) -> None:
    """A bar a booster: how many of its detonators fired, were missed, are unreported, were silent before."""
    report, nouns = paper.report, nouns_of(paper.report.mode)
    if not report.active:
        return
    paper.chapter("bars", f"Outcome by {nouns.booster}", room=60)
    _draw_key(paper)
    most = max(1, *(booster.before.detonators for booster in report.active))
    left, right = LEFT + 120, RIGHT - 70
    for booster in report.active:
        paper.need(BAR_PITCH)
        paper.y -= BAR_PITCH
        label = fit(f"{booster.serial} {apart(booster.label or '')}", SMALL.face, SMALL.size, 112)
        paper.text(left - 6, paper.y + 1.5, label, SMALL, Align.RIGHT)
        x = left
        for outcome, count in _parts(booster):
            width = (right - left) * count / most
            fill_bar(paper.canvas, outcome, x, paper.y, width, BAR_HEIGHT)
            x += width
        told = f"{number(booster.fired)} of {number(booster.before.detonators)}"
        style = SMALL_BOLD if booster.successful else SMALL_RED
        paper.text(RIGHT, paper.y + 1.5, told, SMALL_GREY if booster.fired is None else style, Align.RIGHT)


def _draw_key(paper: Paper) -> None:
    outcomes: tuple[str, ...] = (FIRED, MISSED, UNREPORTED, SILENT_BEFORE)
    if paper.report.closed is None:
        outcomes = (AWAITED, SILENT_BEFORE)
    paper.y -= 10
    x = LEFT
    for outcome in outcomes:
        fill_bar(paper.canvas, outcome, x, paper.y, 10, 8)
        x += 14
        x = paper.words(x, paper.y + 1, OUTCOMES[outcome].partition(":")[0], SMALL_GREY) + 14
    paper.y -= 2


def _parts(booster: ActiveBooster) -> list[tuple[str, int]]:
    if booster.fired is None:
        parts = [(AWAITED, booster.before.answering)]
    else:
        parts = [(FIRED, booster.fired), (MISSED, booster.count(MISSED)), (UNREPORTED, booster.count(UNREPORTED))]
    return [(outcome, count) for outcome, count in (*parts, (SILENT_BEFORE, len(booster.silent_before))) if count]
