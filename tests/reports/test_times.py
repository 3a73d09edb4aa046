"""Times for people."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.reports.times import SiteClock, write_duration

SUMMER = 1_563_531_134_999  # 2019-07-19 10:12:14.999 UTC
OSLO = SiteClock(ZoneInfo("Europe/Oslo"))


def test_an_instant_is_written_in_utc_and_in_the_sites_time_zone() -> None:
    assert OSLO.utc(SUMMER) == "2019-07-19 10:12:14.999"
    assert OSLO.local(SUMMER) == "2019-07-19 12:12:14.999"
    assert OSLO.site(SUMMER) == "2019-07-19 12:12:14.999 +02:00"
    assert OSLO.offset_minutes(SUMMER) == 120
    assert OSLO.stamp(SUMMER) == "2019-07-19_121214+0200"


def test_where_the_site_has_utc_no_offset_is_needed() -> None:
    utc = SiteClock(ZoneInfo("UTC"))
    assert (utc.site(SUMMER), utc.offset_minutes(SUMMER)) == ("2019-07-19 10:12:14.999", 0)


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    first, again = 1_572_137_999_999, 1_572_141_599_999
    assert OSLO.site(first) == "2019-10-27 02:59:59.999 +02:00"
    assert OSLO.site(again) == "2019-10-27 02:59:59.999 +01:00"


@pytest.mark.parametrize(("name", "is_utc"), [("UTC", True), ("Etc/UTC", True), ("Africa/Accra", False)])
def test_a_clock_knows_whether_it_shows_utc(name: str, *, is_utc: bool) -> None:
    assert SiteClock(ZoneInfo(name)).is_utc is is_utc


@given(st.integers(0, 2**53 - 1), st.sampled_from(["UTC", "Pacific/Kiritimati", "America/Santiago"]))
def test_no_clock_is_too_wrong_to_be_written(at: int, zone: str) -> None:
    clock = SiteClock(ZoneInfo(zone))
    for written in (clock.utc(at), clock.site(at), clock.local(at), clock.stamp(at)):
        assert written.isprintable()


def test_what_lies_beyond_the_year_9999_is_written_as_it_is() -> None:
    assert OSLO.utc(2**53 - 1) == "9007199254740991 ms"


@pytest.mark.parametrize(
    ("duration", "written"),
    [
        (0, "0.000 s"),
        (18_560, "18.560 s"),
        (405_696, "6 min 45.696 s"),
        (7_503_000, "2 h 05 min 03.000 s"),
        (-4_192, "-4.192 s"),
    ],
)
def test_durations(duration: int, written: str) -> None:
    assert write_duration(duration) == written
