import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.change import decode_change, encode_change
from stateserver.codec.schemas import SCHEMAS, UnreadableValue, UnwritableValue
from stateserver.domain.change import Change, change_to_json
from tests.codec.reference import PREFIX_SIZE, reference_decode
from tests.codec.strategies import changes

EXAMPLES = sorted((Path(__file__).parents[1] / "data").glob("*/changes.jsonl"))
CHANGE = Change(
    system="mine-7",
    version=300,
    at=1563531134999,
    kind="unit_changed",
    unit="3/158/4/37",
    before={"detonator_status": True, "uid": None, "delay": 25},
    after={"detonator_status": False, "uid": "27.67.233.60", "delay": 50},
    source="ps-1",
    sequence=12,
    deadline=False,
    details={},
)


def test_a_known_value() -> None:
    bare = Change("m", 1, 2, "k", None, {}, {"a": True, "b": -1}, None, 3, True, {"c": None, "d": "e"})
    parts = [
        "026d",  # system
        "02",  # version
        "04",  # at
        "026b",  # kind
        "00",  # unit: null
        "00",  # before: no entries
        "04026102010262040100",  # after: two entries, end
        "00",  # source: null
        "0206",  # sequence
        "01",  # deadline
        "04026300026406026500",  # details
    ]
    assert encode_change(bare)[PREFIX_SIZE:].hex() == "".join(parts)


@given(changes)
def test_a_change_is_written_as_fastavro_writes_it(change: Change) -> None:
    assert encode_change(change) == SCHEMAS.encode("change", change._asdict())


@given(changes)
def test_a_change_is_read_as_fastavro_and_avro_read_it(change: Change) -> None:
    value = encode_change(change)
    record = SCHEMAS.decode("change", value)
    assert change == decode_change(value) == Change(**record) == Change(**reference_decode("change", value))
    # True equals 1 in Python, but not in what a reader sees.
    assert json.dumps(change_to_json(decode_change(value))) == json.dumps(change_to_json(change))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_change_of_the_examples_comes_back_as_it_was(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        change = Change(**json.loads(line))
        assert json.dumps(change_to_json(decode_change(encode_change(change))), ensure_ascii=False) == line


def test_maps_in_blocks_are_read_too() -> None:
    """Writers may cut a map into blocks, and say their sizes: Avro allows it."""
    plain = encode_change(CHANGE._replace(details={"a": True, "b": 1}))
    entries = bytes.fromhex("0261020102620402")
    assert plain.endswith(b"\x04" + entries + b"\x00")
    head = plain.removesuffix(b"\x04" + entries + b"\x00")
    in_two_blocks = head + b"\x02" + entries[:4] + b"\x02" + entries[4:] + b"\x00"
    with_its_size = head + b"\x03" + b"\x10" + entries + b"\x00"
    assert decode_change(in_two_blocks) == decode_change(with_its_size) == decode_change(plain)


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2**63},
        {"at": -(2**63) - 1},
        {"sequence": 2**64},
        {"after": {"delay": 2**63}},
        {"after": {"delay": 1.5}},
        {"system": "\ud800"},
        {"details": {"note": "\udfff"}},
    ],
)
def test_what_does_not_fit_is_not_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnwritableValue):
        encode_change(CHANGE._replace(**wrong))


def test_a_value_that_is_cut_anywhere_is_unreadable() -> None:
    value = encode_change(CHANGE)
    for length in range(len(value)):
        with pytest.raises(UnreadableValue):
            decode_change(value[:length])
    with pytest.raises(UnreadableValue, match="1 bytes follow"):
        decode_change(value + b"\0")


@given(changes, st.data())
def test_damage_is_read_as_fastavro_reads_it(change: Change, data: st.DataObject) -> None:
    value = bytearray(encode_change(change))
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    assert_read_as_fastavro_reads_it(bytes(value))


@given(st.binary(max_size=100))
def test_noise_is_read_as_fastavro_reads_it(noise: bytes) -> None:
    assert_read_as_fastavro_reads_it(SCHEMAS.newest("change").prefix + noise)


def assert_read_as_fastavro_reads_it(value: bytes) -> None:
    """Another change, or unreadable: nothing else happens."""
    try:
        change = Change(**SCHEMAS.decode("change", value))
    except UnreadableValue:
        with pytest.raises(UnreadableValue):
            decode_change(value)
    else:
        assert decode_change(value) == change
