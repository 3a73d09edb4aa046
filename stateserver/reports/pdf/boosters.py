"""The boosters that took part: their counts as a table, and a bar each."""

from typing import Final

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.detonators import AWAITED, SILENT_BEFORE
from stateserver.reports.document import ActiveBooster, Counts
from stateserver.reports.pdf.fonts import Face
from stateserver.reports.pdf.notices import identity_of, name_of
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.signs import fill_bar
from stateserver.reports.pdf.style import LEFT, RIGHT, SMALL, SMALL_BOLD, SMALL_GREY, SMALL_RED, WIDTH, Style
from stateserver.reports.pdf.table import Cell, Column, Table
from stateserver.reports.pdf.text import fit
from stateserver.reports.pictures import Picture
from stateserver.reports.wording import IBS_NOUNS, OUTCOMES, nouns_of, number

SHORT: Final = {
    "detonators": "Det.",
    "tagged": "Tag.",
    "logged": "Log.",
    "programmed": "Prog.",
    "answering": "Ans.",
}
NUMBER_WIDTH: Final = 27.0
BAR_HEIGHT: Final = 8.0
BAR_PITCH: Final = 14.5
ENTRIES_A_ROW: Final = 4


def draw_booster_table(paper: Paper) -> None:
    """One row a booster: before, after, and what became of its detonators."""
    report, nouns = paper.report, nouns_of(paper.report.mode)
    paper.chapter("boosters", f"{nouns.boosters} of this blast".capitalize(), room=70)
    if not report.active:
        paper.paragraph(f"No {nouns.booster} took part.", SMALL)
        return
    # What type 1 boosters never have is not worth a column.
    counts = ("detonators", "answering") if nouns is IBS_NOUNS else tuple(SHORT)
    number_count = 2 * len(counts) + 4
    serial, result = 42.0, 40.0
    label = WIDTH - serial - result - number_count * NUMBER_WIDTH
    columns = [Column("No.", serial, Align.RIGHT), Column("Label", label)]
    for when in ("BEFORE", "AFTER"):
        columns += [Column(SHORT[count], NUMBER_WIDTH, Align.RIGHT, when) for count in counts]
    columns += [Column(name, NUMBER_WIDTH, Align.RIGHT, "OUTCOME") for name in ("Fired", "Miss.", "Unrep.", "Silent")]
    table = Table(paper, [*columns, Column("", result, Align.RIGHT)])
    for booster in report.active:
        table.row(
            Cell(str(booster.serial), SMALL_BOLD),
            booster.label or "",
            *_counts(booster.before, counts),
            *_counts(booster.after, counts),
            *_outcomes(booster),
            _result(booster),
        )
    paper.gap(5)
    key = f"Det.: {nouns.detonators}. "
    if nouns is not IBS_NOUNS:
        key += "Tag., Log., Prog.: those tagged, logged, programmed. "
    key += "Ans.: those that answer. Fired: no longer answer, presumed fired. Miss.: missed, they still answer. "
    key += "Unrep.: unreported, nothing is known. Silent: did not answer at the start."
    paper.paragraph(key, SMALL_GREY)


def _counts(counts: Counts | None, names: tuple[str, ...]) -> list[str]:
    return [number(None if counts is None else getattr(counts, name)) for name in names]


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
        label = fit(f"{booster.serial} {booster.label or ''}", SMALL.face, SMALL.size, 112)
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
        x += paper.text(x, paper.y + 1, OUTCOMES[outcome], SMALL_GREY) + 14
    paper.y -= 2


def _parts(booster: ActiveBooster) -> list[tuple[str, int]]:
    if booster.fired is None:
        parts = [(AWAITED, booster.before.answering)]
    else:
        parts = [(FIRED, booster.fired), (MISSED, booster.count(MISSED)), (UNREPORTED, booster.count(UNREPORTED))]
    return [(outcome, count) for outcome, count in (*parts, (SILENT_BEFORE, len(booster.silent_before))) if count]


def draw_not_fired(paper: Paper, pictures: dict[str, Picture]) -> None:
    """Every detonator that isn't presumed fired, by name."""
    report, nouns = paper.report, nouns_of(paper.report.mode)
    paper.chapter("not-fired", f"{nouns.detonators} not known to have fired".capitalize(), room=60)
    if not any(booster.not_fired or booster.silent_before for booster in report.active):
        nothing = "None." if report.closed else "Not known before the blast is closed."
        paper.paragraph(nothing, SMALL)
        return
    entry = (WIDTH - 130 - 75) / ENTRIES_A_ROW
    columns = [Column(nouns.booster.capitalize(), 130), Column("What became of them", 75)]
    for _ in range(ENTRIES_A_ROW):
        columns += [Column(nouns.window, 34, Align.RIGHT), Column(nouns.identity, entry - 34)]
    table = Table(paper, columns)
    for booster in report.active:
        name = name_of(booster)
        for outcome, words in ((MISSED, "missed"), (UNREPORTED, "unreported"), (SILENT_BEFORE, "silent before")):
            if outcome == SILENT_BEFORE:
                found = [(one.window_id, one.uid) for one in booster.silent_before]
            else:
                found = [(one.window_id, one.uid) for one in booster.not_fired or () if one.outcome == outcome]
            style = SMALL_RED if outcome == MISSED else SMALL
            entries = [(window, identity_of(booster, window, uid, pictures)) for window, uid in found]
            _draw_entries(table, name, words, entries, style)


def _draw_entries(table: Table, name: str, words: str, entries: list[tuple[int, str]], style: Style) -> None:
    bold = Style(Face.BOLD, style.size, style.colour)
    for start in range(0, len(entries), ENTRIES_A_ROW):
        cells: list[str | Cell] = []
        for window, identity in entries[start : start + ENTRIES_A_ROW]:
            cells += [Cell(str(window), bold), Cell(identity, style)]
        cells += [""] * (2 * ENTRIES_A_ROW - len(cells))
        table.row(Cell(name, bold), Cell(words, style), *cells)
