import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.schemas import SCHEMAS, UnreadableValue, UnwritableValue
from stateserver.codec.unit import UnitRow, decode_unit, encode_unit
from tests.codec.reference import reference_decode
from tests.codec.strategies import field_maps, longs, system_ids, unicode_texts

EXAMPLES = sorted((Path(__file__).parents[1] / "data").glob("*/units.jsonl"))
ROW = UnitRow("mine-7", "3/158/4/37", 300, {"type": 4, "detonator_status": True, "uid": "27.67.233.60"})
rows = st.builds(UnitRow, system=system_ids, unit=unicode_texts, version=longs, fields=field_maps)


@given(rows)
def test_a_unit_is_written_and_read_as_fastavro_and_avro_do(row: UnitRow) -> None:
    value = encode_unit(row)
    assert value == SCHEMAS.encode("unit", row._asdict())
    assert row == decode_unit(value) == UnitRow(**SCHEMAS.decode("unit", value))
    assert row == UnitRow(**reference_decode("unit", value))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_unit_of_the_examples_comes_back_as_it_was(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        fields = json.loads(line)
        row = UnitRow(fields.pop("system"), fields.pop("unit"), 1, fields)
        assert json.dumps(decode_unit(encode_unit(row)).fields) == json.dumps(fields)


def test_what_does_not_fit_is_not_written() -> None:
    with pytest.raises(UnwritableValue):
        encode_unit(ROW._replace(version=2**63))


def test_a_value_that_is_cut_anywhere_is_unreadable() -> None:
    value = encode_unit(ROW)
    for length in range(len(value)):
        with pytest.raises(UnreadableValue):
            decode_unit(value[:length])
    with pytest.raises(UnreadableValue, match="1 bytes follow"):
        decode_unit(value + b"\0")


@given(rows, st.data())
def test_damage_is_read_as_fastavro_reads_it(row: UnitRow, data: st.DataObject) -> None:
    damaged = bytearray(encode_unit(row))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    value = bytes(damaged)
    try:
        expected = UnitRow(**SCHEMAS.decode("unit", value))
    except UnreadableValue:
        with pytest.raises(UnreadableValue):
            decode_unit(value)
    else:
        assert decode_unit(value) == expected
