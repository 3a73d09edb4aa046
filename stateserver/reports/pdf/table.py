"""Tables drawn row by row: nothing is kept of a row once it stands, and each page begins with the heading again."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.style import BOTTOM, CAPTION, GREY, HAIRLINE, LEFT, RIGHT, SHADE, SMALL, TOP, Style
from stateserver.reports.pdf.text import width_of, wrap

PADDING: Final = 3.0
ROW_GAP: Final = 3.4


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
        self._columns = columns
        edge, self._edges = LEFT, []
        for column in columns:
            self._edges.append(edge)
            edge += column.width
        assert edge <= RIGHT + 0.01, f"the columns are {edge - RIGHT} points too wide"
        self._titles = [
            wrap(column.title, CAPTION.face, CAPTION.size, column.width - 2 * PADDING) for column in columns
        ]
        self._heading_on = 0
        self._shaded = False

    def row(self, *cells: str | Cell) -> None:
        """Draw a row, on the next page if it doesn't fit here, over several if it fits on none."""
        assert len(cells) == len(self._columns), "a cell for each column"
        told = [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]
        lines = [
            wrap(cell.text, cell.style.face, cell.style.size, column.width - 2 * PADDING)
            for cell, column in zip(told, self._columns, strict=True)
        ]
        leading = max(cell.style.leading for cell in told)
        highest = max(len(cell) for cell in lines)
        self._place(highest * leading + ROW_GAP)
        self._shaded = not self._shaded
        while highest:
            fitting = min(highest, max(1, int((self._paper.room() - ROW_GAP) / leading)))
            self._draw([cell[:fitting] for cell in lines], [cell.style for cell in told], fitting, leading)
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
        grouped = any(column.group for column in self._columns)
        return (max(len(title) for title in self._titles) + grouped) * CAPTION.leading + 6

    def _heading(self) -> None:
        paper = self._paper
        self._heading_on = paper.page
        bottom = paper.y - self._heading_height()
        self._group_headings()
        for edge, column, title in zip(self._edges, self._columns, self._titles, strict=True):
            base = bottom + 4.5 + (len(title) - 1) * CAPTION.leading
            for line in title:
                paper.text(_anchor(edge, column), base, line, CAPTION, column.align)
                base -= CAPTION.leading
        paper.rule(bottom, GREY, 0.8)
        paper.y = bottom
        self._shaded = False

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
