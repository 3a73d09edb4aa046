import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.binary import long_bytes, read_bytes, read_long, read_string, read_varint, string_bytes
from tests.codec.strategies import longs, unicode_texts


@pytest.mark.parametrize(
    ("number", "encoded"),
    [(0, "00"), (-1, "01"), (1, "02"), (-2, "03"), (-64, "7f"), (64, "8001"), (8191, "fe7f"), (8192, "808001")],
)
def test_longs_are_written_as_the_specification_shows(number: int, encoded: str) -> None:
    assert long_bytes(number).hex() == encoded


@given(longs, st.binary(max_size=3))
def test_a_long_is_read_as_it_was_written(number: int, after: bytes) -> None:
    encoded = long_bytes(number)
    assert read_long(encoded + after, 0) == (number, len(encoded))


@given(unicode_texts, st.binary(max_size=3))
def test_a_string_is_read_as_it_was_written(text: str, after: bytes) -> None:
    encoded = string_bytes(text)
    assert read_string(encoded + after, 0) == (text, len(encoded))


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, -(2**70)])
def test_what_is_no_long_is_not_written(number: int) -> None:
    with pytest.raises(OverflowError):
        long_bytes(number)


@pytest.mark.parametrize(
    "encoded",
    ["8000", "818000", "ffffffffffffffffff02", "ffffffffffffffffffff01", "80808080808080808000"],
    ids=["longer than need be", "longer by one more", "2^64 and more", "eleven bytes", "ten bytes for a zero"],
)
def test_only_the_shortest_form_of_64_bits_is_read(encoded: str) -> None:
    with pytest.raises(ValueError, match="number"):
        read_varint(bytes.fromhex(encoded), 0)


def test_the_largest_number_is_read() -> None:
    assert read_varint(bytes.fromhex("ffffffffffffffffff01"), 0) == (2**64 - 1, 10)


@pytest.mark.parametrize("encoded", ["", "80", "ffff"])
def test_a_number_that_is_cut_is_not_read(encoded: str) -> None:
    with pytest.raises(IndexError):
        read_varint(bytes.fromhex(encoded), 0)


@pytest.mark.parametrize("encoded", ["0461", "01", "feffffffffffffffff01"], ids=["cut", "negative", "huge"])
def test_bytes_with_a_wrong_length_are_not_read(encoded: str) -> None:
    with pytest.raises(ValueError, match="length"):
        read_bytes(bytes.fromhex(encoded), 0)


@pytest.mark.parametrize("encoded", ["02ff", "04c080", "06eda080"], ids=["no start", "overlong", "surrogate"])
def test_what_is_no_utf_8_is_no_string(encoded: str) -> None:
    with pytest.raises(UnicodeDecodeError):
        read_string(bytes.fromhex(encoded), 0)
