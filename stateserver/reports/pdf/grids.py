"""A picture of each booster that took part: its detonators before and after, window by window."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.detonators import AWAITED, LISTED_LATER, SILENT_BEFORE
from stateserver.reports.pdf.fonts import Face
from stateserver.reports.pdf.naming import name_of
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.signs import ANSWERS, Stretch, draw_lines, draw_sign
from stateserver.reports.pdf.style import (
    CAPTION,
    GREY,
    HAIRLINE,
    LEFT,
    RIGHT,
    SMALL,
    SMALL_BOLD,
    SMALL_GREY,
    SMALL_RED,
    WIDTH,
    Style,
)
from stateserver.reports.pdf.text import fit, width_of
from stateserver.reports.pictures import Picture, Pictures
from stateserver.reports.rows import ActiveBooster
from stateserver.reports.wording import OUTCOMES, nouns_of, number

GAP: Final = 18.0
LABELS: Final = 18.0
RIGHT_GRID: Final = LEFT + (WIDTH + GAP) / 2
GRID_WIDTH: Final = (WIDTH - GAP) / 2 - LABELS
NARROW: Final = 25
BROAD: Final = 50
HEADING: Final = 14.0
CAPTIONS: Final = 10.0
RULER: Final = 7.0
RULER_STEP: Final = {NARROW: 5, BROAD: 10}
ROW_NUMBER: Final = Style(Face.REGULAR, 5.4, GREY)
BEFORE_SIGNS: Final = {AWAITED: ANSWERS, FIRED: ANSWERS, MISSED: ANSWERS, UNREPORTED: ANSWERS}


class Grid(NamedTuple):
    """`columns` windows a row, each so many points wide and high."""

    columns: int

    @property
    def cell(self) -> float:
        return GRID_WIDTH / self.columns

    def rows(self, highest_window: int) -> int:
        """How many rows hold all windows up to that one."""
        return -(-highest_window // self.columns)


def draw_grids(paper: Paper, pictures: Pictures) -> None:
    """One block a booster: its name, its grid before and its grid after."""
    report, nouns = paper.report, nouns_of(paper.report.mode)
    if not report.active:
        return
    paper.chapter("grids", f"{nouns.detonators} before and after".capitalize(), room=110)
    _draw_legend(paper)
    highest = max((picture.windows[-1] for picture in pictures.active.values() if picture.windows), default=1)
    grid = Grid(NARROW if highest <= 100 else BROAD)
    for booster in report.active:
        _draw_block(paper, booster, pictures.active[booster.unit], grid)


def _draw_legend(paper: Paper) -> None:
    after = [FIRED, MISSED, UNREPORTED, SILENT_BEFORE, LISTED_LATER]
    if paper.report.closed is None:
        after = []
    for when, signs in (("BEFORE", [ANSWERS, SILENT_BEFORE]), ("AFTER", after)):
        x = LEFT
        if signs:
            paper.y -= 11
            paper.text(x, paper.y, when, CAPTION)
            x += 40
        for sign in signs:
            words = "answers" if sign == ANSWERS else OUTCOMES[sign].partition(":")[0]
            draw_sign(paper.canvas, sign, x, paper.y - 1.5, 8.5)
            x += 12
            x = paper.words(x, paper.y, words, SMALL_GREY) + 14
    nouns = nouns_of(paper.report.mode)
    paper.y -= 11
    each = f"Each square is a {nouns.window}; at the left stands the number of the first in its row, above the column."
    paper.text(LEFT, paper.y, each, SMALL_GREY)
    paper.y -= 4


def _draw_block(paper: Paper, booster: ActiveBooster, picture: Picture, grid: Grid) -> None:
    rows = grid.rows(picture.windows[-1] if picture.windows else 1)
    height = rows * grid.cell
    paper.need(HEADING + CAPTIONS + RULER + height)
    paper.bookmark(f"grid-{booster.unit}", name_of(booster))
    paper.y -= HEADING
    told, style = _told(booster)
    paper.text(RIGHT, paper.y + 2, told, style, Align.RIGHT)
    room = WIDTH - 12 - width_of(told, style.face, style.size)
    name = fit(name_of(booster), SMALL_BOLD.face, SMALL_BOLD.size, room)
    paper.text(LEFT, paper.y + 2, name, SMALL_BOLD)
    paper.rule(paper.y - 0.5)
    paper.y -= CAPTIONS
    for when, left in (("before", LEFT), ("after", RIGHT_GRID)):
        paper.text(left + LABELS, paper.y + 2, when, SMALL_GREY)
    paper.y -= RULER
    for left in (LEFT, RIGHT_GRID) if booster.fired is not None else (LEFT,):
        _draw_ruler(paper, grid, left + LABELS)
    before = ((window, BEFORE_SIGNS.get(sign, sign)) for window, sign in picture.detonators() if sign != LISTED_LATER)
    _draw_grid(paper, grid, rows, LEFT, before)
    if booster.fired is None:
        paper.text(RIGHT_GRID + LABELS, paper.y - 8, "not known before the blast is closed", SMALL_GREY)
    else:
        _draw_grid(paper, grid, rows, RIGHT_GRID, picture.detonators())
    paper.y -= height + 9


def _draw_ruler(paper: Paper, grid: Grid, left: float) -> None:
    """The numbers of the columns over a grid: a window is the number at the left plus its column, less one."""
    step = RULER_STEP[grid.columns]
    for column in (1, *range(step, grid.columns + 1, step)):
        middle = left + (column - 0.5) * grid.cell
        paper.text(middle, paper.y + 2.6, str(column), ROW_NUMBER, Align.CENTRE)
        paper.canvas.setStrokeColor(GREY)
        paper.canvas.setLineWidth(0.4)
        paper.canvas.line(middle, paper.y, middle, paper.y + 1.6)


def _told(booster: ActiveBooster) -> tuple[str, Style]:
    counts = [
        (booster.fired, "presumed fired"),
        (booster.count(MISSED), "missed"),
        (booster.count(UNREPORTED), "unreported"),
        (len(booster.silent_before), "silent before"),
    ]
    if booster.fired is None:
        counts = [(booster.before.answering, "answering"), counts[3]]
    first, *others = counts
    told = ", ".join(f"{number(count)} {what}" for count, what in (first, *(one for one in others if one[0])))
    return told, SMALL_RED if booster.successful is False else SMALL


def _draw_grid(paper: Paper, grid: Grid, rows: int, left: float, signs: Iterable[tuple[int, str]]) -> None:
    cell, left = grid.cell, left + LABELS
    for row in range(0, rows, 1 if cell > ROW_NUMBER.size else 2):
        base = paper.y - (row + 0.5) * cell - 2.2
        paper.text(left - 4, base, str(row * grid.columns + 1), ROW_NUMBER, Align.RIGHT)
    paper.canvas.setStrokeColor(HAIRLINE)
    paper.canvas.setLineWidth(0.4)
    paper.canvas.rect(left, paper.y - rows * cell, grid.columns * cell, rows * cell)
    lines: dict[str, list[Stretch]] = defaultdict(list)
    for sign, first, count in _stretches(signs, grid.columns):
        row, column = divmod(first - 1, grid.columns)
        lines[sign].append(Stretch(left + column * cell, paper.y - (row + 1) * cell, count))
    for sign in sorted(lines):
        draw_lines(paper.canvas, sign, lines[sign], cell)


def _stretches(signs: Iterable[tuple[int, str]], columns: int) -> Iterator[tuple[str, int, int]]:
    """(sign, first window, how many) of neighbours in one row that have the same sign."""
    sign, first, count = "", 0, 0
    for window, next_sign in signs:
        if next_sign == sign and window == first + count and (window - 1) % columns:
            count += 1
            continue
        if count:
            yield sign, first, count
        sign, first, count = next_sign, window, 1
    if count:
        yield sign, first, count
