"""The PDF as a whole: what it says, that it is the same each time, and that nothing runs off its pages."""

import hashlib
import io
import os
import re
import subprocess
import sys
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from pypdf.generic import Destination

from stateserver import __version__
from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.detonators import WrongSnapshot
from stateserver.reports.document import Report
from stateserver.reports.pdf.book import write_pdf
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.style import LEFT, PAGE_HEIGHT, RIGHT, Style
from stateserver.reports.pdf.text import width_of
from stateserver.reports.times import SiteClock
from stateserver.reports.views import Filed
from tests.reports.examples import ABORTED, DOUBTFUL, FIELD, IBS, MIXED, NOBODY, OPEN, PERFECT, example_blasts
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
    draw = Paper.text

    def checked(paper: Paper, x: float, y: float, text: str, style: Style, align: Align = Align.LEFT) -> None:
        width = width_of(text, style.face, style.size)
        left = x - align.value * width
        is_moved = (x, y) == (0, 0)  # within a form, or turned round
        assert is_moved or (left >= LEFT - EDGE and left + width <= RIGHT + EDGE), f"{text!r} at {left}, {width} wide"
        assert is_moved or 20 < y < PAGE_HEIGHT - 20, f"{text!r} at the height {y}"
        draw(paper, x, y, text, style, align)

    monkeypatch.setattr(Paper, "text", checked)


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
        (PERFECT, ["ALL PRESUMED FIRED", "2 of 2", "26 of 26", "All data came", "26 presumed fired", "MISFIRES 0"]),
        (FIELD, ["ABORTED: 100 MISFIRES", "0 of 1", "0 of 100", "Time ran out", "Firing was aborted", "MISFIRES 100"]),
        (DOUBTFUL, ["DOUBTFUL", "1 booster is possibly live", "To be looked at: answers at the end"]),
        (OPEN, ["STILL OPEN: NOT A FINAL REPORT", "sign the report of the closed one"]),
        (NOBODY, ["NOT ALL FIRED", "nothing could be watched", "0 of 0"]),
        (IBS, ["NOT ALL FIRED: 9 MISFIRES", "SECTION CONTROLLERS PRESUMED FIRED", "3 type 1 boosters still answer"]),
    ],
)
def test_the_first_page_tells_whether_the_blast_was_good(name: str, wanted: list[str]) -> None:
    first = pages_of(name)[0]
    assert [words for words in wanted if words not in first] == []


@pytest.mark.parametrize("name", [PERFECT, MIXED, OPEN])
def test_the_first_page_has_room_for_the_inspection_and_two_signatures(name: str) -> None:
    first = pages_of(name)[0]
    assert "Misfire inspection" in first
    assert "Blaster's name" in first
    assert "Second signatory's name" in first
    assert first.count("Licence no.") == 2
    assert first.count("Signature") == 2
    assert first.count("Date and time") == 3


def colours_of(pdf: bytes) -> set[str]:
    """The colours that a PDF fills or strokes with, as PDF writes them."""
    streams = (page.get_contents() for page in PdfReader(io.BytesIO(pdf)).pages)
    drawn = b"\n".join(stream.get_data() for stream in streams if stream is not None)
    return {match.decode() for match in re.findall(rb"([\d. ]+) (?:rg|RG)\b", drawn)}


@pytest.mark.parametrize("name", BLASTS)
def test_nothing_is_green_but_the_verdict_that_all_is_well(name: str) -> None:
    greens = [colour for colour in colours_of(example(name)) if is_green(*map(float, colour.split()))]
    assert bool(greens) is (BLASTS[name].document["verdict"] == "all_fired")


def is_green(red: float, green: float, blue: float) -> bool:
    return green > red + 0.1 and green > blue + 0.1


def test_the_first_page_names_the_missed_by_booster_and_windows_with_delays() -> None:
    first = pages_of(MIXED)[0]
    assert "Missed: 22 detonators still answer." in first
    told = "Booster 7047: 22 of 25, windows 76-80 (142-12777 ms), 82-91 (105-12606 ms), 93-95 (10010-13701 ms), 97-100"
    assert told in first


def test_the_box_to_read_is_there_for_missed_ones_alone() -> None:
    filed = MadeUp(2, 5, lambda booster, window: MISSED if (booster, window) == (1, 3) else FIRED).fold()
    first = texts_of(pdf_of(filed))[0]
    assert "READ BEFORE ANYBODY GOES IN" in first
    assert "Booster 1001: 1 of 5, window 3 (92 ms)" in first
    assert "READ BEFORE" not in texts_of(pdf_of(MadeUp(3, 10).fold()))[0]


def test_labels_stand_beside_windows_wherever_these_are_named() -> None:
    labels = {f"3/1000/4/{window}": f"H{window}" for window in (1, 2, 4, 5, 7)} | {"3/1000": "North"}
    becomes = {2: MISSED, 4: UNREPORTED, 5: UNREPORTED, 7: "silent", 9: "silent"}
    filed = MadeUp(1, 10, lambda _, window: becomes.get(window, FIRED), labels=labels).fold()
    pages = texts_of(pdf_of(filed))
    assert "Booster 1000 “North”: 1 of 10, window 2 (H2, 50 ms)" in pages[0]
    assert "Booster 1000 “North”: 2 of 10, windows 4-5 (H4, H5; 100-125 ms)" in pages[0]
    assert "Booster 1000 “North”: 2 of 10, windows 7 (H7, 175 ms), 9 (225 ms)" in pages[0]
    misfires = pages[1][pages[1].index("Misfires") :]
    assert "missed 2 27.2.0.2 H2 50" in misfires
    assert "Booster 1000 “North”, windows 1 (H1), 3, 6, 8, 10" in " ".join(pages[2:])


def test_the_unreported_are_told_with_why() -> None:
    first, second = pages_of(MIXED)[:2]
    assert "Unreported: 22 detonators. Nothing tells whether they fired." in first
    assert "18 (689 ms); its booster was cleared" in first
    assert "Booster 18178: 14 unreported: cleared, 4 silent before" in second


def test_the_first_page_warns_of_what_may_be_live_with_its_state_at_the_end() -> None:
    made_up = MadeUp(3, 10, lambda _, window: {5: UNREPORTED, 6: "silent"}.get(window, FIRED), idle=2)
    first = texts_of(pdf_of(made_up.fold()))[0]
    assert "READ BEFORE ANYBODY GOES IN" in first
    assert "Possibly live: 2 boosters with 20 detonators" in first
    assert "Booster 1003: 10 detonators; key switch off. At the end: key switch off," in first
    assert "10 detonators, none heard since" in first
    assert "Unreported: 3 detonators" in first
    assert "Silent before: 3 detonators" in first
    assert "Booster 1002: 1 of 10, window 5" in first
    assert "Booster 1002: 1 of 10, window 6" in first


def test_silent_ones_that_answer_at_the_end_are_not_told_as_beyond_knowledge() -> None:
    name = "AXXIS500_CFC-c3a6e0c6"
    first = pages_of(name)[0]
    silent = BLASTS[name].document["detonators"]["silent_before"]
    assert f"Silent before: {silent} detonators did not answer at the start." in first
    assert "All of them answered later." in first or "of them answered later." in first
    for filed_name in BLASTS:
        assert "nobody can say" not in pages_of(filed_name)[0].lower()


def test_a_silent_one_that_answered_for_a_while_is_told_so() -> None:
    filed = BLASTS[FIELD]
    (silent,) = filed.document["active"][0]["silent_before"]
    change = filed.document["timeline"][-2] | {"kind": "unit_changed", "unit": f"3/158/4/{silent['window_id']}"}
    change |= {"before": {"detonator_status": False}, "after": {"detonator_status": True}}
    document = filed.document | {"timeline": [*filed.document["timeline"][:-1], change, filed.document["timeline"][-1]]}
    first = texts_of(pdf_of(filed._replace(document=document)))[0]
    assert "Silent before: 1 detonator did not answer at the start. It answered later." in first
    assert "Nothing tells what became" not in first
    assert "Nothing tells what became of it." in pages_of(FIELD)[0]


def test_repeated_presses_and_the_superseding_blast_are_told() -> None:
    repeated = [
        name
        for name, filed in BLASTS.items()
        if any(change["kind"] == "fire_button_repeated" for change in filed.document["timeline"])
    ]
    assert repeated
    for name in repeated:
        assert "Fire button pressed again: " in pages_of(name)[0]
    first = pages_of("AXXIS500_CFC-52a91777")[0]
    assert "Superseded: blast 2280f468-" in first
    assert "and closed this one" in first


def test_boosters_without_room_for_their_windows_are_named_all_the_same() -> None:
    pages = texts_of(pdf_of(MadeUp(30, 40, lambda _, window: MISSED if window % 2 else UNREPORTED, idle=40).fold()))
    assert "600 detonators still answer" in pages[0]
    assert "Possibly live: 40 boosters with 1600 detonators" in pages[0]
    # Once among the missed, once among the unreported, some with all their windows.
    assert pages[0].count("-1029") >= 2
    assert "-1069" in pages[0]
    whole = " ".join(pages[1:])
    assert all(f"Booster {serial}: 20 missed, 20 unreported" in whole for serial in range(1000, 1030))


def test_every_affected_booster_is_on_the_first_page_however_many() -> None:
    odd = MadeUp(120, 3, lambda booster, window: MISSED if booster % 3 == 0 and window == 2 else FIRED, idle=3)
    first = texts_of(pdf_of(odd.fold()))[0]
    assert all(str(serial) in first for serial in range(1000, 1120, 3))


@pytest.mark.parametrize("name", [PERFECT, FIELD, MIXED, OPEN, IBS])
def test_each_page_says_its_number_the_blast_and_the_documents_sha256(name: str) -> None:
    pages, report = pages_of(name), Report.parse(BLASTS[name].document)
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of" in page
        # The count stands in a form of its own, which is extracted wherever it was drawn.
        assert str(len(pages)) in page
        assert report.blast in page
        assert f"Document SHA-256 {report.sha256}" in page
        assert f"State Server {__version__}" in page


@pytest.mark.parametrize("name", [PERFECT, FIELD, ABORTED, OPEN, IBS, NOBODY])
def test_a_report_has_its_chapters_and_bookmarks_to_them(name: str) -> None:
    reader = PdfReader(io.BytesIO(example(name)))
    titles = [entry["/Title"] for entry in reader.outline if isinstance(entry, Destination)]
    wanted = ["Summary", "Misfires", "Needs attention", "Faults and warnings", "Timeline", "Data quality"]
    if BLASTS[name].document["active"]:
        wanted.append("Planned firing times")
    assert set(wanted) <= set(titles)
    text = " ".join(pages_of(name))
    assert [title for title in titles[1:] if str(title) not in text] == []


@pytest.mark.parametrize("name", [MIXED, IBS])
def test_there_is_a_bookmark_to_each_booster(name: str) -> None:
    reader = PdfReader(io.BytesIO(example(name)))
    (boosters,) = [entry for entry in reader.outline if isinstance(entry, list)]
    serials = [int(str(entry["/Title"]).split()[-1]) for entry in boosters if isinstance(entry, Destination)]
    assert serials == [row["serial"] for row in BLASTS[name].document["active"]]


def test_grids_of_500_have_a_ruler_of_their_columns() -> None:
    pages = texts_of(pdf_of(MadeUp(1, 300).fold()))
    grids = next(page for page in pages if "before and after" in page)
    assert "1 10 20 30 40 50" in grids
    assert "101" in grids


def test_the_document_information_is_of_the_blast_not_of_its_making() -> None:
    reader = PdfReader(io.BytesIO(example(FIELD)))
    told, report = reader.metadata, Report.parse(BLASTS[FIELD].document)
    assert told is not None
    assert told.title == "Blast report: site, 2019-07-19 10:12:14.999 UTC"
    assert told.creation_date is not None
    assert told.creation_date.isoformat() == "2019-07-19T10:19:14+00:00"
    assert report.blast in (told.subject or "")
    assert report.sha256 in str(told.get("/Keywords"))


def test_a_table_that_goes_on_has_its_heading_again() -> None:
    pages = texts_of(pdf_of(MadeUp(150, 2).fold()))
    with_boosters = [page for page in pages if "Booster" not in page.split("No.")[0][-40:] and "No. Label Det" in page]
    assert len(with_boosters) >= 3


def test_the_timeline_tells_many_alike_as_one() -> None:
    text = " ".join(texts_of(pdf_of(MadeUp(60, 3).fold())))
    assert "Boosters 1000-1059 communicating yes → no" in text
    assert "Booster 1007, windows 1-3" in text
    assert "events in all; what many did alike is one row here" in text


def test_the_timeline_tells_steps_and_gaps() -> None:
    text = " ".join(pages_of(FIELD))
    assert "Firing aborted" in text
    text = " ".join(pages_of(MIXED))
    assert "Frames missing: expected 240; got 244; missing 4" in text


def test_times_are_told_in_utc_alone_where_the_site_has_no_other() -> None:
    first, elsewhere = texts_of(pdf_of(BLASTS[FIELD], UTC))[0], pages_of(FIELD)[0]
    assert "2019-07-19 10:12:14.999" in first
    assert "12:12:14" not in first
    assert "2019-07-19 10:12:14.999" in elsewhere
    assert "2019-07-19 12:12:14.999 +02:00" in elsewhere


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
    document = filed.document | {"warnings_after": [warning]}
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
