"""The fonts of the report: free ones that lie beside this package, of which a PDF embeds the glyphs it uses.

DejaVu Sans Condensed has Latin, Greek, Cyrillic, Hebrew, Arabic and signs; WenQuanYi Micro Hei Chinese, Japanese
and Korean; the Noto Sans fonts one script each of India, Thailand or Ethiopia. Each is read when a text asks for it.
"""

from bisect import bisect_right
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Final

import uharfbuzz

_FOLDER: Final = Path(__file__).parents[1] / "fonts"
_LOADING: Final = Lock()
_loaded: "dict[Face, Typeface]" = {}


class Face(StrEnum):
    """A font by the name that a PDF gives it."""

    REGULAR = "DejaVuSansCondensed"
    BOLD = "DejaVuSansCondensed-Bold"
    WIDE = "WenQuanYiMicroHei"
    BENGALI = "NotoSansBengali-Regular"
    DEVANAGARI = "NotoSansDevanagari-Regular"
    ETHIOPIC = "NotoSansEthiopic-Regular"
    GUJARATI = "NotoSansGujarati-Regular"
    GURMUKHI = "NotoSansGurmukhi-Regular"
    KANNADA = "NotoSansKannada-Regular"
    MALAYALAM = "NotoSansMalayalam-Regular"
    MEETEI = "NotoSansMeeteiMayek-Regular"
    OL_CHIKI = "NotoSansOlChiki-Regular"
    ORIYA = "NotoSansOriya-Regular"
    TAMIL = "NotoSansTamil-Regular"
    TELUGU = "NotoSansTelugu-Regular"
    THAI = "NotoSansThai-Regular"


# (first, last) code point of the blocks of a script that has a font of its own.
_BLOCKS: Final = (
    (0x0900, 0x097F, Face.DEVANAGARI),
    (0x0980, 0x09FF, Face.BENGALI),
    (0x0A00, 0x0A7F, Face.GURMUKHI),
    (0x0A80, 0x0AFF, Face.GUJARATI),
    (0x0B00, 0x0B7F, Face.ORIYA),
    (0x0B80, 0x0BFF, Face.TAMIL),
    (0x0C00, 0x0C7F, Face.TELUGU),
    (0x0C80, 0x0CFF, Face.KANNADA),
    (0x0D00, 0x0D7F, Face.MALAYALAM),
    (0x0E00, 0x0E7F, Face.THAI),
    (0x1200, 0x139F, Face.ETHIOPIC),
    (0x1C50, 0x1C7F, Face.OL_CHIKI),
    (0x1CD0, 0x1CFF, Face.DEVANAGARI),
    (0x2D80, 0x2DDF, Face.ETHIOPIC),
    (0xA8E0, 0xA8FF, Face.DEVANAGARI),
    (0xAAE0, 0xAAFF, Face.MEETEI),
    (0xAB00, 0xAB2F, Face.ETHIOPIC),
    (0xABC0, 0xABFF, Face.MEETEI),
)
_FIRSTS: Final = [first for first, _, _ in _BLOCKS]
SCRIPTS: Final = frozenset(face for _, _, face in _BLOCKS)
"""The faces of one script each, whose glyphs go by their neighbours."""


class Typeface:
    """A font as it lies in its file. Measures are in thousandths of the size it is set in."""

    def __init__(self, face: Face) -> None:
        path = _FOLDER / (f"{face.value}.ttc" if face is Face.WIDE else f"{face.value}.ttf")
        self.face = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path)), 0)
        self.font = uharfbuzz.Font(self.face)
        self._upem = int(self.face.upem)
        self._glyphs: dict[str, tuple[int, int]] = {}

    def scaled(self, units: int) -> float:
        """A measure of the font's own."""
        return units * 1000 / self._upem

    def glyph(self, character: str) -> int | None:
        """The number of its glyph, if the font has one."""
        found: int | None = self.font.get_nominal_glyph(ord(character))
        return found

    def advance(self, glyph: int) -> int:
        """How wide a glyph is."""
        return round(self.scaled(self.font.get_glyph_h_advance(glyph)))


def typeface(face: Face) -> Typeface:
    """The font, read at first use."""
    with _LOADING:
        if face not in _loaded:
            _loaded[face] = Typeface(face)
        return _loaded[face]


@lru_cache(maxsize=8192)
def face_of(character: str, face: Face) -> Face | None:
    """The face that draws this character where `face` is wanted; None where none has a glyph of it."""
    for candidate in _candidates(ord(character), face):
        if typeface(candidate).glyph(character) is not None:
            return candidate
    return None


def _candidates(code: int, face: Face) -> tuple[Face, ...]:
    script = _script_of(code)
    return (face, Face.REGULAR, Face.WIDE) if script is None else (script, face, Face.REGULAR, Face.WIDE)


def _script_of(code: int) -> Face | None:
    place = bisect_right(_FIRSTS, code) - 1
    if place < 0:
        return None
    _, last, face = _BLOCKS[place]
    return face if code <= last else None
