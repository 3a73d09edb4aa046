"""PDFs for the archive: PDF/A-2u, by the judgement of veraPDF."""

import io
from pathlib import Path

import pytest
from pypdf import PdfReader

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.pdf.archive import pdf_date, srgb_profile
from stateserver.reports.pdf.canvas import QuickCanvas
from stateserver.reports.views import Filed
from tests.reports.examples import example_blasts
from tests.reports.folded import MadeUp
from tests.reports.pdf.test_book import pdf_of
from tests.reports.pdf.verapdf import refused

LABELS = {
    "3/1000": "منطقة الشمال (12) [א]",
    "3/1001": "צפון (מערב) שָׁלוֹם",
    "3/1002": "हिन्दी क्षेत्र, क्षेत्रीय",
    "3/1003": "கொடு நிலக்கரி",
    "3/1004": "ที่ดินเหมือง",
    "3/1005": "ወርቅ ማዕድን",
    "3/1006": "北区十二号爆破 서쪽 발파 ブーム",
    "3/1007": "নিরাপত্তা ਸੁਰੱਖਿਆ સુરક્ષા",
    "3/1008": "ସୁରକ୍ଷା భద్రత ಸುರಕ್ಷತೆ സുരക്ഷ",
    "3/1009": "ᱥᱟᱱᱛᱟᱲᱤ ꯃꯤꯇꯩ",
    "3/1010": "🧨 e\u0301\u0303 a\nb\tc\x07\u202e",
    "3/1011": "می‌رود",
}


def some_of_each(booster: int, window: int) -> str:
    return (MISSED, UNREPORTED, "silent", FIRED)[(booster + window) % 4]


def many_scripts() -> Filed:
    """A blast whose boosters have labels in scripts of all directions."""
    return MadeUp(12, 8, some_of_each, labels=LABELS, idle=1, system="Mine <“&”> שׁ खान").fold()


def one_of_each() -> dict[str, Filed]:
    """An example of each verdict in each mode, and the field's."""
    found: dict[tuple[str, str], tuple[str, Filed]] = {}
    for name, filed in example_blasts().items():
        found.setdefault((name.partition("-")[0], str(filed.document["verdict"])), (name, filed))
    return dict(found.values())


def test_reports_of_all_modes_and_verdicts_are_for_the_archive(verapdf: list[str], tmp_path: Path) -> None:
    files = []
    for name, filed in one_of_each().items():
        files.append(tmp_path / f"{name}.pdf")
        files[-1].write_bytes(pdf_of(filed))
    assert refused(verapdf, files) == {}


def test_so_is_one_with_labels_of_many_scripts(verapdf: list[str], tmp_path: Path) -> None:
    file = tmp_path / "scripts.pdf"
    file.write_bytes(pdf_of(many_scripts()))
    assert refused(verapdf, [file]) == {}


def test_the_judge_refuses_what_is_none(verapdf: list[str], tmp_path: Path) -> None:
    file = tmp_path / "plain.pdf"
    canvas = QuickCanvas(str(file), invariant=1)
    canvas.rect(72, 72, 72, 72)
    canvas.save()
    # It has no metadata, and doesn't say what its colours mean.
    told = refused(verapdf, [file])
    assert "6.6.2.1" in told["plain.pdf"]
    assert "6.2.4.3" in told["plain.pdf"]


def test_all_fonts_are_embedded_with_what_their_glyphs_stand_for() -> None:
    fonts = {}
    for page in PdfReader(io.BytesIO(pdf_of(many_scripts()))).pages:
        for name, font in page["/Resources"]["/Font"].items():  # type: ignore[index]
            fonts[name] = font.get_object()
    assert len(fonts) >= 14
    for font in fonts.values():
        descendant = font["/DescendantFonts"][0].get_object()
        assert "/FontFile2" in descendant["/FontDescriptor"].get_object()
        assert "/ToUnicode" in font


def test_names_can_be_searched_for_in_any_script() -> None:
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf_of(many_scripts()))).pages)
    for name in ("हिन्दी", "क्षेत्रीय", "நிலக்கரி", "ወርቅ", "เหมือง", "নিরাপত্তা", "భద్రత", "北区十二号爆破", "⟨U+1F9E8⟩"):
        assert name in text


def test_the_id_is_of_the_document_and_of_nothing_else() -> None:
    names = ("AXXIS500-d6d3d636", "HYDRA-47449512")
    one, other = (pdf_of(example_blasts()[name]) for name in names)
    again = pdf_of(example_blasts()[names[0]])
    ids = [PdfReader(io.BytesIO(pdf)).trailer["/ID"][0] for pdf in (one, other, again)]  # type: ignore[index]
    assert ids[0] == ids[2] != ids[1]
    assert one == again


def test_a_document_that_was_drawn_before_leaves_nothing_in_the_next() -> None:
    plain = example_blasts()["AXXIS500-d6d3d636"]
    before = pdf_of(plain)
    pdf_of(many_scripts())
    assert pdf_of(plain) == before


def test_it_says_the_same_of_itself_twice() -> None:
    reader = PdfReader(io.BytesIO(pdf_of(many_scripts())))
    metadata, information = reader.xmp_metadata, reader.metadata
    assert metadata is not None
    assert information is not None
    assert metadata.dc_title == {"x-default": information.title}
    assert "Mine <“&”> שׁ खान" in str(information.title)
    assert metadata.pdf_keywords == information.get("/Keywords")


def test_the_profile_of_colours_is_well_formed() -> None:
    profile = srgb_profile()
    assert int.from_bytes(profile[:4], "big") == len(profile) < 1_000
    assert profile[36:40] == b"acsp"
    assert profile == srgb_profile()


@pytest.mark.parametrize(("at", "date"), [(0, "D:19700101000000Z"), (2**53 - 1, "D:99991231235959Z")])
def test_a_wrong_clock_is_written_as_far_as_a_pdf_can(at: int, date: str) -> None:
    assert pdf_date(at) == date
