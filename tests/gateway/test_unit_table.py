"""Units as a gateway holds them: what went in comes out, in path order, in pages without gap or repeat."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.schemas import SCHEMAS, write_value
from stateserver.codec.unit import RawUnit, UnitRow, decode_unit, encode_unit, split_unit
from stateserver.domain.change import Change, Fields
from stateserver.domain.paths import path_key
from stateserver.gateway import unit_pages
from stateserver.gateway.change_log import logged
from stateserver.gateway.refusals import BadRequest
from stateserver.gateway.unit_pages import Choice, page_of
from stateserver.gateway.unit_table import UnitTable, parent_of, raw_unit, unit_type
from stateserver.protocol.commands import UnitType

numbers = st.integers(0, 3)
paths = st.one_of(
    st.builds("{}/{}".format, numbers, numbers), st.builds("3/{}/4/{}".format, numbers, st.integers(1, 120))
)
fields = st.dictionaries(
    st.sampled_from(["communication_status", "label", "as_of", "mains"]),
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.text(max_size=5)),
)
tables = st.dictionaries(paths, st.tuples(st.integers(1, 2**40), fields), max_size=40)


def table_of(units: dict[str, tuple[int, Fields]]) -> UnitTable:
    table = UnitTable()
    for path, (version, held) in units.items():
        table.put(path, version, held)
    return table


@given(tables, st.lists(paths, max_size=20))
def test_it_holds_what_was_put_and_not_dropped(units: dict[str, tuple[int, Fields]], dropped: list[str]) -> None:
    table = table_of(units)
    latest = max((version for version, _ in units.values()), default=0)
    before = table.copy()
    for path in dropped:
        table.drop(path)
        units.pop(path, None)
    assert table == {path: held for path, (_, held) in units.items()}
    assert len(table) == len(units)
    assert table.latest == before.latest == latest
    for path in dropped:
        assert path not in table
        assert table.version(path) == 0
    for path, (version, _) in units.items():
        assert table.version(path) == version
    in_order = [path for head in table.heads() for path in table.group(head)]
    assert in_order == sorted(units, key=path_key)


@given(
    tables,
    st.builds(Choice, st.none() | numbers, st.none() | paths, st.none() | st.booleans(), st.none()),
    st.integers(1, 7),
)
def test_pages_give_each_unit_that_is_wanted_once(
    units: dict[str, tuple[int, Fields]], wanted: Choice, limit: int
) -> None:
    table = table_of(units)
    found: list[tuple[str, Fields]] = []
    after = None
    while True:
        page = page_of(table, wanted, after, limit)
        found += page.units
        assert len(page.units) <= limit
        if page.next is None:
            break
        assert len(page.units) == limit
        after = page.next
    expected = [
        (path, held)
        for path, (_, held) in sorted(units.items(), key=lambda unit: path_key(unit[0]))
        if wanted.type in (None, unit_type(path))
        and wanted.parent in (None, parent_of(path))
        and wanted.communicating in (None, held.get("communication_status") is True)
    ]
    assert found == expected


def test_a_page_does_not_look_into_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_pages, "LOOKED_AT_MAX", 10)
    table = table_of({f"3/1/4/{window}": (1, {"label": f"Row {window}"}) for window in range(1, 31)})
    first = page_of(table, Choice(label="row 25"), None, 5)
    assert (first.units, first.next) == ([], "3/1/4/10")
    assert page_of(table, Choice(label="ROW 25"), "3/1/4/20", 5).units == [("3/1/4/25", {"label": "Row 25"})]


def test_a_place_that_is_no_path_is_refused() -> None:
    with pytest.raises(BadRequest, match="no unit's path"):
        page_of(UnitTable(), Choice(), "nonsense", 1)


@given(st.integers(0, 2**40), fields)
def test_a_unit_is_the_same_by_its_head_alone(version: int, held: Fields) -> None:
    row = UnitRow("Grube å", "3/1/4/2", version, held)
    raw = raw_unit(row)
    assert (raw.system, raw.unit, raw.version) == row[:3]
    assert raw.value() == encode_unit(row)
    assert split_unit(raw.value()) == raw


def test_a_form_that_others_write_is_read_too() -> None:
    """A map in blocks that tell their size: right, but not as the worker writes it."""
    row = UnitRow("site", "3/1", 7, {"mains": True})
    usual = encode_unit(row)
    block = usual[-10:-1]
    assert block[:1] == b"\x02"
    unusual = usual[:-10] + b"\x01" + bytes([2 * len(block[1:])]) + block[1:] + b"\x00"
    assert decode_unit(unusual) == row
    table = UnitTable()
    table.put_raw(split_unit(unusual))
    assert table["3/1"] == row.fields
    newest = SCHEMAS.newest("unit")
    assert split_unit(write_value(newest, row._asdict())) == RawUnit("site", "3/1", 7, raw_unit(row).raw)


deep = st.lists(st.integers(0, 12), min_size=1, max_size=3).map(lambda rest: "/".join(map(str, rest)))


@given(st.lists(st.one_of(paths, st.builds("{}/{}/{}".format, numbers, numbers, deep))))
def test_all_but_one_type_are_told_by_the_whole_path(held: list[str]) -> None:
    table = table_of({path: (1, {}) for path in held})
    assert set(table.without(UnitType.DETONATOR)) == {path for path in held if unit_type(path) != UnitType.DETONATOR}


@given(st.text(max_size=9), fields, st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)))
def test_a_change_is_the_json_that_any_encoder_makes_of_it(text: str, held: Fields, number: int | None) -> None:
    change = Change(text, 1, 2, "unit_changed", text, held, held, None, number, False, held)
    expected = json.dumps(change._asdict(), ensure_ascii=False, separators=(",", ":"))
    assert logged(change).json == expected.encode()
