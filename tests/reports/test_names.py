"""The names of reports' files."""

import unicodedata
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.reports.names import file_stem, is_file_name
from stateserver.reports.times import SiteClock
from stateserver.reports.views import VIEWS

OSLO = SiteClock(ZoneInfo("Europe/Oslo"))
SUMMER = 1_563_531_134_999
BLAST = "0cd3eb41-43ff-5a6a-b289-8532977676c8"
systems = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)


def stem(system: str, at: int = SUMMER) -> str:
    return file_stem(system, at, BLAST, OSLO)


@pytest.mark.parametrize(
    ("system", "start"),
    [
        ("Upper Pit", "Upper_Pit"),
        ("P-1_b", "P-1_b"),
        ("..", "system"),
        ("CON", "CON"),
        ('a<b>:"\\|?*\n\u202e', "a_b"),
        ("Gruve å 北区 שׁ खान", "Gruve_å_北区_שׁ_खान"),
        ("🧨", "system"),
    ],
)
def test_a_file_is_named_by_system_local_time_and_short_id(system: str, start: str) -> None:
    assert stem(system) == f"{unicodedata.normalize('NFC', start)}_2019-07-19_121214+0200_0cd3eb41"


@given(systems, st.integers(0, 2**53 - 1))
def test_any_system_and_time_make_a_name_that_every_file_system_takes(system: str, at: int) -> None:
    for view in VIEWS:
        name = f"{stem(system, at)}.{view}"
        assert len(name.encode()) < 255 - len(".unfinished")
        assert not set(name) & set('<>:"/\\|?*')
        assert name[0] not in ". "
        assert "\n" not in name
        assert is_file_name(name, "|".join(VIEWS))


@pytest.mark.parametrize("name", ["mine.csv", "a_2019-07-19_121214+0200_0cd3eb41.docx", "a_0cd3eb41.csv", ".csv"])
def test_what_is_no_report_has_another_name(name: str) -> None:
    assert not is_file_name(name, "|".join(VIEWS))
