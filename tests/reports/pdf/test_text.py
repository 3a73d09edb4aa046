"""Text of any script, measured and broken into lines."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.reports.pdf.fonts import Face, face_of
from stateserver.reports.pdf.text import ELLIPSIS, apart, fit, runs, shown, width_of, wrap

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
widths = st.floats(30, 500)


def drawn(text: str) -> str:
    return "".join(run.text for run in runs(text, Face.REGULAR))


@pytest.mark.parametrize(
    ("text", "face"),
    [
        ("Ort 12 å", Face.BOLD),
        ("Ёлка", Face.BOLD),
        ("Γ", Face.BOLD),
        ("⚠", Face.BOLD),
        ("北", Face.WIDE),
        ("ブ", Face.WIDE),
        ("서", Face.WIDE),
    ],
)
def test_scripts_have_a_face_that_draws_them(text: str, face: Face) -> None:
    assert {run.face for run in runs(text, Face.BOLD)} == {face}
    assert drawn(text) == text


def test_what_no_face_can_draw_is_spelled_out() -> None:
    assert shown("a🧨b") == "a⟨U+1F9E8⟩b"
    assert shown("\x07") == "⟨U+0007⟩"
    assert shown("\x00") == "⟨U+0000⟩"


def test_line_ends_become_spaces_and_joining_marks_go() -> None:
    assert shown("a\nb\tc\u2028d") == "a b c d"
    assert shown("a\u200bb\u202ec\ufe0f") == "abc"


def test_hebrew_is_turned_round_and_arabic_letters_are_joined() -> None:
    assert drawn("צפון") == "ןופצ"
    joined = drawn("منطقة")
    assert joined[-1] == "\N{ARABIC LETTER MEEM INITIAL FORM}"
    assert joined[0] == "\N{ARABIC LETTER TEH MARBUTA FINAL FORM}"


def test_a_label_leaves_the_words_around_it_where_they_are() -> None:
    assert drawn(f"Booster 7 “{apart('צפון')}”: 33 missed") == "Booster 7 “ןופצ”: 33 missed"
    assert drawn(apart("")) == ""


@given(texts)
def test_every_character_that_is_drawn_has_a_glyph(text: str) -> None:
    for run in runs(text, Face.BOLD):
        assert all(face_of(character, run.face) is run.face for character in run.text)


@given(texts, widths)
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: float) -> None:
    lines = wrap(text, Face.REGULAR, 7.2, width)
    assert all(width_of(line, Face.REGULAR, 7.2) <= width + 0.01 for line in lines)
    assert "".join("".join(lines).split()) == "".join(shown(text).split())


@given(texts, widths)
def test_what_is_cut_is_no_wider_than_its_place_and_says_so(text: str, width: float) -> None:
    cut = fit(text, Face.BOLD, 9, width)
    assert width_of(cut, Face.BOLD, 9) <= width + 0.01
    assert cut == shown(text) or cut.endswith(ELLIPSIS)


@given(st.text("áéñ\u0301\u0308e", min_size=1, max_size=40))
def test_a_letter_keeps_its_marks(text: str) -> None:
    lines = wrap(text, Face.REGULAR, 9, 30)
    assert not any(unicodedata.combining(line[0]) for line in lines[1:])
