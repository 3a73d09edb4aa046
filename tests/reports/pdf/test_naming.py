"""How detonators are named on the pages."""

import pytest

from stateserver.protocol.modes import Mode
from stateserver.reports.pdf.naming import labelled, places_words, windows_words
from stateserver.reports.pdf.text import ISOLATE, ISOLATE_END
from stateserver.reports.pictures import Place
from stateserver.reports.wording import nouns_of

NOUNS = nouns_of(Mode.AXXIS500)


def plain(text: str) -> str:
    """Without what keeps names of other directions apart."""
    return text.replace(ISOLATE, "").replace(ISOLATE_END, "")


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([Place(7, None, None)], "window 7"),
        ([Place(7, "H7", 0)], "window 7 (H7, 0 ms)"),
        ([Place(2, None, 50), Place(4, None, 100), Place(5, None, 75)], "windows 2 (50 ms), 4-5 (75-100 ms)"),
        ([Place(4, "H4", 100), Place(5, "H5", 100)], "windows 4-5 (H4, H5; 100 ms)"),
        ([Place(n, f"H{n}", None) for n in range(1, 53)], "windows 1-52 (H1 … H52)"),
        ([Place(1, "A", None), Place(2, None, None), Place(3, None, None)], "windows 1 (A), 2-3"),
    ],
)
def test_windows_are_told_in_ranges_with_labels_and_delays(places: list[Place], words: str) -> None:
    assert plain(places_words(places, NOUNS)) == words


def test_windows_and_units_are_told_alone() -> None:
    assert windows_words([3, 4], nouns_of(Mode.IBS)) == "positions 3-4"
    assert plain(labelled("3/7", "North")) == "Booster 7 “North”"
    assert labelled("3/7", None) == "Booster 7"
