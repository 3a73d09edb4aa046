import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.heartbeat import (
    TROUBLED_MAX,
    Heartbeat,
    TroubledSource,
    decode_heartbeat,
    encode_heartbeat,
    heartbeat_key,
)
from stateserver.codec.schemas import UnreadableValue
from tests.codec.reference import reference_decode
from tests.codec.strategies import longs, times_ms, unicode_texts

sources = st.builds(
    TroubledSource,
    system=st.none() | unicode_texts,
    source=st.none() | unicode_texts,
    why=unicode_texts,
    reason=st.none() | unicode_texts,
    frames=longs,
    since=times_ms,
)
beats = st.builds(
    Heartbeat,
    partition=st.integers(0, 2**31 - 1),
    condition=unicode_texts,
    why=st.none() | unicode_texts,
    since=times_ms,
    positions=st.dictionaries(unicode_texts, longs, max_size=3),
    systems=st.integers(0, 2**31 - 1),
    clock=st.none() | times_ms,
    at=times_ms,
    worker=unicode_texts,
    version=unicode_texts,
    held_since=times_ms,
    troubled=st.lists(sources, max_size=3),
)


@given(beats)
def test_a_heartbeat_is_read_as_it_was_written(beat: Heartbeat) -> None:
    value = encode_heartbeat(beat)
    reference = reference_decode("heartbeat", value)
    reference["troubled"] = [TroubledSource(**one) for one in reference["troubled"]]
    assert beat == decode_heartbeat(value) == Heartbeat(**reference)


def a_heartbeat(troubled: list[TroubledSource]) -> Heartbeat:
    return Heartbeat(3, "live", None, 1, {"packets": 7}, 2, None, 9, "5f0c954a8f0a", "0.1.0", 4, troubled)


def test_it_is_small_and_stays_so_whatever_is_in_trouble() -> None:
    assert len(encode_heartbeat(a_heartbeat([]))) < 100
    many = [TroubledSource("m", str(number), "rejected", "bad_seal", 1, 2) for number in range(1_000)]
    assert decode_heartbeat(encode_heartbeat(a_heartbeat(many))).troubled == many[:TROUBLED_MAX]


def test_a_value_that_is_cut_anywhere_is_unreadable() -> None:
    value = encode_heartbeat(a_heartbeat([TroubledSource(None, None, "duplicates", None, 1, 2)]))
    for length in range(len(value)):
        with pytest.raises(UnreadableValue):
            decode_heartbeat(value[:length])


def test_its_key_is_the_partitions_number() -> None:
    assert heartbeat_key(12) == b"12"
