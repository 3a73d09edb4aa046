import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.schemas import UnreadableValue, UnwritableValue
from stateserver.codec.system import SystemRow, decode_system, encode_system
from stateserver.protocol.modes import Mode
from tests.codec.reference import reference_decode
from tests.codec.strategies import longs, system_ids, times_ms, unicode_texts

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
)
counts = st.dictionaries(unicode_texts, longs, max_size=5)
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
)


@given(rows)
def test_a_system_is_read_as_it_was_written(row: SystemRow) -> None:
    value = encode_system(row)
    assert row == decode_system(value) == SystemRow(**reference_decode("system", value))


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
