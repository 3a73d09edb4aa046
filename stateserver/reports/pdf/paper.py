"""The pages of a report: where the next thing is drawn, what every page says, and references to other pages."""

import hashlib
from enum import Enum
from typing import BinaryIO, Final

from reportlab.lib.colors import Color

from stateserver import __version__
from stateserver.reports.document import Report
from stateserver.reports.pdf.archive import Description, describe
from stateserver.reports.pdf.canvas import QuickCanvas
from stateserver.reports.pdf.embedding import Fonts
from stateserver.reports.pdf.fonts import Face
from stateserver.reports.pdf.shaping import Run
from stateserver.reports.pdf.style import (
    BODY,
    BOTTOM,
    CAPTION,
    GREY,
    HAIRLINE,
    HEADING,
    LEFT,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    RIGHT,
    SUBHEADING,
    TOP,
    WIDTH,
    Style,
)
from stateserver.reports.pdf.text import fit, runs, width_of, wrap
from stateserver.reports.times import SiteClock

FOOT: Final = Style(Face.REGULAR, 6.6, GREY)
REFERENCE: Final = Style(Face.BOLD, 7.2)
PAGES: Final = "pages"
REFERENCE_HEIGHT: Final = 20.0
_PRINTED: Final = 4  # what an archive wants to be told of every link
SOFTWARE: Final = f"State Server {__version__}"


class Align(Enum):
    """Where a text stands, seen from the point it is drawn at."""

    LEFT = 0.0
    CENTRE = 0.5
    RIGHT = 1.0


class Paper:
    """Pages, drawn from the top down. `y` is where the next thing may begin, `page` counts from 1."""

    def __init__(self, report: Report, clock: SiteClock, out: BinaryIO) -> None:
        self.report = report
        self.clock = clock
        self.y = TOP
        self.page = 1
        self.canvas = QuickCanvas(
            out,
            pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
            invariant=1,  # neither the time of its making nor anything random is in the file
            pageCompression=1,
            pdfVersion=(1, 7),
            lang="en",
        )
        self._fonts = Fonts(self.canvas.document)
        self._chapters: dict[str, int] = {}
        self._references: set[str] = set()
        self._describe()

    def _describe(self) -> None:
        report, canvas = self.report, self.canvas
        told = Description(
            title=f"Blast report: {visible(report.system)}, {self.clock.utc(report.initiated)} UTC",
            subject=f"Blast {report.blast}",
            keywords=f"blast {report.blast}, document SHA-256 {report.sha256}",
            author=SOFTWARE,
            creator=SOFTWARE,
            producer=SOFTWARE,
            # The blast's own time, and nothing of when or where this was made.
            at=report.initiated if report.closed is None else report.closed,
            id=hashlib.sha256(f"{SOFTWARE} {self.clock.name} {report.sha256}".encode()).hexdigest()[:32],
        )
        describe(canvas, told)
        canvas.showOutline()

    def room(self) -> float:
        """How much of the page is left below."""
        return self.y - BOTTOM

    def need(self, height: float) -> None:
        """Go to a new page unless so much is left on this one."""
        if self.room() < height:
            self.turn()

    def turn(self) -> None:
        """Go to a new page."""
        self._finish_page()
        self.page += 1
        self.y = TOP

    def finish(self) -> None:
        """Draw what could only be known now, and write the file."""
        self._finish_page()
        self._draw_reference(PAGES, str(self.page), FOOT)
        for chapter in sorted(self._references):
            self._draw_reference(chapter, str(self._chapters[chapter]), REFERENCE)
        self.canvas.save()

    def _finish_page(self) -> None:
        report = self.report
        line = PAGE_HEIGHT - 44
        if self.page > 1:
            self.text(
                LEFT, line + 6, fit(f"Blast report: {report.system}", Face.BOLD, CAPTION.size, WIDTH / 2), CAPTION
            )
            self.text(RIGHT, line + 6, f"Blast {report.blast}", FOOT, Align.RIGHT)
            self.rule(line)
        self.rule(44)
        self.text(LEFT, 33, f"Blast {report.blast}", FOOT)
        self.text(LEFT, 23, f"Document SHA-256 {report.sha256}", FOOT)
        self.text(RIGHT, 23, SOFTWARE, FOOT, Align.RIGHT)
        place = f"Page {self.page} of "
        self.text(RIGHT - 22, 33, place, FOOT, Align.RIGHT)
        self._refer(PAGES, RIGHT - 22, 33)
        self.canvas.showPage()

    def text(self, x: float, y: float, text: str, style: Style, align: Align = Align.LEFT) -> None:
        """Draw a line of text whose base is at `y`."""
        canvas = self.canvas
        if align is not Align.LEFT:
            x -= align.value * width_of(text, style.face, style.size)
        canvas.setFillColor(style.colour)
        written = "".join(self._written(run, style.size) for run in runs(text, style.face))
        canvas.addLiteral(f"BT 1 0 0 1 {x:.2f} {y:.2f} Tm {written} ET")

    def _written(self, run: Run, size: float) -> str:
        font = self._fonts.of(run.face)
        return f"/{font.name} {size:g} Tf {font.write(run, size)} "

    def words(self, x: float, y: float, text: str, style: Style) -> float:
        """As `text`, and where it ends."""
        self.text(x, y, text, style)
        return x + width_of(text, style.face, style.size)

    def rule(self, y: float, colour: Color = HAIRLINE, thickness: float = 0.5) -> None:
        """A line across the page."""
        self.canvas.setStrokeColor(colour)
        self.canvas.setLineWidth(thickness)
        self.canvas.line(LEFT, y, RIGHT, y)

    def paragraph(self, text: str, style: Style = BODY, left: float = LEFT, right: float = RIGHT) -> None:
        """Text over the width between, from page to page where it must."""
        for line in wrap(text, style.face, style.size, right - left):
            self.need(style.leading)
            self.y -= style.leading
            self.text(left, self.y + style.size * 0.28, line, style)

    def gap(self, height: float) -> None:
        """Leave some room, unless the page is at its top or its end."""
        if self.y < TOP:
            self.y = max(BOTTOM, self.y - height)

    def chapter(self, key: str, title: str, room: float = 120) -> None:
        """Begin a chapter, with a bookmark; what follows its heading needs so much `room`."""
        self.gap(20)
        self.need(HEADING.leading + 8 + room)
        self._chapters[key] = self.page
        self.canvas.bookmarkPage(key, fit="XYZ", left=0, top=self.y + 8)
        self.canvas.addOutlineEntry(title, key, level=0, closed=True)
        self.y -= HEADING.leading
        self.text(LEFT, self.y + 3, title, HEADING)
        self.rule(self.y - 2, GREY, 0.8)
        self.y -= 10

    def bookmark(self, key: str, title: str, height: float = 0) -> None:
        """A bookmark within the chapter, to `height` above the paper's place."""
        self.canvas.bookmarkPage(key, fit="XYZ", left=0, top=self.y + height)
        self.canvas.addOutlineEntry(visible(title), key, level=1, closed=True)

    def subheading(self, title: str, room: float = 50) -> None:
        """Begin a part of a chapter."""
        self.gap(10)
        self.need(SUBHEADING.leading + room)
        self.y -= SUBHEADING.leading
        self.text(LEFT, self.y + 3, title, SUBHEADING)
        self.y -= 3

    def refer(self, chapter: str, x: float, y: float) -> None:
        """Write the page that a chapter begins on, as `finish` will know it, and lead there who clicks on it."""
        self._references.add(chapter)
        self._refer(chapter, x, y)
        area = (x - 40, y - 2, x + 20, y + REFERENCE.size)
        self.canvas.linkRect("", chapter, area, relative=0, thickness=0, F=_PRINTED)

    def _refer(self, name: str, x: float, y: float) -> None:
        self.canvas.saveState()
        self.canvas.translate(x, y)
        self.canvas.doForm(f"page-{name}")
        self.canvas.restoreState()

    def _draw_reference(self, name: str, text: str, style: Style) -> None:
        self.canvas.beginForm(f"page-{name}", 0, -5, 60, REFERENCE_HEIGHT)
        self.text(0, 0, text, style)
        self.canvas.endForm()


def visible(text: str) -> str:
    """A text for where only text can be: without characters that XML can't hold, or that can't be seen."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
