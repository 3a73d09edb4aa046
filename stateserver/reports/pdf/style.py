"""Measures, colours and text styles of the report. Points, from the lower left corner of an A4 page."""

from typing import Final, NamedTuple

from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.pagesizes import A4

from stateserver.reports.pdf.fonts import Face

PAGE_WIDTH: Final = float(A4[0])
PAGE_HEIGHT: Final = float(A4[1])
LEFT: Final = 45.0
RIGHT: Final = PAGE_WIDTH - 45.0
WIDTH: Final = RIGHT - LEFT
TOP: Final = PAGE_HEIGHT - 62.0
BOTTOM: Final = 58.0

# Each is told apart in greyscale too, or by what stands beside it.
INK: Final[Color] = black
PAPER: Final[Color] = white
GREY: Final[Color] = HexColor(0x5A5A5A)
HAIRLINE: Final[Color] = HexColor(0xB8B8B8)
SHADE: Final[Color] = HexColor(0xF1F1F1)
RED: Final[Color] = HexColor(0xB00020)
AMBER: Final[Color] = HexColor(0x9A4A00)
GREEN: Final[Color] = HexColor(0x1B5E20)
BLUE: Final[Color] = HexColor(0x37474F)


class Style(NamedTuple):
    """How a text is drawn."""

    face: Face
    size: float
    colour: Color = INK

    @property
    def leading(self) -> float:
        """From one line to the next."""
        return self.size * 1.28


BODY: Final = Style(Face.REGULAR, 8.5)
BODY_BOLD: Final = Style(Face.BOLD, 8.5)
SMALL: Final = Style(Face.REGULAR, 7.2)
SMALL_BOLD: Final = Style(Face.BOLD, 7.2)
SMALL_GREY: Final = Style(Face.REGULAR, 7.2, GREY)
SMALL_RED: Final = Style(Face.BOLD, 7.2, RED)
CAPTION: Final = Style(Face.BOLD, 6.8, GREY)
HEADING: Final = Style(Face.BOLD, 13)
SUBHEADING: Final = Style(Face.BOLD, 9.5)
