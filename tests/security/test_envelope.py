"""Known answers were made with another implementation of AES-GCM (Node's)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.packet import Kind, UnwritablePacket, write_packet, write_packet_prefix
from stateserver.codec.schemas import SCHEMAS
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Reason, Rejected
from stateserver.security.envelope import (
    TIME_MS_MAX,
    SealingRefused,
    open_record,
    seal,
    seal_with,
)
from stateserver.security.keyring import KeyRing, KeyRingTrouble
from tests.codec.strategies import system_ids, times_ms, unicode_texts
from tests.security.rings import key_document, ring

RING = ring()
NOW = 1563531134999
FRAME = bytes.fromhex("aaaa0a08001705c07116")
COMMAND = '{"action":"label_unit","unit":"3/158","label":"Ort 12 å","actor":"anna"}'.encode()
NONCE = bytes(range(100, 112))
VALUE = seal(RING, Kind.FRAME, "mine-7", "ps-1", 12, NOW, Mode.AXXIS100, FRAME)


def reason_of(key: bytes | None, value: bytes | None, appended_at: int | None = NOW, ring: KeyRing = RING) -> Reason:
    with pytest.raises(Rejected) as caught:
        open_record(ring, key, value, appended_at)
    assert caught.value.detail
    return caught.value.reason


def one_key_ring(key_id: str, uses: list[str]) -> KeyRing:
    return KeyRing.from_document({"keys": [key_document(key_id, uses)]})


KNOWN = [
    (
        one_key_ring("ps-1", ["FRAME"]),
        (Kind.FRAME, "mine-7", "ps-1", 12, NOW, Mode.AXXIS100, FRAME),
        FrameRecord(NOW, Mode.AXXIS100, "ps-1", 12, FRAME),
        (
            "c301f5e08f2b0035ef740c6d696e652d370870732d3118aea0be9b815b00000870732d31"
            "6465666768696a6b6c6d6e6f"
            "34e2b1d46e79fe535e4f74ef8bb813b734505887563caeb2fe4b9a"
        ),
    ),
    (
        one_key_ring("worker-1", ["TICK"]),
        (Kind.TICK, "Grube Süd", "", 0, 1563531554999, Mode.IBS, b""),
        TickRecord(1563531554999, Mode.IBS),
        (
            "c301f5e08f2b0035ef741447727562652053c3bc640000eec2f19b815b0c0210776f726b65722d31"
            "6465666768696a6b6c6d6e6f"
            "20ec7b1ca2020dca7021e6b62f7f59951b"
        ),
    ),
    (
        one_key_ring("gateway-1", ["COMMAND"]),
        (Kind.COMMAND, "mine-7", "gateway", 0, 1563531200000, Mode.AXXIS100, COMMAND),
        CommandRecord(1563531200000, Mode.AXXIS100, COMMAND),
        (
            "c301f5e08f2b0035ef740c6d696e652d370e67617465776179008098c69b815b000412676174657761792d31"
            "6465666768696a6b6c6d6e6f"
            "b2013339bf050d8039f01c587d84bb070f911db76863ff4edf50d2bfc53cd999877bbbd875f86e3eb9689c911d53df78e8"
            "80692fb8d6126a828dd8dd8eb78cf5caf82ab6f96fb8255a27f69143b9f7177ddb01c0a434cb140a3ebe"
        ),
    ),
]


@pytest.mark.parametrize(("keys", "given_parts", "record", "sealed"), KNOWN, ids=["frame", "tick", "command"])
def test_a_known_value(keys: KeyRing, given_parts: tuple[Any, ...], record: Record, sealed: str) -> None:
    assert seal_with(keys.all_keys()[0], NONCE, *given_parts).hex() == sealed
    system = given_parts[1]
    assert open_record(keys, system.encode(), bytes.fromhex(sealed), None) == (system, record)


@given(system_ids, unicode_texts, st.integers(0, 2**53 - 1), times_ms, st.sampled_from(list(Mode)), st.binary())
def test_a_frame_is_opened_as_it_was_sealed(
    system: str, source: str, sequence: int, created_at: int, mode: Mode, frame: bytes
) -> None:
    value = seal(RING, Kind.FRAME, system, source, sequence, created_at, mode, frame)
    record = FrameRecord(created_at, mode, source, sequence, frame)
    assert open_record(RING, system.encode(), value, None) == (system, record)
    assert frame == b"" or len(frame) < 8 or frame not in value


@given(system_ids, times_ms, st.sampled_from(list(Mode)), st.binary())
def test_ticks_and_commands_are_opened_as_they_were_sealed(
    system: str, created_at: int, mode: Mode, command: bytes
) -> None:
    tick = seal(RING, Kind.TICK, system, "", 0, created_at, mode, b"")
    assert open_record(RING, system.encode(), tick, None) == (system, TickRecord(created_at, mode))
    sealed = seal(RING, Kind.COMMAND, system, "gateway", 0, created_at, mode, command)
    assert open_record(RING, system.encode(), sealed, None) == (system, CommandRecord(created_at, mode, command))


def test_no_two_seals_are_alike() -> None:
    sealed = {seal(RING, Kind.TICK, "mine-7", "", 0, NOW, Mode.IBS, b"") for _ in range(100)}
    assert len(sealed) == 100


@pytest.mark.parametrize(
    "value",
    [
        VALUE,
        seal(RING, Kind.TICK, "mine-7", "", 0, NOW, Mode.IBS, b""),
        seal(RING, Kind.COMMAND, "mine-7", "gateway", 0, NOW, Mode.HYDRA, COMMAND),
    ],
    ids=["frame", "tick", "command"],
)
def test_no_value_with_a_flipped_bit_is_opened(value: bytes) -> None:
    named = {Reason.BAD_ENCODING, Reason.KEY_MISMATCH, Reason.UNKNOWN_KEY, Reason.KEY_NOT_ALLOWED, Reason.BAD_SEAL}
    assert open_record(RING, b"mine-7", value, NOW)
    for bit in range(len(value) * 8):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        assert reason_of(b"mine-7", bytes(flipped)) in named


@given(st.data())
def test_no_damaged_value_is_opened(data: st.DataObject) -> None:
    value = bytearray(VALUE)
    at = data.draw(st.integers(0, len(value)))
    value[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    if bytes(value) == VALUE:
        assert open_record(RING, b"mine-7", bytes(value), NOW)
    else:
        assert reason_of(b"mine-7", bytes(value)) is not Reason.BAD_TIME


@given(st.none() | st.binary(max_size=80), st.none() | st.binary(max_size=20), st.none() | st.integers())
def test_no_bytes_do_more_than_be_rejected(noise: bytes | None, key: bytes | None, appended_at: int | None) -> None:
    value = None if noise is None else SCHEMAS.newest("packet").prefix + noise
    assert reason_of(key, value, appended_at) in set(Reason)


def changed(**clear: Any) -> bytes:
    """VALUE with a field in the clear changed, and all that is sealed as it was."""
    header: dict[str, Any] = {
        "system": "mine-7",
        "source": "ps-1",
        "sequence": 12,
        "created_at": NOW,
        "mode": Mode.AXXIS100,
        "kind": Kind.FRAME,
        "key_id": "ps-1",
    }
    behind_header = VALUE[len(write_packet_prefix(**header)) :]
    return write_packet_prefix(**(header | clear)) + behind_header


@pytest.mark.parametrize(
    "clear",
    [{"system": "mine-8"}, {"source": "ps-2"}, {"sequence": 13}, {"created_at": NOW - 1}, {"mode": Mode.IBS}],
    ids=lambda clear: next(iter(clear)),
)
def test_no_field_in_the_clear_can_be_changed(clear: dict[str, Any]) -> None:
    assert changed() == VALUE
    assert reason_of(clear.get("system", "mine-7").encode(), changed(**clear)) is Reason.BAD_SEAL


def test_a_kind_or_key_id_cannot_be_changed_even_where_the_key_is_the_same() -> None:
    same = KeyRing.from_document(
        {"keys": [key_document("ps-1", ["FRAME", "COMMAND"]), key_document("ps-2", ["FRAME"])]}
    )
    assert open_record(same, b"mine-7", VALUE, NOW)
    assert reason_of(b"mine-7", changed(kind=Kind.COMMAND), ring=same) is Reason.BAD_SEAL
    assert reason_of(b"mine-7", changed(key_id="ps-2"), ring=same) is Reason.BAD_SEAL


class TestReasons:
    """Each reason where it is the first that holds, with later ones holding as well."""

    def test_bad_encoding(self) -> None:
        assert reason_of(b"other", None) is Reason.BAD_ENCODING
        assert reason_of(b"other", b"") is Reason.BAD_ENCODING
        assert reason_of(b"other", VALUE + b"\0") is Reason.BAD_ENCODING
        assert reason_of(b"other", b"\0\0\0\0\1" + VALUE) is Reason.BAD_ENCODING

    @pytest.mark.parametrize("key", [None, b"", b"mine-70", b"MINE-7", b"\xff"])
    def test_key_mismatch(self, key: bytes | None) -> None:
        assert reason_of(key, changed(key_id="nobody")) is Reason.KEY_MISMATCH

    def test_unknown_key(self) -> None:
        assert reason_of(b"mine-7", changed(key_id="nobody", kind=Kind.TICK)) is Reason.UNKNOWN_KEY

    def test_key_not_allowed(self) -> None:
        assert reason_of(b"mine-7", changed(kind=Kind.TICK)) is Reason.KEY_NOT_ALLOWED
        assert reason_of(b"mine-7", changed(key_id="ps-north")) is Reason.KEY_NOT_ALLOWED

    def test_bad_seal(self) -> None:
        assert reason_of(b"mine-7", changed(created_at=-1)) is Reason.BAD_SEAL
        for size in (0, 15, 16, 17):
            short = write_packet(
                write_packet_prefix("mine-7", "", 1, NOW, Mode.IBS, Kind.FRAME, "ps-1"), NONCE, bytes(size)
            )
            assert reason_of(b"mine-7", short) is Reason.BAD_SEAL

    def test_bad_seal_by_another_key_of_the_same_id(self) -> None:
        other = KeyRing.from_document({"keys": [key_document("ps-1", ["FRAME"], None, bytes(32))]})
        assert reason_of(b"mine-7", VALUE, ring=other) is Reason.BAD_SEAL

    @pytest.mark.parametrize("created_at", [-1, -(2**63), TIME_MS_MAX + 1, 2**63 - 1])
    @pytest.mark.parametrize("appended_at", [None, NOW])
    def test_bad_time(self, created_at: int, appended_at: int | None) -> None:
        value = sealed_anyhow(Kind.FRAME, "ps-1", created_at, FRAME)
        assert reason_of(b"mine-7", value, appended_at) is Reason.BAD_TIME

    def test_a_tick_with_a_body_is_no_tick(self) -> None:
        assert reason_of(b"mine-7", sealed_anyhow(Kind.TICK, "worker-1", NOW, b"!")) is Reason.BAD_ENCODING


def sealed_anyhow(kind: Kind, key_id: str, created_at: int, body: bytes) -> bytes:
    """A record that seal itself would refuse to make."""
    associated_data = write_packet_prefix("mine-7", "", 0, created_at, Mode.IBS, kind, key_id)
    return write_packet(associated_data, NONCE, RING.key(key_id).cipher.encrypt(NONCE, body, associated_data))


class TestTime:
    @pytest.mark.parametrize("ahead_ms", [-5, 0, 1, 600_001, NOW])
    def test_a_record_that_is_ahead_of_its_arrival_is_of_the_time_it_arrived(self, ahead_ms: int) -> None:
        _, record = open_record(RING, b"mine-7", VALUE, NOW - ahead_ms)
        assert (record.created_at, record.appended_at) == (NOW, NOW - ahead_ms)
        assert record.time == min(NOW, NOW - ahead_ms)

    def test_a_record_may_be_as_old_as_it_likes(self) -> None:
        assert open_record(RING, b"mine-7", VALUE, 2**53)[1].time == NOW
        assert open_record(RING, b"mine-7", sealed_anyhow(Kind.FRAME, "ps-1", 0, FRAME), NOW)

    @pytest.mark.parametrize("appended_at", [None, -1])
    def test_without_a_timestamp_nothing_is_held_against_it(self, appended_at: int | None) -> None:
        _, record = open_record(RING, b"mine-7", VALUE, appended_at)
        assert (record.time, record.appended_at) == (NOW, None)


class TestSealing:
    def test_what_every_reader_would_reject_is_not_sealed(self) -> None:
        with pytest.raises(UnwritablePacket):
            seal(RING, Kind.FRAME, "a/b", "ps-1", 1, NOW, Mode.IBS, FRAME)
        with pytest.raises(SealingRefused, match="no body"):
            seal(RING, Kind.TICK, "mine-7", "", 0, NOW, Mode.IBS, b"!")
        for created_at in (-1, TIME_MS_MAX + 1):
            with pytest.raises(SealingRefused, match="no time"):
                seal(RING, Kind.FRAME, "mine-7", "ps-1", 1, created_at, Mode.IBS, FRAME)

    def test_a_key_seals_only_what_it_may(self) -> None:
        north = RING.key("ps-north")
        assert seal_with(north, NONCE, Kind.FRAME, "north-1", "", 1, NOW, Mode.IBS, FRAME)
        with pytest.raises(SealingRefused, match="may not seal a FRAME of system 'mine-7'"):
            seal_with(north, NONCE, Kind.FRAME, "mine-7", "", 1, NOW, Mode.IBS, FRAME)
        with pytest.raises(SealingRefused, match="may not seal a COMMAND"):
            seal_with(north, NONCE, Kind.COMMAND, "north-1", "", 0, NOW, Mode.IBS, COMMAND)

    def test_a_ring_without_a_current_key_seals_nothing(self) -> None:
        with pytest.raises(KeyRingTrouble, match="no current key"):
            seal(one_key_ring("ps-1", ["FRAME"]), Kind.FRAME, "mine-7", "", 1, NOW, Mode.IBS, FRAME)

    def test_a_retired_key_reads_what_it_sealed(self) -> None:
        keys = [key_document("ps-1", ["FRAME"]), key_document("ps-2", ["FRAME"], None, bytes(range(9, 41)))]
        rotated = KeyRing.load(json.dumps({"keys": keys, "current": {"FRAME": "ps-2"}}))
        assert open_record(rotated, b"mine-7", VALUE, NOW)
        newer = seal(rotated, Kind.FRAME, "mine-7", "ps-1", 13, NOW, Mode.AXXIS100, FRAME)
        assert open_record(rotated, b"mine-7", newer, NOW)
        assert reason_of(b"mine-7", newer) is Reason.UNKNOWN_KEY
