import json
from pathlib import Path
from typing import Any

import avro.schema
import pytest

from stateserver.codec.schemas import (
    MARKER,
    SCHEMAS,
    SchemaRegistry,
    SchemaTrouble,
    UnreadableValue,
    UnwritableValue,
    parse_schema,
)
from stateserver.domain.change import Change
from stateserver.protocol.modes import Mode
from tests.codec.reference import SCHEMA_DIRECTORY, schema_document

NAMES = ["packet", "change", "unit", "blast", "system", "rejected", "still", "claim", "heartbeat"]
EMPTY_CRC = 0xC15D213AA4D7A795
UNIT = {"system": "mine-7", "unit": "3/158", "version": 4, "fields": {"mains": True, "delay": 1, "uid": None}}


def crc_64_avro(text: bytes) -> int:
    """As Avro's specification puts it, bit by bit."""
    remainder = EMPTY_CRC
    for byte in text:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (EMPTY_CRC & -(remainder & 1))
    return remainder


def test_the_fingerprint_of_a_packet_is_the_one_that_packet_servers_write() -> None:
    assert SCHEMAS.newest("packet").prefix.hex() == "c301f5e08f2b0035ef74"


def test_a_fingerprint_is_the_crc_of_the_canonical_form_low_byte_first() -> None:
    text = (
        '{"name":"stateserver.Unit","type":"record","fields":[{"name":"system","type":"string"},'
        '{"name":"unit","type":"string"},{"name":"version","type":"long"},{"name":"fields","type":'
        '{"type":"map","values":["null","boolean","long","string"]}}]}'
    )
    assert SCHEMAS.newest("unit").prefix == MARKER + crc_64_avro(text.encode()).to_bytes(8, "little")


def versions() -> list[tuple[str, int]]:
    return [
        (name, version) for name in NAMES for version in range(1, len(list(SCHEMA_DIRECTORY.glob(f"{name}.*"))) + 1)
    ]


@pytest.mark.parametrize(("name", "version"), versions())
def test_each_schema_is_one_by_avros_own_package_and_says_what_every_field_means(name: str, version: int) -> None:
    document = schema_document(name, version)
    avro.schema.parse(json.dumps(document))
    assert (document["name"], document["namespace"]) == (name.capitalize(), "stateserver")
    assert document["doc"]
    assert all(field["doc"].endswith((".", "etc.")) for field in document["fields"])


def test_there_is_no_other_schema() -> None:
    assert {path.name.partition(".")[0] for path in SCHEMA_DIRECTORY.iterdir()} == set(NAMES)


def test_a_packet_has_the_fields_and_modes_of_the_contract_in_their_order() -> None:
    fields = {field["name"]: field["type"] for field in schema_document("packet")["fields"]}
    assert list(fields) == [
        *("system", "source", "sequence", "created_at", "mode", "kind", "key_id", "nonce", "ciphertext")
    ]
    assert fields["mode"]["symbols"] == [str(mode) for mode in Mode]
    assert fields["kind"]["symbols"] == ["FRAME", "TICK", "COMMAND"]


def test_a_change_has_the_fields_that_the_core_gives() -> None:
    assert tuple(field["name"] for field in schema_document("change")["fields"]) == Change._fields


def test_a_record_is_read_as_it_was_written() -> None:
    assert SCHEMAS.decode("unit", SCHEMAS.encode("unit", UNIT)) == UNIT


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"", "marker"),
        (b"\xc3", "marker"),
        (b"\xc3\x02" + bytes(20), "marker"),
        (MARKER, "unknown fingerprint"),
        (MARKER + bytes(8), "unknown fingerprint"),
        (SCHEMAS.encode("unit", UNIT)[:9], "unknown fingerprint"),
        (SCHEMAS.newest("change").prefix + SCHEMAS.encode("unit", UNIT)[10:], "unknown fingerprint"),
        (SCHEMAS.encode("unit", UNIT)[:-1], "truncated"),
        (SCHEMAS.encode("unit", UNIT) + b"\0", "1 bytes follow"),
    ],
)
def test_what_is_no_such_value_is_unreadable_and_says_why(value: bytes, why: str) -> None:
    with pytest.raises(UnreadableValue, match=why):
        SCHEMAS.decode("unit", value)


@pytest.mark.parametrize(
    "wrong", [{"version": 2**63}, {"version": "4"}, {"unit": None}, {"fields": {"a": 1.5}}, {"more": 1}]
)
def test_a_record_that_does_not_fit_is_not_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnwritableValue):
        SCHEMAS.encode("unit", UNIT | wrong)


class TestVersions:
    """A second version beside the first: what writers wrote before stays readable."""

    @pytest.fixture
    def both(self, tmp_path: Path) -> SchemaRegistry:
        first = schema_document("unit")
        second = json.loads(json.dumps(first))
        second["fields"].insert(2, {"name": "place", "type": ["null", "string"], "default": None})
        (tmp_path / "unit.avsc").write_text(json.dumps(first))
        (tmp_path / "unit.v2.avsc").write_text(json.dumps(second))
        return SchemaRegistry.from_directory(tmp_path)

    def test_the_newest_is_written(self, both: SchemaRegistry) -> None:
        assert both.newest("unit").version == 2
        value = both.encode("unit", {**UNIT, "place": "Ort 12"})
        assert value.startswith(both.version("unit", 2).prefix)
        assert both.decode("unit", value) == {**UNIT, "place": "Ort 12"}

    def test_an_older_value_is_resolved_into_the_newest(self, both: SchemaRegistry) -> None:
        assert both.decode("unit", SCHEMAS.encode("unit", UNIT)) == {**UNIT, "place": None}

    def test_a_reader_that_lacks_a_newer_version_says_so(self, both: SchemaRegistry) -> None:
        with pytest.raises(UnreadableValue, match="unknown fingerprint"):
            SCHEMAS.decode("unit", both.encode("unit", {**UNIT, "place": None}))

    def test_two_versions_that_say_the_same_are_refused(self) -> None:
        document = schema_document("unit")
        with pytest.raises(SchemaTrouble, match="says the same"):
            SchemaRegistry([parse_schema("unit", 1, document), parse_schema("unit", 2, document)])


class TestBrokenSchemas:
    def test_no_schemas_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(SchemaTrouble, match="no schemas"):
            SchemaRegistry.from_directory(tmp_path)

    @pytest.mark.parametrize("text", ["", "{", '"string"', '{"type": "nothing"}'])
    def test_a_file_that_is_no_record_schema(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "unit.avsc").write_text(text)
        with pytest.raises(SchemaTrouble, match="unit"):
            SchemaRegistry.from_directory(tmp_path)

    def test_a_schema_or_version_that_is_not_there(self) -> None:
        with pytest.raises(SchemaTrouble, match="no schema thing"):
            SCHEMAS.newest("thing")
        with pytest.raises(SchemaTrouble, match="no schema unit v9"):
            SCHEMAS.version("unit", 9)
