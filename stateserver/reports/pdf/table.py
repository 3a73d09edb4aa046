"""Tables drawn row by row: nothing is kept of a row once it stands, and each page begins with the heading again."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.style import (
    BOTTOM,
    CAPTION,
    GREY,
    HAIRLINE,
    LEFT,
    RIGHT,
    SHADE,
    SMALL,
    SMALL_BOLD,
    TOP,
    Style,
)
from stateserver.reports.pdf.text import width_of, wrap

PADDING: Final = 2.2
ROW_GAP: Final = 3.4
BANNER: Final = SMALL_BOLD
APART: Final = 4.5  # a text to the right of a number


class Column(NamedTuple):
    """`group` is a heading over all neighbours that have the same one."""

    title: str
    width: float
    align: Align = Align.LEFT
    group: str = ""


class Cell(NamedTuple):
    """A text with a style of its own."""

    text: str
    style: Style = SMALL


class Table:
    """A table from the paper's place downwards. The widths of its columns make up the width of the page."""

    def __init__(self, paper: Paper, columns: Sequence[Column]) -> None:
        self._paper = paper
        self._columns = list(columns)
        self._edges = [LEFT + sum(column.width for column in columns[:index]) for index in range(len(columns))]
        assert self._edges[-1] + columns[-1].width <= RIGHT + 0.01, "the columns are no wider than the page"
        for index, (before, column) in enumerate(pairwise(columns), 1):
            if before.align is Align.RIGHT and column.align is Align.LEFT:
                self._edges[index] += APART
                self._columns[index] = column._replace(width=column.width - APART)
        self._titles = [
            wrap(column.title, CAPTION.face, CAPTION.size, column.width - 2 * PADDING) for column in self._columns
        ]
        self._heading_on = 0
        self._banner = ""
        self._shaded = False

    def banner(self, text: str) -> None:
        """A line over the rows that follow, said again wherever they go on."""
        self._banner = ""
        self._place(BANNER.leading + SMALL.leading + 2 * ROW_GAP)
        self._banner = text
        self._draw_banner(text)

    def _draw_banner(self, text: str) -> None:
        paper = self._paper
        shown = wrap(text, BANNER.face, BANNER.size, RIGHT - LEFT - 2 * PADDING)
        paper.y -= 3
        for line in shown:
            paper.y -= BANNER.leading
            paper.text(LEFT + PADDING, paper.y + 2, line, BANNER)
        paper.rule(paper.y)
        self._shaded = False

    def row(self, *cells: str | Cell, below: str = "") -> None:
        """Draw a row, on the next page if it doesn't fit here, over several if it fits on none.

        `below` is a text that begins in the second column and takes all the room from there.
        """
        assert len(cells) == len(self._columns), "a cell for each column"
        told = [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]
        lines = [
            wrap(cell.text, cell.style.face, cell.style.size, column.width - 2 * PADDING)
            for cell, column in zip(told, self._columns, strict=True)
        ]
        styles = [cell.style for cell in told]
        beneath = wrap(below, SMALL.face, SMALL.size, RIGHT - self._edges[1] - PADDING) if below else []
        self._place((max(map(len, lines)) + len(beneath)) * max(style.leading for style in styles) + ROW_GAP)
        self._shaded = not self._shaded
        self._flow(lines, styles)
        if beneath:
            self._flow([beneath if index == 1 else [] for index in range(len(lines))], [SMALL] * len(lines))

    def _flow(self, lines: list[list[str]], styles: list[Style]) -> None:
        """Draw cells of so many lines each, over as many pages as they take."""
        leading = max(style.leading for style in styles)
        highest = max(map(len, lines))
        while highest:
            fitting = min(highest, max(1, int((self._paper.room() - ROW_GAP) / leading)))
            self._draw([cell[:fitting] for cell in lines], styles, fitting, leading)
            lines = [cell[fitting:] for cell in lines]
            highest -= fitting
            if highest:
                self._paper.turn()
                self._heading()

    def _place(self, height: float) -> None:
        paper = self._paper
        heading = 0.0 if self._heading_on == paper.page else self._heading_height()
        whole_page = TOP - BOTTOM - self._heading_height()
        if paper.room() < heading + min(height, whole_page):
            paper.turn()
        if self._heading_on != paper.page:
            self._heading()

    def _draw(self, lines: list[list[str]], styles: list[Style], count: int, leading: float) -> None:
        paper = self._paper
        height = count * leading + ROW_GAP
        if self._shaded:
            paper.canvas.setFillColor(SHADE)
            paper.canvas.rect(LEFT, paper.y - height, RIGHT - LEFT, height, stroke=0, fill=1)
        for edge, column, cell, style in zip(self._edges, self._columns, lines, styles, strict=True):
            x = _anchor(edge, column)
            for index, line in enumerate(cell):
                if line:
                    base = paper.y - ROW_GAP / 2 - index * leading - style.size * 0.98
                    paper.text(x, base, line, style, column.align)
        paper.y -= height

    def _heading_height(self) -> float:
        if not any(column.title for column in self._columns):
            return 0.0
        grouped = any(column.group for column in self._columns)
        return (max(len(title) for title in self._titles) + grouped) * CAPTION.leading + 6

    def _heading(self) -> None:
        paper = self._paper
        self._heading_on = paper.page
        self._shaded = False
        if self._heading_height():
            self._draw_heading()
        if self._banner:
            self._draw_banner(f"{self._banner} (continued)")

    def _draw_heading(self) -> None:
        paper = self._paper
        bottom = paper.y - self._heading_height()
        self._group_headings()
        for edge, column, title in zip(self._edges, self._columns, self._titles, strict=True):
            base = bottom + 4.5 + (len(title) - 1) * CAPTION.leading
            for line in title:
                paper.text(_anchor(edge, column), base, line, CAPTION, column.align)
                base -= CAPTION.leading
        paper.rule(bottom, GREY, 0.8)
        paper.y = bottom

    def _group_headings(self) -> None:
        paper = self._paper
        base = paper.y - CAPTION.size
        placed = zip(self._edges, self._columns, strict=True)
        for group, members in groupby(placed, lambda place: place[1].group):
            if not group:
                continue
            inside = list(members)
            left, right = inside[0][0] + PADDING, inside[-1][0] + inside[-1][1].width - PADDING
            paper.text((left + right) / 2, base, group, CAPTION, Align.CENTRE)
            half = width_of(group, CAPTION.face, CAPTION.size) / 2 + 3
            paper.canvas.setStrokeColor(HAIRLINE)
            paper.canvas.setLineWidth(0.5)
            for start, end in ((left, (left + right) / 2 - half), ((left + right) / 2 + half, right)):
                if end > start:
                    paper.canvas.line(start, base + 2.3, end, base + 2.3)


def _anchor(edge: float, column: Column) -> float:
    return edge + PADDING + column.align.value * (column.width - 2 * PADDING)
