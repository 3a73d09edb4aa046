import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.rejected import RejectedRow, decode_rejected, encode_rejected
from stateserver.codec.schemas import UnreadableValue
from stateserver.protocol.reasons import Reason
from tests.codec.reference import reference_decode
from tests.codec.strategies import longs, times_ms, unicode_texts

rows = st.builds(
    RejectedRow,
    reason=st.sampled_from(list(Reason)),
    detail=unicode_texts,
    topic=unicode_texts,
    partition=st.integers(0, 2**31 - 1),
    offset=longs,
    appended_at=st.none() | times_ms,
    key=st.none() | st.binary(max_size=50),
    value=st.none() | st.binary(max_size=300),
)


@given(rows)
def test_a_rejection_is_read_as_it_was_written(row: RejectedRow) -> None:
    value = encode_rejected(row)
    assert row == decode_rejected(value) == RejectedRow(**reference_decode("rejected", value))


def test_a_record_of_the_largest_size_is_kept_whole() -> None:
    row = RejectedRow("bad_encoding", "no marker", "blasting.packets", 0, 1, None, b"mine-7", bytes(1024**2))
    value = encode_rejected(row)
    assert decode_rejected(value) == row
    assert len(value) < 1024**2 + 200


def test_a_value_that_is_cut_anywhere_is_unreadable() -> None:
    value = encode_rejected(RejectedRow("bad_crc", "a", "b", 0, 1, 2, b"key", b"value"))
    for length in range(len(value)):
        with pytest.raises(UnreadableValue):
            decode_rejected(value[:length])
