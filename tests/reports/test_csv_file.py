"""CSV that a spreadsheet opens right, and that does nothing in it."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.change import Value
from stateserver.reports.csv_file import plain_text, write_csv

FORMULA_SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\t\r\n"
nasty = st.text(st.sampled_from("=+-@\t\r\n;,\"'| a1\uff1d") | st.characters(exclude_categories=["Cs"]), max_size=20)


def written(header: list[str], rows: list[list[Value]]) -> bytes:
    out = io.BytesIO()
    write_csv(header, rows, out)
    return out.getvalue()


def read(file: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_it_begins_with_a_byte_order_mark_and_ends_its_lines_as_spreadsheets_do() -> None:
    assert written(["å", "b"], [["北", 1], [None, True]]) == "\ufeffå,b\r\n北,1\r\n,TRUE\r\n".encode()


def test_the_file_stays_open_for_whoever_opened_it() -> None:
    out = io.BytesIO()
    write_csv(["a"], [["b"]], out)
    out.write(b"more")
    assert out.getvalue().endswith(b"more")


@pytest.mark.parametrize("sign", FORMULA_SIGNS)
def test_no_text_begins_with_what_begins_a_formula(sign: str) -> None:
    assert plain_text(f"{sign}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("text", ["3/67", "1-2", "7:30", "12/3/2019", "007", "1E5", "12e3"])
def test_no_label_becomes_a_date_a_time_or_another_number(text: str) -> None:
    assert plain_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Ort 12 å", "27.67.233.60", "250", "0", "a=b", "A-1", "x;y", "3/67/4/12"])
def test_what_means_no_harm_stays_as_it_is(text: str) -> None:
    assert plain_text(text) == text


@given(st.lists(st.lists(nasty, min_size=3, max_size=3), max_size=6))
def test_no_cell_begins_a_formula_however_a_spreadsheet_cuts_the_file(rows: list[list[str]]) -> None:
    file = written(["a", "b", "c"], [list(row) for row in rows])
    assert [len(row) for row in read(file)] == [3] * (len(rows) + 1)
    # A spreadsheet that cuts at semicolons, and at line ends even within quotes.
    cells = re.split(r"[;\t\r\n]+", file.decode("utf-8-sig"))
    assert not [cell for cell in cells if cell[:1] and cell[0] in FORMULA_SIGNS]
    for cell in (cell for row in read(file) for cell in row):
        assert cell[:1] not in set(FORMULA_SIGNS) or not cell


@given(st.lists(nasty, min_size=2, max_size=2))
def test_texts_come_back_but_for_the_apostrophes(row: list[str]) -> None:
    assert read(written(["a", "b"], [list(row)]))[1] == [plain_text(text) for text in row]
    assert [plain_text(text).replace("'", "") for text in row] == [text.replace("'", "") for text in row]


def test_a_long_note_of_tabs_takes_no_time() -> None:
    note = "\t" * 200_000
    assert len(plain_text(note)) == 2 * len(note)
