"""How detonators and boosters are named on the pages: by number and by the labels that people gave them."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from stateserver.reports.pdf.style import SMALL
from stateserver.reports.pdf.text import apart, fit
from stateserver.reports.pictures import Picture, Place
from stateserver.reports.rows import ActiveBooster, OtherBooster
from stateserver.reports.wording import Nouns, number_ranges, unit_words

LABEL_WIDTH = 120.0


def name_of(booster: ActiveBooster | OtherBooster) -> str:
    """A booster by its number and its label."""
    return labelled(booster.unit, booster.label)


def labelled(unit: str, label: str | None) -> str:
    """A unit by its number and its label."""
    return unit_words(unit) + (f" “{apart(label)}”" if label else "")


def short_name(unit: str, label: str | None) -> str:
    """As `labelled`, with no more of the label than leaves room for what is said of the unit."""
    return labelled(unit, fit(label, SMALL.face, SMALL.size, LABEL_WIDTH) if label else None)


def identity_of(picture: Picture, window_id: int, uid: str | None) -> str:
    """A detonator's uid; a type 1 booster's serial; `unknown` where nobody told it."""
    serial = picture.serials.get(window_id)
    return uid or ("unknown" if serial is None else str(serial))


def windows_words(windows: Sequence[int], nouns: Nouns) -> str:
    """`window 7`, `windows 2, 4-5, 7`."""
    return f"{nouns.window}{'' if len(windows) == 1 else 's'} {number_ranges(windows)}"


def places_words(places: Sequence[Place], nouns: Nouns) -> str:
    """As windows_words, with labels and planned delays: `windows 2 (H2, 50 ms), 4-5 (H4, H5; 100-125 ms)`."""
    spans = ", ".join(map(_span_words, _spans(places)))
    return f"{nouns.window}{'' if len(places) == 1 else 's'} {spans}"


def _spans(places: Sequence[Place]) -> Iterable[list[Place]]:
    """Neighbours that all have a label, or none; ascending."""
    numbered = enumerate(places)
    for _, members in groupby(numbered, lambda one: (one[1].window_id - one[0], bool(one[1].label))):
        yield [place for _, place in members]


def _span_words(span: list[Place]) -> str:
    windows = number_ranges(place.window_id for place in span)
    labels = [apart(place.label) for place in span if place.label]
    delays = [place.delay for place in span if place.delay is not None]
    told = []
    if labels:
        told.append(", ".join(labels) if len(labels) <= 2 else f"{labels[0]} … {labels[-1]}")
    if delays:
        first, last = min(delays), max(delays)
        told.append(f"{first} ms" if first == last else f"{first}-{last} ms")
    separator = "; " if len(labels) > 1 else ", "
    return windows + (f" ({separator.join(told)})" if told else "")
