"""What the reports call things."""

from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.change import KINDS, Change, Fields
from stateserver.protocol.modes import Mode
from stateserver.reports.event_wording import change_words, kind_words
from stateserver.reports.rows import ATTENTION, WHYS
from stateserver.reports.times import SiteClock
from stateserver.reports.wording import (
    attention_words,
    counted,
    nouns_of,
    number,
    number_ranges,
    outcome_words,
    unit_words,
    units_words,
    words_of,
)
from tests.reports.examples import example_blasts

UTC = SiteClock(ZoneInfo("UTC"))


def change(kind: str, before: Fields | None = None, after: Fields | None = None, **details: object) -> Change:
    return Change("P1", 1, 0, kind, "3/67", before or {}, after or {}, "ps-1", 1, False, dict(details))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("0/23", "Control unit 23"),
        ("1/4", "Section controller 4"),
        ("1/4/2/3", "Section controller 4, position 3"),
        ("3/67", "Booster 67"),
        ("3/67/4/12", "Booster 67, window 12"),
        ("5/91", "CFC 91"),
        (None, "\N{EN DASH}"),
        ("7/7", "7/7"),
        ("3/67/4", "3/67/4"),
        ("3/٣", "3/٣"),
        ("4/1", "4/1"),
        ("", ""),
    ],
)
def test_units_are_called_what_people_call_them(unit: str | None, words: str) -> None:
    assert unit_words(unit) == words


@given(st.text(max_size=20))
def test_what_a_command_calls_a_unit_is_shown_as_it_is(unit: str) -> None:
    assert unit_words(unit)[:1] in {unit[:1], "C", "S", "B"}


def test_thousands_are_kept_apart_by_no_sign_that_means_something_else() -> None:
    assert [number(count) for count in (None, 0, 9_999, 250_000)] == ["\N{EN DASH}", "0", "9999", "250\u202f000"]
    assert [counted(count, "frame", "frames") for count in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]


def test_changes_are_told_with_before_and_after() -> None:
    changed = change("unit_changed", {"key_switch": True, "led_state": None}, {"key_switch": False, "led_state": 3})
    assert change_words(changed, UTC) == "key switch yes → no; led state 3"


def test_details_are_told_in_words_and_what_people_wrote_as_they_wrote_it() -> None:
    acknowledged = change("warning_acknowledged", field="cable_fault", actor="o_hara", note="seen_it")
    assert change_words(acknowledged, UTC) == "actor o_hara; field cable fault; note seen_it"
    assert change_words(change("warning_raised", field="too_low_battery"), UTC) == "too low battery"
    assert change_words(change("blast_closed", blast="x", how="timer_completed"), UTC) == "time ran out"
    assert change_words(change("stale_frame", as_of=1_563_531_134_999), UTC) == "as of 2019-07-19 10:12:14.999"
    assert change_words(change("clock_set_back", by=61_250), UTC) == "by 1 min 01.250 s"
    assert change_words(change("warning_cleared", field="mains"), UTC) == "no mains"
    assert change_words(change("blast_opened", blast="x"), UTC) == ""


def test_every_kind_of_event_of_the_examples_has_words() -> None:
    for filed in example_blasts().values():
        for event in filed.document["timeline"]:
            assert "_" not in kind_words(event["kind"])
            assert isinstance(change_words(Change(**event), UTC), str)
    assert len({kind_words(kind) for kind in KINDS}) == len(KINDS)


def test_an_ibs_system_has_other_words() -> None:
    assert nouns_of(Mode.IBS).detonators == "type 1 boosters"
    assert {nouns_of(mode).booster for mode in Mode if mode is not Mode.IBS} == {"booster"}


@pytest.mark.parametrize("mode", Mode)
def test_all_that_a_report_names_has_words(mode: Mode) -> None:
    words = words_of(mode)
    assert set(words["attention"]) == set(ATTENTION)
    assert set(words["whys"]) == set(WHYS)
    told = [*words["reasons"].values(), *(text for one in words["attention"].values() for text in one.values())]
    assert not [text for text in told if "{" in text]
    assert json_of(words) == words


def json_of(words: object) -> object:
    """As another program reads it."""
    return orjson.loads(orjson.dumps(words))


def test_attention_is_told_by_the_nouns_of_its_site() -> None:
    ibs, others = nouns_of(Mode.IBS), nouns_of(Mode.HYDRA)
    assert attention_words("fault_at_end", others, "mains").title == "no mains at the end"
    assert "section controller" in attention_words("fault_at_end", ibs, "mains").meaning
    assert "These detonators answered" in attention_words("answers_at_end", others, None).meaning


def test_the_unreported_are_told_with_why() -> None:
    assert outcome_words("unreported", "cleared").endswith("(its booster was cleared)")
    assert outcome_words("fired", None) == "no longer answers, presumed fired"


def test_silent_before_is_never_said_to_be_beyond_anyones_knowledge() -> None:
    assert "nobody" not in str([words_of(mode) for mode in Mode]).lower()


def test_numbers_are_told_in_ranges() -> None:
    assert number_ranges([]) == ""
    assert number_ranges([7]) == "7"
    assert number_ranges([1, 2, 3, 5, 7, 8]) == "1-3, 5, 7-8"


@given(st.sets(st.integers(1, 500)))
def test_ranges_hold_these_numbers_and_no_other(numbers: set[int]) -> None:
    told: set[int] = set()
    for span in number_ranges(sorted(numbers)).split(", "):
        first, _, last = span.partition("-")
        if first:
            told |= set(range(int(first), int(last or first) + 1))
    assert told == numbers


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (["3/3", "3/4", "3/5", "3/9"], "Boosters 3-5, 9"),
        (["3/7/4/1", "3/7/4/2"], "Booster 7, windows 1-2"),
        (["0/23", "3/4", "5/9", "5/10"], "Control unit 23; Booster 4; CFCs 9-10"),
        (["1/4/2/3"], "Section controller 4, position 3"),
        (["what", "3/4"], "Booster 4; what"),
    ],
)
def test_many_units_are_told_together(units: list[str], words: str) -> None:
    assert units_words(units) == words
