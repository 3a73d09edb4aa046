import pytest

from stateserver.codec import fields
from stateserver.codec.binary import string_bytes
from stateserver.codec.fields import Remembered, fields_bytes, read_fields, read_name
from stateserver.domain.change import Fields


def test_true_is_not_one_and_false_is_not_zero() -> None:
    shown: Fields = {"a": True, "b": 1, "c": False, "d": 0}
    for _ in range(2):
        read, _ = read_fields(fields_bytes(shown), 0)
        assert [(name, type(value)) for name, value in read.items()] == [
            *(("a", bool), ("b", int), ("c", bool), ("d", int))
        ]


def test_names_that_come_back_are_one_object() -> None:
    encoded = fields_bytes({"detonator_status": True})
    (first,), (second,) = read_fields(encoded, 0)[0], read_fields(bytes(encoded), 0)[0]
    assert first is second


def test_what_was_remembered_is_forgotten_before_it_is_too_much() -> None:
    remembered = Remembered(string_bytes)
    for number in range(fields._REMEMBERED_MAX + 1):
        assert remembered[str(number)] == string_bytes(str(number))
    assert len(remembered) == 1
    for number in range(fields._REMEMBERED_MAX + 1):
        read_name(string_bytes(f"a name nobody knows {number}"), 0)
    assert len(fields._texts) <= fields._REMEMBERED_MAX


@pytest.mark.parametrize("encoded", ["0104026100", "020261080000", "0202610402"], ids=["size", "branch", "cut"])
def test_the_quick_reader_leaves_what_is_unusual_to_others(encoded: str) -> None:
    with pytest.raises((LookupError, ValueError)):
        read_fields(bytes.fromhex(encoded), 0)
