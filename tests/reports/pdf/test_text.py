"""Text of any script, measured and broken into lines."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.reports.pdf.fonts import Face, typeface
from stateserver.reports.pdf.shaping import glyphs_of
from stateserver.reports.pdf.text import ELLIPSIS, apart, fit, runs, shown, width_of, wrap

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
widths = st.floats(30, 500)


def drawn(text: str) -> str:
    """What stands there, from left to right."""
    return "".join(glyph.text for run in runs(text, Face.REGULAR) for glyph in glyphs_of(run))


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
        ("हिन्दी", Face.DEVANAGARI),
        ("নিরাপত্তা", Face.BENGALI),
        ("ਸੁਰੱਖਿਆ", Face.GURMUKHI),
        ("સુરક્ષા", Face.GUJARATI),
        ("ସୁରକ୍ଷା", Face.ORIYA),
        ("கொடு", Face.TAMIL),
        ("భద్రత", Face.TELUGU),
        ("ಸುರಕ್ಷತೆ", Face.KANNADA),
        ("സുരക്ഷ", Face.MALAYALAM),
        ("ᱥᱟᱱᱛᱟᱲᱤ", Face.OL_CHIKI),
        ("ꯃꯤꯇꯩ", Face.MEETEI),
        ("ที่ดิน", Face.THAI),
        ("ወርቅ", Face.ETHIOPIC),
    ],
)
def test_scripts_have_a_face_that_draws_them(text: str, face: Face) -> None:
    assert {run.face for run in runs(text, Face.BOLD)} == {face}
    assert drawn(text).replace("\u200b", "") == unicodedata.normalize("NFC", text)


def test_what_no_face_can_draw_is_spelled_out() -> None:
    assert shown("a🧨b") == "a⟨U+1F9E8⟩b"
    assert shown("\x07") == "⟨U+0007⟩"
    assert shown("\x00") == "⟨U+0000⟩"


def test_line_ends_become_spaces_and_joining_marks_go() -> None:
    assert shown("a\nb\tc\u2028d") == "a b c d"
    assert shown("a\u200bb\u202ec\ufe0f") == "abc"


def test_letters_that_join_are_shaped_by_their_neighbours() -> None:
    # A vowel sign that is spoken after its consonant and stands before it; a conjunct of three signs.
    (run,) = runs("कि", Face.REGULAR)
    assert [glyph.text for glyph in glyphs_of(run)] == ["क", "ि"]
    assert glyphs_of(run)[1].number == typeface(Face.DEVANAGARI).glyph("क")
    (run,) = runs("क्ष", Face.REGULAR)
    assert len(glyphs_of(run)) == 1
    # A mark over a mark has a place of its own.
    (run,) = runs("ที่", Face.REGULAR)
    assert any(glyph.y_offset or glyph.x_offset or glyph.advance == 0 for glyph in glyphs_of(run))


def test_hebrew_is_turned_round_and_arabic_letters_are_joined() -> None:
    assert drawn("צפון") == "ןופצ"
    (run,) = runs("منطقة", Face.REGULAR)
    assert run.is_leftwards
    joined = [glyph.number for glyph in glyphs_of(run)]
    apart_from_each_other = [typeface(run.face).glyph(letter) for letter in reversed("منطقة")]
    assert all(one != other for one, other in zip(joined, apart_from_each_other, strict=True))


def test_what_parts_letters_is_kept_where_there_are_letters_to_part() -> None:
    assert shown("می\u200cرود") == "می\u200cرود"
    assert shown("a\u200cb\u200d") == "ab"
    assert shown("\u200cम") == "म"


@pytest.mark.parametrize(
    ("text", "left_to_right"),
    [
        ("צפון (12)", "(12) ןופצ"),
        (apart("צפון (12)"), "(12) ןופצ"),
        (apart("(בור) [א]"), "[א] (רוב)"),
        (apart("א > ב"), "ב < א"),
        (apart("שׁ (ab) ם"), "ם (ab) שׁ"),
        ("(a) “b” <c>", "(a) “b” <c>"),
    ],
)
def test_brackets_open_to_the_side_they_are_read_from(text: str, left_to_right: str) -> None:
    assert drawn(text) == unicodedata.normalize("NFC", left_to_right)


def test_a_label_leaves_the_words_around_it_where_they_are() -> None:
    assert drawn(f"Booster 7 “{apart('צפון')}”: 33 missed") == "Booster 7 “ןופצ”: 33 missed"
    assert drawn(f"Booster 7 “{apart('צפון (2)')}”: 33 missed") == "Booster 7 “(2) ןופצ”: 33 missed"
    assert drawn(apart("")) == ""


@given(texts)
def test_every_character_that_is_drawn_has_a_glyph(text: str) -> None:
    for run in runs(text, Face.BOLD):
        assert all(glyph.number for glyph in glyphs_of(run) if glyph.text != "\u200b")


@given(texts)
def test_every_glyph_stands_for_something_and_no_letter_is_lost(text: str) -> None:
    glyphs = [glyph for run in runs(text, Face.REGULAR) for glyph in glyphs_of(run)]
    assert all(glyph.text for glyph in glyphs)
    told = sorted(letter for glyph in glyphs for letter in glyph.text if letter != "\u200b" and letter.isalnum())
    assert told == sorted(letter for letter in shown(text) if letter.isalnum())


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
