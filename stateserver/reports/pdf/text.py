"""Text of any script as it is drawn: what can't be shown is spelled out, what is too long is broken into lines.

A line that holds text from right to left is put into the order it is drawn in, brackets turned to where they open.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final

from bidi import get_display
from bidi.mirror import MIRRORED

from stateserver.reports.pdf.fonts import Face, face_of
from stateserver.reports.pdf.shaping import JOINERS, Run, glyphs_of, is_complex

ELLIPSIS: Final = "…"
ISOLATE: Final = "\N{FIRST STRONG ISOLATE}"
ISOLATE_END: Final = "\N{POP DIRECTIONAL ISOLATE}"
_ISOLATES: Final = "\u2066\u2067\u2068\u2069"
_MARK: Final = "\U000e01ef"
"""Stands behind each character that has a mirror image, and before it once its line is turned round: no text has it."""

_SPACES: Final = "\t\n\r\v\f\u0085\u2028\u2029"


def apart(text: str) -> str:
    """A name as part of a sentence: whichever way it runs, it leaves the words around it where they are."""
    return f"{ISOLATE}{''.join(c for c in text if c not in _ISOLATES)}{ISOLATE_END}"


@lru_cache(maxsize=4096)
def shown(text: str) -> str:
    """The text as it can be drawn on one line.

    A character without a glyph is spelled out, as ⟨U+1F9E8⟩, since a label must not lose what tells it from
    another; line ends and tabs become spaces; marks that can't be seen go, but those that join or part letters.
    """
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", text)
    return "".join(
        _shown(character) if character not in JOINERS else _joiner(text, place) for place, character in enumerate(text)
    )


def _shown(character: str) -> str:
    if character in _SPACES:
        return " "
    if character in (ISOLATE, ISOLATE_END):
        return character
    category = unicodedata.category(character)
    if category == "Cf" or 0xFE00 <= ord(character) <= 0xFE0F:
        return ""
    # A font may have a glyph of a control character all the same, with nothing to see on it.
    if category == "Cc" or character == _MARK or face_of(character, Face.REGULAR) is None:
        return f"⟨U+{ord(character):04X}⟩"
    return character


def _joiner(text: str, place: int) -> str:
    neighbours = (text[place - 1 : place], text[place + 1 : place + 2])
    means_something = all(one and _joins(one) for one in neighbours)
    return text[place] if means_something else ""


def _joins(character: str) -> bool:
    face = face_of(character, Face.REGULAR)
    return face is not None and character not in JOINERS and is_complex(character, face)


@lru_cache(maxsize=4096)
def runs(text: str, face: Face) -> tuple[Run, ...]:
    """What is shown of the text, from left to right, in pieces of one face and direction each."""
    text = shown(text)
    if text.isascii():
        return (Run(face, text),)
    if not _has_leftwards(text):
        return _rightwards(_plain(text), face) or (Run(face, ""),)
    found: list[Run] = []
    for is_leftwards, letters in groupby(_in_visual_order(text), _goes_leftwards):
        piece = "".join(letters)
        if is_leftwards:
            found += [run._replace(text=run.text[::-1], is_leftwards=True) for run in _rightwards(piece, face)]
        else:
            found += _rightwards(piece, face)
    return tuple(found) or (Run(face, ""),)


def _plain(text: str) -> str:
    return text.replace(ISOLATE, "").replace(ISOLATE_END, "")


def _has_leftwards(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text)


def _goes_leftwards(character: str) -> bool:
    """Whether it belongs to a word from right to left: its letters, their marks and joiners."""
    return character in JOINERS or unicodedata.bidirectional(character) in {"R", "AL", "NSM"}


def _rightwards(text: str, face: Face) -> tuple[Run, ...]:
    """Pieces of one face each; what only joins or marks letters stays with them."""
    faces: list[Face] = []
    for character in text:
        follows = character in JOINERS or unicodedata.combining(character)
        faces.append(
            faces[-1] if follows and faces and _has(character, faces[-1]) else face_of(character, face) or face
        )
    found, start = [], 0
    for one, members in groupby(faces):
        end = start + sum(1 for _ in members)
        found.append(Run(one, text[start:end]))
        start = end
    return tuple(found)


def _has(character: str, face: Face) -> bool:
    return character in JOINERS or face_of(character, face) is face


def _in_visual_order(text: str) -> Iterator[str]:
    """The characters from left to right, each bracket as it opens there."""
    marked = "".join(f"{letter}{_MARK}" if unicodedata.mirrored(letter) else letter for letter in text)
    letters = iter(_plain(get_display(marked, base_dir="L")))
    for letter in letters:
        if letter == _MARK:
            turned = next(letters)
            yield MIRRORED.get(turned, turned)
        elif unicodedata.mirrored(letter):
            yield letter
            next(letters)
        else:
            yield letter


@lru_cache(maxsize=8192)
def width_of(text: str, face: Face, size: float) -> float:
    """How wide the text is drawn, in points."""
    return sum(glyph.advance for run in runs(text, face) for glyph in glyphs_of(run)) * size / 1000


def fit(text: str, face: Face, size: float, width: float) -> str:
    """The text, cut with an ellipsis where it is too wide."""
    text = shown(text)
    if width_of(text, face, size) <= width:
        return text
    room = width - width_of(ELLIPSIS, face, size)
    cut = _longest_start(text, face, size, room)
    while len(cut) > 1 and width_of(cut, face, size) > room:
        cut = cut[:-1]
    return _closed(cut.rstrip()) + ELLIPSIS


def _closed(text: str) -> str:
    """A start of a text, with its isolates ended."""
    return text + ISOLATE_END * (text.count(ISOLATE) - text.count(ISOLATE_END))


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
    """As much of it as is no wider than that, a character at least; a character keeps its combining marks."""
    breaks = [place for place in range(1, len(text)) if not _continues(text[place])]
    fitting, low, high = len(text), 0, len(breaks)
    if width_of(text, face, size) <= width:
        return text
    while low < high:
        middle = (low + high) // 2
        if width_of(text[: breaks[middle]], face, size) <= width:
            low = middle + 1
        else:
            high = middle
    fitting = breaks[max(low - 1, 0)] if breaks else len(text)
    return text[:fitting]


def _continues(character: str) -> bool:
    return character in JOINERS or character == ISOLATE_END or unicodedata.category(character) in {"Mn", "Mc", "Me"}
