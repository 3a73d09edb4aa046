"""The boosters that took part: their counts as a table, and a bar each."""

from collections.abc import Sequence
from typing import Final

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.detonators import AWAITED, SILENT_BEFORE
from stateserver.reports.document import ActiveBooster, Counts, NotFired, Window
from stateserver.reports.pdf.fonts import Face
from stateserver.reports.pdf.notices import identity_of, name_of
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.signs import fill_bar
from stateserver.reports.pdf.style import LEFT, RIGHT, SMALL, SMALL_BOLD, SMALL_GREY, SMALL_RED, WIDTH, Style
from stateserver.reports.pdf.table import Cell, Column, Table
from stateserver.reports.pdf.text import apart, fit, width_of
from stateserver.reports.pictures import Picture
from stateserver.reports.wording import IBS_NOUNS, OUTCOMES, nouns_of, number

SHORT: Final = {
    "detonators": "Det",
    "tagged": "Tag",
    "logged": "Log",
    "programmed": "Prog",
    "answering": "Ans",
}
NUMBER_WIDTH: Final = 22.5
OUTCOME_WIDTH: Final = 29.0
BAR_HEIGHT: Final = 8.0
BAR_PITCH: Final = 14.5
ENTRIES_A_ROW: Final = 4
OUTCOME_NAME: Final = 55.0
NOT_FIRED: Final = (
    (MISSED, "missed", SMALL_RED),
    (UNREPORTED, "unreported", SMALL),
    (SILENT_BEFORE, "silent before", SMALL),
)


def draw_booster_table(paper: Paper) -> None:
    """One row a booster: before, after, and what became of its detonators."""
    report, nouns = paper.report, nouns_of(paper.report.mode)
    paper.chapter("boosters", f"{nouns.boosters} of this blast".capitalize(), room=70)
    if not report.active:
        paper.paragraph(f"No {nouns.booster} took part.", SMALL)
        return
    # What type 1 boosters never have is not worth a column.
    counts = ("detonators", "answering") if nouns is IBS_NOUNS else tuple(SHORT)
    serial, result = 34.0, 41.0
    label = WIDTH - serial - result - 2 * len(counts) * NUMBER_WIDTH - 4 * OUTCOME_WIDTH
    columns = [Column("No.", serial, Align.RIGHT), Column("Label", label)]
    for when in ("BEFORE", "AFTER"):
        columns += [Column(SHORT[count], NUMBER_WIDTH, Align.RIGHT, when) for count in counts]
    columns += [Column(name, OUTCOME_WIDTH, Align.RIGHT, "OUTCOME") for name in ("Fired", "Missed", "Unrep", "Silent")]
    table = Table(paper, [*columns, Column("Result", result, Align.RIGHT)])
    for booster in report.active:
        name = booster.label or ""
        is_long = width_of(name, SMALL.face, SMALL.size) > 2 * (label - 10)
        table.row(
            Cell(str(booster.serial), SMALL_BOLD),
            "" if is_long else name,
            *_counts(booster.before, counts),
            *_counts(booster.after, counts),
            *_outcomes(booster),
            _result(booster),
            below=name if is_long else "",
        )
    paper.gap(5)
    key = f"Det: {nouns.detonators}. "
    if nouns is not IBS_NOUNS:
        key += "Tag, Log, Prog: those tagged, logged, programmed. "
    key += "Ans: those that answer. Fired: no longer answer, presumed fired. Missed: still answer. "
    key += "Unrep: unreported, nothing is known. Silent: did not answer at the start."
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
        x = paper.words(x, paper.y + 1, OUTCOMES[outcome], SMALL_GREY) + 14
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
    entry = (WIDTH - OUTCOME_NAME) / ENTRIES_A_ROW
    columns = [Column("Outcome", OUTCOME_NAME)]
    for _ in range(ENTRIES_A_ROW):
        columns += [Column(nouns.window, 40, Align.RIGHT), Column(nouns.identity, entry - 40)]
    table = Table(paper, columns)
    for booster in report.active:
        groups = [(words, style, _windows(booster, outcome)) for outcome, words, style in NOT_FIRED]
        if not any(windows for _, _, windows in groups):
            continue
        told = ", ".join(f"{number(len(windows))} {words}" for words, _, windows in groups if windows)
        table.banner(f"{name_of(booster)}: {told}")
        for words, style, windows in groups:
            entries = [(one.window_id, identity_of(booster, one.window_id, one.uid, pictures)) for one in windows]
            _draw_entries(table, words, entries, style)


def _windows(booster: ActiveBooster, outcome: str) -> Sequence[Window | NotFired]:
    if outcome == SILENT_BEFORE:
        return booster.silent_before
    return [one for one in booster.not_fired or () if one.outcome == outcome]


def _draw_entries(table: Table, words: str, entries: list[tuple[int, str]], style: Style) -> None:
    bold = Style(Face.BOLD, style.size, style.colour)
    for start in range(0, len(entries), ENTRIES_A_ROW):
        cells: list[str | Cell] = []
        for window, identity in entries[start : start + ENTRIES_A_ROW]:
            cells += [Cell(str(window), bold), Cell(identity, style)]
        cells += [""] * (2 * ENTRIES_A_ROW - len(cells))
        table.row(Cell(words, style), *cells)
