import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.schemas import SCHEMAS, UnreadableValue, UnwritableValue, write_value
from stateserver.codec.system import (
    CUT,
    ROW_BYTES_MAX,
    AnsweredRow,
    ClockSetBack,
    SystemRow,
    WarningRow,
    decode_system,
    encode_system,
    shown_system,
)
from stateserver.domain.paths import path_key
from stateserver.protocol.modes import Mode
from tests.codec.reference import reference_decode
from tests.codec.strategies import longs, system_ids, times_ms, unicode_texts

WARNING = WarningRow("3/158", "cable_fault", 1563531134000, 1563531139000, "anna", "seen")

ROW = SystemRow(
    system="mine-7",
    version=300,
    time=1563531134999,
    mode=Mode.AXXIS100,
    partition=3,
    offset=4711,
    appended_at=1563531135010,
    counters={"duplicate": 4},
    sources={"ps-1": 12},
    gaps={"ps-1": 1},
    state_hash=b"sixteen bytes...",
    checkpointed_at=1563531135200,
    changes_offset=None,
    warnings=[WARNING, WarningRow("3/158", "mains", 1563531134999)],
    answered_after_blast=[AnsweredRow("3/158/4/7", "b-1", "fired", 1563531134999)],
    clocks_ahead=["ps-1"],
    clocks_set_back=[ClockSetBack("ps-2", 1563531134999, 7_200_000)],
)
counts = st.dictionaries(unicode_texts, longs, max_size=5)
warnings = st.builds(
    WarningRow, unicode_texts, unicode_texts, times_ms, st.none() | times_ms, *[st.none() | unicode_texts] * 2
)
windows = st.builds(
    lambda below, window: f"{below}/{window}", st.sampled_from(["3/1/4", "3/2/4", "1/7/2"]), st.integers(1, 500)
)
answered = st.builds(AnsweredRow, windows, st.just("b-1"), st.sampled_from(["fired", "unreported"]), st.integers(0, 3))
in_path_order = st.lists(answered, max_size=9, unique_by=lambda one: one.unit).map(
    lambda some: sorted(some, key=lambda one: path_key(one.unit))
)
rows = st.builds(
    SystemRow,
    system=system_ids,
    version=longs,
    time=st.none() | times_ms,
    mode=st.none() | st.sampled_from(list(Mode)),
    partition=st.integers(0, 2**31 - 1),
    offset=longs,
    appended_at=st.none() | times_ms,
    counters=counts,
    sources=counts,
    gaps=counts,
    state_hash=st.binary(min_size=16, max_size=16),
    checkpointed_at=times_ms,
    changes_offset=st.none() | longs,
    warnings=st.none() | st.lists(warnings, max_size=3),
    answered_after_blast=st.none() | in_path_order,
    clocks_ahead=st.none() | st.lists(unicode_texts, max_size=3),
    clocks_set_back=st.none() | st.lists(st.builds(ClockSetBack, unicode_texts, times_ms, longs), max_size=3),
)


@given(rows)
def test_a_system_is_read_as_it_was_written(row: SystemRow) -> None:
    value = encode_system(row)
    assert row == decode_system(value)
    told = reference_decode("system", value)
    assert told == SCHEMAS.decode("system", value)
    assert told["warnings"] == shown_system(row)["warnings"]


@pytest.mark.parametrize("state_hash", [b"", bytes(15), bytes(17)])
def test_a_hash_of_another_size_is_not_written(state_hash: bytes) -> None:
    with pytest.raises(UnwritableValue):
        encode_system(ROW._replace(state_hash=state_hash))


def test_a_mode_of_a_later_version_is_read() -> None:
    assert decode_system(encode_system(ROW._replace(mode="AXXIS900"))).mode == "AXXIS900"


def test_a_value_that_is_cut_anywhere_is_unreadable() -> None:
    value = encode_system(ROW)
    for length in range(len(value)):
        with pytest.raises(UnreadableValue):
            decode_system(value[:length])


NEW_IN_2 = ("warnings", "answered_after_blast", "clocks_ahead", "clocks_set_back")


def test_what_an_older_version_wrote_is_read_and_says_that_it_does_not_know() -> None:
    record = {name: value for name, value in ROW._asdict().items() if name not in NEW_IN_2}
    value = write_value(SCHEMAS.version("system", 1), record)
    assert decode_system(value) == ROW._replace(
        warnings=None, answered_after_blast=None, clocks_ahead=None, clocks_set_back=None
    )


def test_many_that_answered_take_little_room() -> None:
    answered = [
        AnsweredRow(f"3/158/4/{window}", "0cd3eb41-43ff-5a6a-b289-8532977676c8", "fired", 9) for window in range(1, 501)
    ]
    value = encode_system(ROW._replace(answered_after_blast=answered))
    assert len(value) < len(encode_system(ROW)) + 2 * 500 + 100
    assert decode_system(value).answered_after_blast == answered


@pytest.mark.parametrize(
    ("how_many", "note", "left"),
    [
        (2_000, "x" * 200, "x" * 200),
        (2_000, "x" * 2_000, "x" * 200 + CUT),
        (15_000, "x" * 2_000, CUT),
    ],
)
def test_notes_are_cut_rather_than_that_a_row_does_not_fit(how_many: int, note: str, left: str) -> None:
    warnings = [WARNING._replace(unit=f"3/{number}", note=note) for number in range(how_many)]
    value = encode_system(ROW._replace(warnings=warnings))
    assert len(value) <= ROW_BYTES_MAX
    assert decode_system(value) == ROW._replace(warnings=[one._replace(note=left) for one in warnings])


def test_what_does_not_fit_at_all_is_not_told_and_that_is_said() -> None:
    warnings = [WARNING._replace(unit=f"3/{number}") for number in range(40_000)]
    told = decode_system(encode_system(ROW._replace(warnings=warnings)))
    assert (told.warnings, told.answered_after_blast) == (None, ROW.answered_after_blast)
    answered = [AnsweredRow(f"3/{number}/4/1", "b-1", "fired", 9) for number in range(60_000)]
    told = decode_system(encode_system(ROW._replace(warnings=warnings, answered_after_blast=answered)))
    assert (told.warnings, told.answered_after_blast) == (None, None)
