"""The canvas that pages are drawn on: reportlab's, quicker, and with a document that an archive takes."""

from typing import Any

from reportlab import rl_config
from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas

from stateserver.reports.pdf.archive import ArchivedDocument

# Base 85 is for files that mail would spoil: a tenth of the time, and a quarter more bytes.
rl_config.useA85 = 0


class QuickCanvas(Canvas):  # type: ignore[misc]
    """A canvas that says once what holds for many things in a row: half of a large report's time goes there."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._doc.__class__ = ArchivedDocument

    @property
    def document(self) -> ArchivedDocument:
        """What is drawn into."""
        document: ArchivedDocument = self._doc
        return document

    def setFillColor(self, aColor: Color, alpha: float | None = None) -> None:  # noqa: N802, N803
        """Set the colour, if it is another one."""
        if aColor is not self._fillColorObj:
            super().setFillColor(aColor, alpha)

    def setStrokeColor(self, aColor: Color, alpha: float | None = None) -> None:  # noqa: N802, N803
        """Set the colour, if it is another one."""
        if aColor is not self._strokeColorObj:
            super().setStrokeColor(aColor, alpha)

    def _make_preamble(self) -> None:
        # Without one: it would name a font that no one embeds.
        self._preamble = ""
