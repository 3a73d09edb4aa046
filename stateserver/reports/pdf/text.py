"""Text of any script as it is drawn: what can't be shown is spelled out, what is too long is broken into lines.

Arabic letters take the forms that their neighbours call for, and a line that runs from right to left is turned round
when it is drawn.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from arabic_reshaper import ArabicReshaper
from bidi import get_display

from stateserver.reports.pdf.fonts import Face, face_of, font

ELLIPSIS: Final = "…"
ISOLATE: Final = "\N{FIRST STRONG ISOLATE}"
ISOLATE_END: Final = "\N{POP DIRECTIONAL ISOLATE}"
_ISOLATES: Final = "\u2066\u2067\u2068\u2069"
_RESHAPER: Final = ArabicReshaper({"support_ligatures": False})


class Run(NamedTuple):
    """A piece of text in one face."""

    face: Face
    text: str


def apart(text: str) -> str:
    """A name as part of a sentence: whichever way it runs, it leaves the words around it where they are."""
    return f"{ISOLATE}{''.join(c for c in text if c not in _ISOLATES)}{ISOLATE_END}"


@lru_cache(maxsize=4096)
def shown(text: str) -> str:
    """The text as it can be drawn on one line.

    A character without a glyph is spelled out, as ⟨U+1F9E8⟩, since a label must not lose what tells it from
    another; line ends and tabs become spaces; marks that only say how others are joined go.
    """
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", text)
    return "".join(map(_shown, _RESHAPER.reshape(text) if _runs_leftwards(text) else text))


def _runs_leftwards(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text)


def _shown(character: str) -> str:
    if character in "\t\n\r\v\f\u0085\u2028\u2029":
        return " "
    if character in (ISOLATE, ISOLATE_END):
        return character
    category = unicodedata.category(character)
    if category == "Cf" or 0xFE00 <= ord(character) <= 0xFE0F:
        return ""
    # A font may have a glyph of a control character all the same, with nothing to see on it.
    if category == "Cc" or face_of(character, Face.REGULAR) is None:
        return f"⟨U+{ord(character):04X}⟩"
    return character


@lru_cache(maxsize=4096)
def runs(text: str, face: Face) -> tuple[Run, ...]:
    """What is shown of the text, in pieces of one face each."""
    text = shown(text)
    if text.isascii():
        return (Run(face, text),)
    if _runs_leftwards(text):
        text = get_display(text, base_dir="L")
    text = text.replace(ISOLATE, "").replace(ISOLATE_END, "")
    pieces = groupby(text, lambda character: face_of(character, face) or face)
    return tuple(Run(found, "".join(characters)) for found, characters in pieces) or (Run(face, ""),)


@lru_cache(maxsize=8192)
def width_of(text: str, face: Face, size: float) -> float:
    """How wide the text is drawn, in points."""
    return sum(float(font(run.face).stringWidth(run.text, size)) for run in runs(text, face))


def fit(text: str, face: Face, size: float, width: float) -> str:
    """The text, cut with an ellipsis where it is too wide."""
    text = shown(text)
    if width_of(text, face, size) <= width:
        return text
    return _longest_start(text, face, size, width - width_of(ELLIPSIS, face, size)).rstrip() + ELLIPSIS


def wrap(text: str, face: Face, size: float, width: float) -> list[str]:
    """The text as lines no wider than that, broken at spaces, or anywhere in a word that fills a line."""
    text = shown(text)
    if (text.isascii() and len(text) * size < width) or width_of(text, face, size) <= width:
        return [text]
    return list(_lines(text, face, size, width))


def _lines(text: str, face: Face, size: float, width: float) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width_of(longer, face, size) <= width:
            line = longer
            continue
        if line:
            yield line
        line = word
        while width_of(line, face, size) > width:
            piece = _longest_start(line, face, size, width)
            yield piece
            line = line[len(piece) :]
    if line:
        yield line


def _longest_start(text: str, face: Face, size: float, width: float) -> str:
    """As many characters as are no wider than that, one at least; a character keeps its combining marks."""
    used, end = 0.0, 0
    for end, character in enumerate(text):
        if character in (ISOLATE, ISOLATE_END):
            continue
        used += float(font(face_of(character, face) or face).stringWidth(character, size))
        if used > width and end > 0 and not unicodedata.combining(character):
            return text[:end]
    return text[: end + 1]
