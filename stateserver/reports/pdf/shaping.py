"""Pieces of text as glyphs: which, how far each moves on, and which text it stands for."""

import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import uharfbuzz

from stateserver.reports.pdf.fonts import SCRIPTS, Face, Typeface, typeface

JOINERS: Final = "\u200c\u200d"
_NOTHING_MORE: Final = "\u200b"
"""The text of a glyph whose neighbours stand for all there is: each must stand for something."""


class Run(NamedTuple):
    """A piece of text in one face, in the order it is read in; drawn from the left or from the right."""

    face: Face
    text: str
    is_leftwards: bool = False


class Glyph(NamedTuple):
    """A glyph with the text it stands for; measures in thousandths of the size it is set in."""

    number: int
    text: str
    advance: float
    x_offset: float = 0.0
    y_offset: float = 0.0


def is_complex(character: str, face: Face) -> bool:
    """Whether a character's glyph goes by its neighbours."""
    return (
        face in SCRIPTS
        or character in JOINERS
        or bool(unicodedata.combining(character))
        or unicodedata.bidirectional(character) == "AL"
    )


@lru_cache(maxsize=8192)
def glyphs_of(run: Run) -> tuple[Glyph, ...]:
    """The glyphs of a run as they are drawn, from left to right."""
    found = typeface(run.face)
    if run.text.isascii() or not any(is_complex(character, run.face) for character in run.text):
        plain = run.text[::-1] if run.is_leftwards else run.text
        return tuple(_plain(found, character) for character in plain)
    return _shaped(found, run)


def _plain(found: Typeface, character: str) -> Glyph:
    number = found.glyph(character) or 0
    return Glyph(number, character, found.advance(number))


def _shaped(found: Typeface, run: Run) -> tuple[Glyph, ...]:
    buffer = uharfbuzz.Buffer()
    buffer.add_str(run.text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if run.is_leftwards else "ltr"
    uharfbuzz.shape(found.font, buffer)
    infos, positions = buffer.glyph_infos, buffer.glyph_positions
    texts = _texts([info.cluster for info in infos], run)
    return tuple(
        Glyph(
            info.codepoint,
            text,
            found.scaled(position.x_advance),
            found.scaled(position.x_offset),
            found.scaled(position.y_offset),
        )
        for info, position, text in zip(infos, positions, texts, strict=True)
    )


def _texts(clusters: list[int], run: Run) -> list[str]:
    """What each glyph stands for: a letter of its cluster as long as there are any; the last has the rest."""
    starts = sorted({*clusters, len(run.text)})
    ends = dict(pairwise(starts))
    texts: list[str] = []
    for place, cluster in enumerate(clusters):
        letters = run.text[cluster : ends[cluster]]
        before = clusters[:place].count(cluster)
        is_last = cluster not in clusters[place + 1 :]
        told = letters[before:] if is_last else letters[before : before + 1]
        texts.append(told or _NOTHING_MORE)
    return texts
