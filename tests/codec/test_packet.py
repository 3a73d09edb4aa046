import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec import packet
from stateserver.codec.binary import long_bytes, string_bytes
from stateserver.codec.packet import (
    Kind,
    PacketHeader,
    UnwritablePacket,
    read_packet,
    read_strictly,
    write_packet,
    write_packet_prefix,
)
from stateserver.codec.schemas import SCHEMAS, SchemaRegistry, parse_schema
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Reason, Rejected
from tests.codec.reference import reference_decode, reference_encode, schema_document
from tests.codec.strategies import packet_records

PREFIX = bytes.fromhex("c301f5e08f2b0035ef74")
RECORD: dict[str, Any] = {
    "system": "mine-7",
    "source": "ps-1",
    "sequence": 12,
    "created_at": 1563531134999,
    "mode": Mode.AXXIS100,
    "kind": Kind.FRAME,
    "key_id": "ps-1",
    "nonce": b"twelve bytes",
    "ciphertext": bytes(range(150)),
}

IN_THE_CLEAR = ("system", "source", "sequence", "created_at", "mode", "kind", "key_id")


def value_of(**changed: Any) -> bytes:
    return SCHEMAS.encode("packet", RECORD | changed)


VALUE = value_of()


def rejection_of(value: bytes, schemas: SchemaRegistry = SCHEMAS) -> Rejected:
    with pytest.raises(Rejected) as caught:
        read_packet(value, schemas)
    assert caught.value.reason is Reason.BAD_ENCODING
    assert caught.value.detail
    return caught.value


def as_record(header: PacketHeader) -> dict[str, Any]:
    record = header._asdict()
    del record["associated_data"]
    return record


def test_a_known_value() -> None:
    value = bytes.fromhex(
        "c301f5e08f2b0035ef740c6d696e652d370870732d3118aea0be9b815b00000870732d31"  # up to the nonce
        "6465666768696a6b6c6d6e6f"
        "34e2b1d46e79fe535e4f74ef8bb813b734505887563caeb2fe4b9a"
    )
    assert read_packet(value) == PacketHeader(
        system="mine-7",
        source="ps-1",
        sequence=12,
        created_at=1563531134999,
        mode=Mode.AXXIS100,
        kind=Kind.FRAME,
        key_id="ps-1",
        nonce=b"defghijklmno",
        ciphertext=value[-26:],
        associated_data=value[:36],
    )


@given(packet_records)
def test_a_record_is_read_as_fastavro_and_avro_read_it(record: dict[str, Any]) -> None:
    value = SCHEMAS.encode("packet", record)
    header = read_packet(value)
    assert as_record(header) == record == SCHEMAS.decode("packet", value) == reference_decode("packet", value)
    assert value == header.associated_data + header.nonce + long_bytes(len(header.ciphertext)) + header.ciphertext
    # A second time its names are known, and the quick reader may take it.
    assert read_packet(value) == read_strictly(value) == header


@given(packet_records)
def test_a_record_is_written_as_fastavro_and_avro_write_it(record: dict[str, Any]) -> None:
    header = {name: record[name] for name in IN_THE_CLEAR}
    value = write_packet(write_packet_prefix(**header), record["nonce"], record["ciphertext"])
    assert value == SCHEMAS.encode("packet", record) == PREFIX + reference_encode("packet", record)


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_do_more_than_be_rejected(noise: bytes, behind_prefix: bool) -> None:
    assert_rejected_or_right(PREFIX + noise if behind_prefix else noise)


@given(st.data())
def test_no_damage_does_more_than_be_rejected(data: st.DataObject) -> None:
    value = bytearray(SCHEMAS.encode("packet", data.draw(packet_records)))
    read_packet(bytes(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(value)))
        length = data.draw(st.integers(0, 2))
        value[at : at + length] = data.draw(st.binary(max_size=2))
    assert_rejected_or_right(bytes(value))


def header_or_reason(value: bytes, schemas: SchemaRegistry = SCHEMAS) -> PacketHeader | Reason:
    try:
        return read_packet(value, schemas)
    except Rejected as rejected:
        return rejected.reason


def assert_rejected_or_right(value: bytes) -> None:
    """What is accepted is the one right form of what was read; and both readers say so."""
    found = header_or_reason(value)
    if isinstance(found, PacketHeader):
        assert SCHEMAS.encode("packet", as_record(found)) == value
        assert read_strictly(value) == found
    else:
        assert found is Reason.BAD_ENCODING


@pytest.mark.parametrize("value", [VALUE, value_of(system="s" * 200), value_of(ciphertext=b"")])
def test_a_value_that_is_cut_anywhere_is_rejected(value: bytes) -> None:
    read_packet(value)  # so that the quick reader knows its names
    for length in range(len(value)):
        rejection_of(value[:length])


def test_bytes_behind_the_end_are_rejected() -> None:
    read_packet(VALUE)
    assert "1 bytes follow" in rejection_of(VALUE + b"\0").detail


def body(**parts: bytes) -> bytes:
    """A record, part by part, some of them not as they should be."""
    right = {
        "system": string_bytes("mine-7"),
        "source": string_bytes("ps-1"),
        "sequence": long_bytes(12),
        "created_at": long_bytes(1563531134999),
        "mode": long_bytes(0),
        "kind": long_bytes(0),
        "key_id": string_bytes("ps-1"),
        "nonce": bytes(12),
        "ciphertext": long_bytes(16) + bytes(16),
    }
    return PREFIX + b"".join((right | parts).values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"system": string_bytes("")},
        {"system": string_bytes("north/7")},
        {"system": string_bytes("s" * 1025)},
        {"system": b"\x02\xff"},
        {"system": b"\x06\xed\xa0\x80"},
        {"system": b"\x01mine-7"},
        {"system": b"\x8c\x00mine-7"},
        {"source": string_bytes("s" * 1025)},
        {"source": b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01ps-1"},
        {"sequence": b"\x98\x00"},
        {"sequence": long_bytes(2**53)},
        {"sequence": long_bytes(-(2**53))},
        {"sequence": b"\xff" * 9 + b"\x02"},
        {"created_at": b"\xae\xa0\xbe\x9b\x81\xdb\x00"},
        {"created_at": b"\x80\x80\x80\x80\x80\x00"},
        {"mode": long_bytes(7)},
        {"mode": long_bytes(-1)},
        {"kind": long_bytes(3)},
        {"kind": long_bytes(-1)},
        {"key_id": string_bytes("k" * 1025)},
        {"ciphertext": b"\xa0\x00" + bytes(16)},
        {"ciphertext": b"\x1f" + bytes(16)},
    ],
    ids=lambda wrong: "-".join(f"{name}:{part[:12].hex()}" for name, part in wrong.items()),
)
def test_what_no_encoder_writes_is_rejected(wrong: dict[str, bytes]) -> None:
    read_packet(body())
    rejection_of(body(**wrong))


def test_names_of_every_allowed_length_are_read() -> None:
    for length in (1, 63, 64, 127, 128, 1024):
        name = "s" * length
        assert read_packet(value_of(system=name, source=name, key_id=name)).system == name


def test_what_strangers_send_does_not_fill_the_memory() -> None:
    for number in range(packet._REMEMBERED_MAX + 10):
        read_packet(value_of(system=f"stranger-{number}"))
    assert len(packet._names) <= packet._REMEMBERED_MAX
    assert read_packet(VALUE) == read_strictly(VALUE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"system": ""},
        {"system": "a/b"},
        {"system": "\ud800"},
        {"source": "\udfff"},
        {"sequence": 2**53},
        {"key_id": "k" * 2000},
    ],
)
def test_what_would_be_rejected_is_not_written(wrong: dict[str, Any]) -> None:
    header = {name: RECORD[name] for name in IN_THE_CLEAR} | wrong
    with pytest.raises(UnwritablePacket):
        write_packet_prefix(**header)


def later_version() -> SchemaRegistry:
    """Two fields more, one of them before the nonce, and a kind more."""
    second = json.loads(json.dumps(schema_document("packet")))
    second["fields"].insert(2, {"name": "shift", "type": "string", "default": ""})
    second["fields"].append({"name": "note", "type": ["null", "string"], "default": None})
    kind = next(field["type"] for field in second["fields"] if field["name"] == "kind")
    kind["symbols"].append("REMARK")
    return SchemaRegistry([SCHEMAS.version("packet", 1), parse_schema("packet", 2, second)])


LATER = later_version()


@given(packet_records, st.text(max_size=9), st.none() | st.text(max_size=9))
def test_a_later_version_is_resolved_and_its_associated_data_end_before_its_nonce(
    record: dict[str, Any], shift: str, note: str | None
) -> None:
    value = LATER.encode("packet", {**record, "shift": shift, "note": note})
    header = read_packet(value, LATER)
    assert as_record(header) == record
    assert value[len(header.associated_data) :].startswith(header.nonce)
    assert header.associated_data.endswith(string_bytes(record["key_id"]))
    rejection_of(value)
    rejection_of(value + b"\0", LATER)
    rejection_of(value[:-1], LATER)


@given(st.data())
def test_no_damage_to_a_later_version_does_more_than_be_rejected(data: st.DataObject) -> None:
    value = bytearray(LATER.encode("packet", {**RECORD, "shift": "night", "note": None}))
    value[data.draw(st.integers(10, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = bytes(value)
    found = header_or_reason(damaged, LATER)
    if isinstance(found, PacketHeader):
        assert LATER.encode("packet", LATER.decode("packet", damaged)) == damaged
    else:
        assert found is Reason.BAD_ENCODING


def test_a_later_version_in_a_form_that_no_encoder_writes_is_rejected() -> None:
    value = LATER.encode("packet", {**RECORD, "shift": "night", "note": None})
    assert value[10:11] == b"\x0c"
    rejection_of(value[:10] + b"\x8c\x00" + value[11:], LATER)


def test_what_only_a_later_version_knows_is_rejected() -> None:
    rejection_of(LATER.encode("packet", {**RECORD, "shift": "", "note": None, "kind": "REMARK"}), LATER)


def test_a_later_versions_system_must_be_one_too() -> None:
    rejection_of(LATER.encode("packet", {**RECORD, "shift": "", "note": None, "system": "a/b"}), LATER)
