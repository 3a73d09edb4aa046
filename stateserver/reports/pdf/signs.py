"""How an outcome looks: by shape first and colour second, so that a copy in greyscale says the same.

The less is known to be safe, the more ink: what is presumed fired is a small dot in a grid. Nothing here is green, as
that is the colour of one verdict, and no detonator's.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.detonators import AWAITED, LISTED_LATER, SILENT_BEFORE
from stateserver.reports.pdf.style import AMBER, BLUE, GREY, PAPER, RED

ANSWERS: Final = "answers"
GAP_SHARE: Final = 0.16


class Square(NamedTuple):
    """The lower left corner of a sign."""

    x: float
    y: float


class Stretch(NamedTuple):
    """A row of squares of one sign, side by side."""

    x: float
    y: float
    length: int


# As a row of squares, each of a share of its cell: drawn as one dashed line, which is a hundred times quicker.
_SOLID: Final[dict[str, tuple[Color, float]]] = {
    ANSWERS: (BLUE, 1 - GAP_SHARE),
    AWAITED: (BLUE, 1 - GAP_SHARE),
    FIRED: (BLUE, 0.36),
    MISSED: (RED, 1 - GAP_SHARE),
}
_FRAMED: Final[dict[str, Color]] = {UNREPORTED: AMBER, SILENT_BEFORE: AMBER, LISTED_LATER: GREY}


def draw_lines(canvas: Canvas, outcome: str, lines: Sequence[Stretch], cell: float) -> None:
    """Draw many of a sign; `cell` is the distance from one to the next in points."""
    if outcome in _SOLID:
        colour, share = _SOLID[outcome]
        _draw_solid(canvas, colour, share, lines, cell)
        if outcome == MISSED:
            _draw_strokes(canvas, PAPER, "x", _squares(lines, cell), cell)
        return
    colour = _FRAMED[outcome]
    squares = list(_squares(lines, cell))
    stroke = {UNREPORTED: "/#", SILENT_BEFORE: "-#", LISTED_LATER: "#"}[outcome]
    _draw_strokes(canvas, colour, stroke, squares, cell)


def _squares(lines: Iterable[Stretch], cell: float) -> Iterable[Square]:
    return (Square(line.x + index * cell, line.y) for line in lines for index in range(line.length))


def _draw_solid(canvas: Canvas, colour: Color, share: float, lines: Iterable[Stretch], cell: float) -> None:
    side = cell * share
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(side)
    canvas.setDash([side, cell - side])
    inset = (cell - side) / 2
    path = canvas.beginPath()
    for line in lines:
        path.moveTo(line.x + inset, line.y + cell / 2)
        path.lineTo(line.x + line.length * cell - inset, line.y + cell / 2)
    canvas.drawPath(path)
    canvas.setDash([])


def _draw_strokes(canvas: Canvas, colour: Color, shape: str, squares: Iterable[Square], cell: float) -> None:
    """Strokes within each square: x a cross, / a diagonal, - a bar, # the frame."""
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(max(0.45, cell * 0.11))
    edge, inset = cell * GAP_SHARE * 0.75, cell * 0.28
    path = canvas.beginPath()
    for x, y in squares:
        near, far = inset, cell - inset
        if "#" in shape:
            path.rect(x + edge, y + edge, cell - 2 * edge, cell - 2 * edge)
        if shape[0] in "x/":
            path.moveTo(x + near, y + near)
            path.lineTo(x + far, y + far)
        if "x" in shape:
            path.moveTo(x + near, y + far)
            path.lineTo(x + far, y + near)
        if "-" in shape:
            path.moveTo(x + near, y + cell / 2)
            path.lineTo(x + far, y + cell / 2)
    canvas.drawPath(path)


def draw_sign(canvas: Canvas, outcome: str, x: float, y: float, size: float) -> None:
    """Draw one sign, for a legend."""
    draw_lines(canvas, outcome, [Stretch(x, y, 1)], size)


def fill_bar(canvas: Canvas, outcome: str, x: float, y: float, width: float, height: float) -> None:
    """Fill a part of a bar: solid for fired, crossed for missed, hatched for unreported, empty for silent before."""
    solid = {FIRED: BLUE, MISSED: RED, AWAITED: BLUE}.get(outcome)
    colour = solid or _FRAMED[outcome]
    canvas.setFillColor(solid or PAPER)
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(0.7)
    canvas.rect(x, y, width, height, stroke=1, fill=1)
    if outcome == MISSED:
        canvas.setStrokeColor(PAPER)
        _hatch(canvas, x, y, width, height, rising=True)
        _hatch(canvas, x, y, width, height, rising=False)
    elif outcome == UNREPORTED:
        _hatch(canvas, x, y, width, height, rising=True)


def _hatch(canvas: Canvas, x: float, y: float, width: float, height: float, *, rising: bool) -> None:
    """Diagonal lines over a rectangle, cut at its edges."""
    step = 4.0
    path = canvas.beginPath()
    offset = step - height
    while offset < width:
        # The diagonal through (offset, 0) at 45 degrees, as far as it is within the rectangle.
        start, end = max(0.0, offset), min(width, offset + height)
        low, high = start - offset, end - offset
        path.moveTo(x + start, y + (low if rising else height - low))
        path.lineTo(x + end, y + (high if rising else height - high))
        offset += step
    canvas.setLineWidth(0.6)
    canvas.drawPath(path)


def draw_tick(canvas: Canvas, x: float, y: float, radius: float, colour: Color) -> None:
    """A tick in a circle around (x, y)."""
    _circle(canvas, x, y, radius, colour)
    path = canvas.beginPath()
    path.moveTo(x - 0.45 * radius, y - 0.02 * radius)
    path.lineTo(x - 0.12 * radius, y - 0.38 * radius)
    path.lineTo(x + 0.48 * radius, y + 0.38 * radius)
    canvas.drawPath(path)


def draw_cross(canvas: Canvas, x: float, y: float, radius: float, colour: Color) -> None:
    """A cross in a circle around (x, y)."""
    _circle(canvas, x, y, radius, colour)
    arm = 0.38 * radius
    canvas.line(x - arm, y - arm, x + arm, y + arm)
    canvas.line(x - arm, y + arm, x + arm, y - arm)


def draw_dots(canvas: Canvas, x: float, y: float, radius: float, colour: Color) -> None:
    """Three dots in a circle around (x, y): not finished."""
    _circle(canvas, x, y, radius, colour)
    canvas.setFillColor(colour)
    for place in (-0.42, 0, 0.42):
        canvas.circle(x + place * radius, y, 0.11 * radius, stroke=0, fill=1)


def draw_warning(canvas: Canvas, x: float, y: float, radius: float, colour: Color) -> None:
    """A triangle with an exclamation mark around (x, y)."""
    canvas.setStrokeColor(colour)
    canvas.setFillColor(colour)
    canvas.setLineWidth(0.14 * radius)
    canvas.setLineJoin(1)
    path = canvas.beginPath()
    path.moveTo(x, y + radius)
    path.lineTo(x + 1.08 * radius, y - 0.85 * radius)
    path.lineTo(x - 1.08 * radius, y - 0.85 * radius)
    path.close()
    canvas.drawPath(path)
    canvas.setLineCap(1)
    canvas.setLineWidth(0.2 * radius)
    canvas.line(x, y + 0.38 * radius, x, y - 0.2 * radius)
    canvas.circle(x, y - 0.52 * radius, 0.12 * radius, stroke=0, fill=1)
    canvas.setLineCap(0)
    canvas.setLineJoin(0)


def _circle(canvas: Canvas, x: float, y: float, radius: float, colour: Color) -> None:
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(0.15 * radius)
    canvas.circle(x, y, radius, stroke=1, fill=0)
