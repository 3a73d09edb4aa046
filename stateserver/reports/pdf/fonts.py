"""The fonts of the report: free ones that lie beside this package, of which a PDF embeds the glyphs it uses.

DejaVu Sans Condensed has Latin, Greek, Cyrillic, Hebrew, Arabic and signs; WenQuanYi Micro Hei Chinese, Japanese
and Korean. The latter is large, so it is read only when a label asks for it.
"""

from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Final

from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont

_FOLDER: Final = Path(__file__).parents[1] / "fonts"
_LOADING: Final = Lock()
_loaded: dict[str, TTFont] = {}


class Face(StrEnum):
    """A font by the name that the canvas knows it by."""

    REGULAR = "StateServerRegular"
    BOLD = "StateServerBold"
    WIDE = "StateServerWide"


_FILES: Final = {
    Face.REGULAR: "DejaVuSansCondensed.ttf",
    Face.BOLD: "DejaVuSansCondensed-Bold.ttf",
    Face.WIDE: "WenQuanYiMicroHei.ttc",
}


def font(face: Face) -> TTFont:
    """The font, read at first use. A font is registered once: a document that is being drawn goes on with its own."""
    with _LOADING:
        if face not in _loaded:
            loaded = TTFont(face.value, str(_FOLDER / _FILES[face]), shapable=False)
            registerFont(loaded)
            _loaded[face] = loaded
        return _loaded[face]


@lru_cache(maxsize=8192)
def face_of(character: str, face: Face) -> Face | None:
    """The face that draws this character where `face` is wanted; None where none has a glyph of it."""
    code = ord(character)
    for candidate in (face, Face.REGULAR, Face.WIDE):
        if code in font(candidate).face.charToGlyph:
            return candidate
    return None
