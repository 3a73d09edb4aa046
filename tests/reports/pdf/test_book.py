"""The PDF as a whole: what it says, that it is the same each time, and that nothing runs off its pages."""

import hashlib
import io
import os
import subprocess
import sys
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from pypdf.generic import Destination

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.detonators import WrongSnapshot
from stateserver.reports.document import Report
from stateserver.reports.pdf.book import write_pdf
from stateserver.reports.pdf.paper import QuickCanvas
from stateserver.reports.pdf.style import LEFT, RIGHT
from stateserver.reports.times import SiteClock
from stateserver.reports.views import Filed
from tests.reports.examples import ABORTED, FIELD, IBS, NOBODY, OPEN, PERFECT, example_blasts
from tests.reports.folded import MadeUp

BLASTS = example_blasts()
OSLO = SiteClock(ZoneInfo("Europe/Oslo"))
UTC = SiteClock(ZoneInfo("UTC"))
EDGE = 1.0
ODD_LABELS = {
    "3/1000": "W" * 80,
    "3/1001": "🧨" * 80,
    "3/1002": "北区十二号爆破 서쪽 발파 ブーム",
    "3/1003": "منطقة الشمال / צפון",
    "3/1004": "a\nb\tc\x07\u202e",
    "3/1005": "=cmd|' /C calc'!A0",
}


def pdf_of(filed: Filed, clock: SiteClock = OSLO) -> bytes:
    out = io.BytesIO()
    write_pdf(Report.parse(filed.document), filed.start, filed.end, clock, out)
    return out.getvalue()


@cache
def example(name: str) -> bytes:
    """An example's PDF."""
    return pdf_of(BLASTS[name])


@cache
def pages_of(name: str) -> list[str]:
    """The text of each page of an example, lines and gaps as one space."""
    return texts_of(example(name))


def texts_of(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


@pytest.fixture(autouse=True)
def nothing_runs_off_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text that these tests draw lies between the margins."""
    draw = QuickCanvas.drawString

    def checked(canvas: QuickCanvas, x: float, y: float, text: str) -> None:
        width = canvas.stringWidth(text, canvas._fontname, canvas._fontsize)
        is_moved = (x, y) == (0, 0) or y == 0  # within a form, or turned round
        assert is_moved or (x >= LEFT - EDGE and x + width <= RIGHT + EDGE), f"{text!r} from {x} to {x + width}"
        draw(canvas, x, y, text)

    monkeypatch.setattr(QuickCanvas, "drawString", checked)


@pytest.mark.parametrize("name", BLASTS)
def test_every_example_is_the_same_each_time(name: str) -> None:
    assert example(name) == pdf_of(BLASTS[name])


def test_another_process_writes_the_same_bytes() -> None:
    program = (
        "import hashlib; from tests.reports.examples import example_blasts, ABORTED;"
        "from tests.reports.pdf.test_book import pdf_of;"
        "print(hashlib.sha256(pdf_of(example_blasts()[ABORTED])).hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert told == {hashlib.sha256(example(ABORTED)).hexdigest()}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (PERFECT, ["ALL PRESUMED FIRED", "1 of 1", "20 of 20", "All data came", "20 presumed fired"]),
        (FIELD, ["NOT ALL KNOWN TO HAVE FIRED", "0 of 1", "0 of 100", "Time ran out", "Firing was aborted"]),
        (OPEN, ["STILL OPEN: NOT A FINAL REPORT", "sign the report of the closed one"]),
        (NOBODY, ["NO DETONATORS IN THIS BLAST", "0 of 0"]),
        (IBS, ["NOT ALL FIRED", "SECTION CONTROLLERS PRESUMED FIRED", "1 of 15", "11 type 1 boosters still answer"]),
    ],
)
def test_the_first_page_tells_whether_the_blast_was_good(name: str, wanted: list[str]) -> None:
    first = pages_of(name)[0]
    assert [words for words in wanted if words not in first] == []
    assert "Signature" in first
    assert "Blaster's name" in first


def test_the_first_page_names_the_missed_by_booster_window_and_uid() -> None:
    first = pages_of(ABORTED)[0]
    report = Report.parse(BLASTS[ABORTED].document)
    missed = [(booster, one) for booster in report.active for one in booster.not_fired or () if one.outcome == MISSED]
    assert len(missed) == report.detonators.missed == 43
    for booster, one in missed:
        assert f"Booster {booster.serial}" in first
        assert f"{one.window_id} {one.uid or 'unknown'}" in first


def test_the_first_page_warns_of_what_may_be_live() -> None:
    made_up = MadeUp(3, 10, lambda _, window: {5: UNREPORTED, 6: "silent"}.get(window, FIRED), idle=2)
    first = texts_of(pdf_of(made_up.fold()))[0]
    assert "WARNING: READ BEFORE ANYBODY GOES IN" in first
    assert "Possibly live: 2 boosters with 20 detonators" in first
    assert "Booster 1003: 10 detonators; key switch off" in first
    assert "Unreported: 3 detonators" in first
    assert "Silent before: 3 detonators" in first
    assert "Booster 1002: 1 of 10, window 5" in first
    assert "Booster 1002: 1 of 10, window 6" in first
    assert "WARNING" not in texts_of(pdf_of(MadeUp(3, 10).fold()))[0]


def test_what_finds_no_room_on_the_first_page_is_pointed_to() -> None:
    pages = texts_of(pdf_of(MadeUp(30, 40, lambda _, window: MISSED if window % 2 else UNREPORTED, idle=40).fold()))
    assert "600 detonators still answer" in pages[0]
    assert "all are listed from page 2" in pages[0]
    assert "Possibly live: 40 boosters with 1600 detonators" in pages[0]
    assert pages[0].count("more") == 3


@pytest.mark.parametrize("name", [PERFECT, FIELD, ABORTED, OPEN, IBS])
def test_each_page_says_its_number_the_blast_and_the_documents_sha256(name: str) -> None:
    pages, report = pages_of(name), Report.parse(BLASTS[name].document)
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of" in page
        # The count stands in a form of its own, which is extracted wherever it was drawn.
        assert str(len(pages)) in page
        assert report.blast in page
        assert f"Document SHA-256 {report.sha256}" in page


@pytest.mark.parametrize("name", [PERFECT, FIELD, ABORTED, OPEN, IBS, NOBODY])
def test_a_report_has_its_chapters_and_bookmarks_to_them(name: str) -> None:
    reader = PdfReader(io.BytesIO(example(name)))
    titles = [entry["/Title"] for entry in reader.outline if isinstance(entry, Destination)]
    wanted = ["Summary", "Faults and warnings", "Timeline", "Data quality"]
    if BLASTS[name].document["active"]:
        wanted.append("Planned firing times")
    assert set(wanted) <= set(titles)
    text = " ".join(pages_of(name))
    assert [title for title in titles[1:] if str(title) not in text] == []


def test_the_document_information_is_of_the_blast_not_of_its_making() -> None:
    reader = PdfReader(io.BytesIO(example(FIELD)))
    told, report = reader.metadata, Report.parse(BLASTS[FIELD].document)
    assert told is not None
    assert told.title == "Blast report: site, 2019-07-19 10:12:14.999 UTC"
    assert told.creation_date is not None
    assert told.creation_date.isoformat() == "2019-07-19T10:19:14+00:00"
    assert report.blast in (told.subject or "")
    assert report.sha256 in str(told.get("/Keywords"))


def test_every_font_is_embedded() -> None:
    filed = MadeUp(6, 4, labels=ODD_LABELS).fold()
    fonts = {}
    for page in PdfReader(io.BytesIO(pdf_of(filed))).pages:
        for name, font in page["/Resources"]["/Font"].items():  # type: ignore[index]
            fonts[name] = font.get_object()
    assert len(fonts) >= 3
    for font in fonts.values():
        assert "/FontFile2" in font["/FontDescriptor"].get_object()
        assert "/ToUnicode" in font


def test_a_table_that_goes_on_has_its_heading_again() -> None:
    pages = texts_of(pdf_of(MadeUp(150, 2).fold()))
    with_boosters = [page for page in pages if "Booster" not in page.split("No.")[0][-40:] and "No. Label Det" in page]
    assert len(with_boosters) >= 3


def test_the_timeline_leaves_single_detonators_to_the_csv() -> None:
    text = " ".join(pages_of(ABORTED))
    assert "187 events of single detonators are left to the CSV" in text
    assert "Firing aborted" in text
    assert "Frames missing: expected 194; got 195" in text


def test_times_are_told_in_utc_alone_where_the_site_has_no_other() -> None:
    first, elsewhere = texts_of(pdf_of(BLASTS[FIELD], UTC))[0], pages_of(FIELD)[0]
    assert "2019-07-19 10:12:14.999" in first
    assert "12:12:14" not in first
    assert "2019-07-19 10:12:14.999" in elsewhere
    assert "2019-07-19 12:12:14.999" in elsewhere


def test_odd_labels_are_shown_or_spelled_out() -> None:
    text = "".join(texts_of(pdf_of(MadeUp(6, 3, lambda *_: MISSED, labels=ODD_LABELS, warned=True).fold()))).replace(
        " ", ""
    )
    for wanted in ("W" * 80, "U+1F9E8", "北区十二号爆破", "서쪽", "ブーム", "=cmd|'/Ccalc'!A0", "U+0007"):
        assert wanted in text


@settings(max_examples=12)
@given(st.data())
def test_no_text_that_people_can_write_breaks_a_report(data: st.DataObject) -> None:
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
    system = data.draw(texts.filter(lambda name: name and "/" not in name))
    labels = {unit: data.draw(texts) for unit in ("0/23", "3/1000", "3/1001", "3/1002")}
    chosen = st.sampled_from([FIRED, MISSED, UNREPORTED, "silent"])
    outcomes = {(booster, window): data.draw(chosen) for booster in range(2) for window in range(1, 8)}
    made_up = MadeUp(2, 7, lambda *which: outcomes.get(which, FIRED), idle=1, labels=labels, system=system)
    assert len(texts_of(pdf_of(made_up.fold()))) >= 3


def test_a_system_with_a_very_long_name_has_a_report() -> None:
    pages = texts_of(pdf_of(MadeUp(1, 2, system="ŭ" * 512).fold()))
    assert "ŭ" * 512 in "".join(pages).replace(" ", "")


def test_a_note_longer_than_a_page_is_all_there() -> None:
    filed = BLASTS[FIELD]
    note = " ".join(f"word{number}" for number in range(6_000))
    warning = {"unit": "3/158", "field": "mains", "raised": 0, "acknowledged": 1, "actor": "anna", "note": note}
    document = filed.document | {"warnings": [warning]}
    text = " ".join(texts_of(pdf_of(filed._replace(document=document))))
    assert all(f"word{number}" in text for number in (0, 2_999, 5_999))


def test_snapshots_of_another_blast_are_refused() -> None:
    with pytest.raises(WrongSnapshot):
        pdf_of(BLASTS[FIELD]._replace(start=BLASTS[ABORTED].start))


@pytest.mark.slow
def test_a_large_blast_makes_a_small_file() -> None:
    filed = MadeUp(60, 300, lambda booster, window: MISSED if (booster * 7 + window) % 97 == 0 else FIRED).fold()
    pdf = pdf_of(filed)
    assert len(pdf) < 1_000_000
    assert len(PdfReader(io.BytesIO(pdf)).pages) < 120
