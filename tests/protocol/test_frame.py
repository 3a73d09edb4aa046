"""The frame's checks, by the known answers and by any bytes at all."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.protocol import crc
from stateserver.protocol.commands import COMMANDS, UnitType, commands_in
from stateserver.protocol.decode import Message, decode
from stateserver.protocol.encode import encode, encode_frame, items_that_fit
from stateserver.protocol.frame import Signal, from_hex, parse
from stateserver.protocol.layout import RESERVED, Layout, dotted_quad
from stateserver.protocol.modes import MODES, Mode
from stateserver.protocol.reasons import Reason, Rejected

TEN_DETONATORS = (
    "aaaa4416ffff1b4a100e7d011b4a100d7e011b4a100c7f011b4a100b80011b4a100a8101"
    "1b4a100982011b4a100883011b4a100784011b4a100685011b4a7a7f860186ce"
)

# Spec page 1, Known answers: mode, packet, unit that speaks, what it says of itself, its items.
KNOWN_ANSWERS = [
    (
        Mode.AXXIS100,
        "aaaa0a08001705c07116",
        (UnitType.CONTROL_UNIT, 23),
        {"key_switch": True, "isolation_relay": True, "fire_button": False, "cable_fault": False}
        | {"earth_leakage": False, "firing": False, "resetting": False},
        [],
    ),
    (
        Mode.AXXIS100,
        "aaaa0a08001705e45771",
        (UnitType.CONTROL_UNIT, 23),
        {"key_switch": True, "isolation_relay": True, "fire_button": True, "cable_fault": False}
        | {"earth_leakage": False, "firing": True, "resetting": False},
        [],
    ),
    (
        Mode.AXXIS100,
        "aaaa0c0500730000182867be",
        (UnitType.BOOSTER_TYPE_2, 115),
        {"child_count": 0, "led_state": 1, "isolation_relay": False, "detonator_error": False, "blast_armed": False}
        | {"too_low_battery": False, "low_battery": False, "dc_supply": True, "shaft_fault": False, "mains": True}
        | {"earth_leakage": False, "cable_fault": False, "key_switch": False},
        [],
    ),
    (
        Mode.AXXIS100,
        "aaaa1c0400431b43e93c611b43e93d621b43e93e631b43e93f6414ac",
        (UnitType.BOOSTER_TYPE_2, 67),
        None,
        [{"uid": f"27.67.233.{60 + at}", "window_id": 97 + at} for at in range(4)],
    ),
    (
        Mode.HYDRA,
        "aaaa0c050004f401192902cc",
        (UnitType.BOOSTER_TYPE_2, 4),
        {"child_count": 500, "led_state": 1, "isolation_relay": False, "detonator_error": False, "blast_armed": True}
        | {"too_low_battery": False, "low_battery": False, "dc_supply": True, "shaft_fault": False, "mains": True}
        | {"earth_leakage": False, "cable_fault": False, "key_switch": True},
        [],
    ),
    (
        Mode.AXXIS100_CFC,
        "aaaa0d24005bfd000000029157",
        (UnitType.CFC, 91),
        {"qos": 99, "min2": False, "min7": False, "cable_fault": False, "elt": False, "device_type": False}
        | {"qos_firing": 0, "firmware": 2},
        [],
    ),
    (
        Mode.IBS,
        "aaaa0c01000100010002bf5d",
        (UnitType.CONTROL_UNIT, 1),
        None,
        [{"serial": 1}, {"serial": 2}],
    ),
    (
        Mode.IBS,
        "aaaa0c0300044040210ecaf6",
        (UnitType.SECTION_CONTROLLER, 4),
        {"key_switch": False, "isolation_relay": True, "blast_armed": False, "cable_fault": False}
        | {"earth_leakage": False},
        [
            {"dc_supply": False, "key_switch": False, "detonator_status": True, "mains": False}
            | {"booster_fired": False, "partial_blast": False, "missing_pulse_detected": False}
        ],
    ),
    (
        Mode.AXXIS500,
        TEN_DETONATORS,
        (UnitType.BOOSTER_TYPE_2, 65535),
        None,
        [{"uid": f"27.74.16.{14 - at}", "window_id": 381 + at} for at in range(9)]
        + [{"uid": "27.74.122.127", "window_id": 390}],
    ),
    (
        Mode.AXXIS500,
        "aaaa3017ffffed0101f023ee01015424ef0101b824f001011c25f101018025f20101e425f301014826f40101ac262665",
        (UnitType.BOOSTER_TYPE_2, 65535),
        None,
        [
            {"window_id": 493 + at, "energy_storing": False, "bridge_wire": False}
            | {"calibration": False, "program": False}
            | {"booster_fired": False, "tagged": False, "detonator_status": False, "logged": True}
            | {"delay": 9200 + 100 * at}
            for at in range(8)
        ],
    ),
]


@pytest.mark.parametrize(("mode", "packet", "speaker", "head", "items"), KNOWN_ANSWERS)
def test_known_answers(
    mode: Mode,
    packet: str,
    speaker: tuple[UnitType, int],
    head: dict[str, object] | None,
    items: list[dict[str, object]],
) -> None:
    frame = parse(from_hex(packet), mode)
    command = frame.command
    assert (command.speaker, frame.serial) == speaker
    shown_head = command.head.show(frame.head) if command.head and frame.head else None
    shown_items = [command.item.show(chunk) for chunk in frame.item_chunks()] if command.item else []
    assert (shown_head, shown_items) == (head, items)
    assert frame.signal is Signal.NONE


def test_a_frame_damaged_before_it_got_its_checksum_names_windows_that_jump() -> None:
    damaged = (
        "aaaa4805004d2b0019291073cc291173fe291273172a13731c2a1473302a1573492a16734e2a1773622a1873942a1973ad2a1a0049004d00"
        "090b0b2b0019291073cc291173fe51a2"
    )
    assert reason_of(from_hex(damaged), Mode.AXXIS100) is Reason.BAD_WINDOW


@pytest.mark.parametrize(("command", "chunk"), [(4, 5), (5, 4), (22, 6), (23, 5)])
@pytest.mark.parametrize("windows", [(1, 3), (2, 1), (7, 7), (1, 2, 4)])
def test_windows_follow_each_other(command: int, chunk: int, windows: tuple[int, ...]) -> None:
    item = COMMANDS[command].item
    assert item is not None
    said = dict.fromkeys((field.name for field in item.fields), 0)
    payload = b"".join(item.write({**said, "window_id": window}) for window in windows)
    frame = encode_frame(command, 9, bytes(4) + payload if command == 5 else payload)
    assert reason_of(frame, Mode.AXXIS500) is Reason.BAD_WINDOW


def test_a_clear_signal_is_no_detonator() -> None:
    assert parse(from_hex("aaaa0d040043ffffffffff8a44"), Mode.AXXIS100).signal is Signal.CLEAR


@pytest.mark.parametrize("mode", [mode for mode in Mode if 5 in MODES[mode].commands])
def test_a_stray_chunk_is_no_detonator_in_any_mode(mode: Mode) -> None:
    frame = encode_frame(5, 9, bytes.fromhex("00001828") + bytes.fromhex("ff20ff00"))
    assert parse(frame, mode).signal is Signal.STRAY


def test_a_stray_window_beside_another_detonator_is_a_bad_one() -> None:
    frame = encode_frame(5, 9, bytes.fromhex("00001828") + bytes.fromhex("0120ff00") + bytes.fromhex("ff20ff00"))
    assert reason_of(frame, Mode.AXXIS100) is Reason.BAD_WINDOW


def reason_of(frame: bytes, mode: Mode) -> Reason | None:
    try:
        parse(frame, mode)
    except Rejected as rejected:
        return rejected.reason
    return None


GOOD = bytes.fromhex("aaaa0a08001705c07116")

REJECTIONS = [
    (b"", Mode.AXXIS100, Reason.TOO_SHORT),
    (GOOD[:7], Mode.AXXIS100, Reason.TOO_SHORT),
    (b"\xaa\xab" + GOOD[2:], Mode.AXXIS100, Reason.BAD_START),
    (GOOD[:-1], Mode.AXXIS100, Reason.BAD_LENGTH),
    (GOOD + b"\0", Mode.AXXIS100, Reason.BAD_LENGTH),
    (GOOD[:-1] + b"\0", Mode.AXXIS100, Reason.BAD_CRC),
    (encode_frame(9, 1, b"\0\0"), Mode.AXXIS100, Reason.UNKNOWN_COMMAND),
    (encode_frame(22, 1, b""), Mode.AXXIS100, Reason.COMMAND_NOT_IN_MODE),
    (encode_frame(8, 1, b""), Mode.AXXIS100, Reason.BAD_CHUNKS),
    (encode_frame(8, 1, bytes(4)), Mode.AXXIS100, Reason.BAD_CHUNKS),
    (encode_frame(5, 1, b""), Mode.AXXIS100, Reason.BAD_CHUNKS),
    (encode_frame(3, 1, b""), Mode.IBS, Reason.BAD_CHUNKS),
    (encode_frame(4, 1, bytes(6)), Mode.AXXIS100, Reason.BAD_CHUNKS),
    (encode_frame(4, 1, bytes(5)), Mode.AXXIS100, Reason.BAD_WINDOW),
    (encode_frame(4, 1, b"\1\1\1\1\x65"), Mode.AXXIS100, Reason.BAD_WINDOW),
    (encode_frame(22, 1, b"\1\1\1\1\xf5\x01"), Mode.AXXIS500, Reason.BAD_WINDOW),
    (encode_frame(2, 1, bytes(2 * 101)), Mode.IBS, Reason.BAD_WINDOW),
    (encode_frame(3, 1, bytes(2 * 102)), Mode.IBS, Reason.BAD_WINDOW),
]


@pytest.mark.parametrize(("frame", "mode", "reason"), REJECTIONS)
def test_each_named_reason(frame: bytes, mode: Mode, reason: Reason) -> None:
    assert reason_of(frame, mode) is reason


@pytest.mark.parametrize(
    ("command", "mode"), [(1, Mode.IBS), (2, Mode.IBS), (4, Mode.AXXIS100), (22, Mode.HYDRA), (23, Mode.HYDRA)]
)
def test_lists_and_23_may_be_empty(command: int, mode: Mode) -> None:
    assert reason_of(encode_frame(command, 1, b""), mode) is None


@pytest.mark.parametrize("text", ["a", "zz", "aa ", " aa", "a a", "0x", "\uff41\uff41", "é", "aa\n"])
def test_what_is_no_hex(text: str) -> None:
    with pytest.raises(Rejected) as rejected:
        from_hex(text)
    assert rejected.value.reason is Reason.BAD_HEX


@given(st.binary(max_size=300), st.sampled_from(Mode))
def test_no_byte_string_raises_anything_but_a_named_reason(data: bytes, mode: Mode) -> None:
    assert reason_of(data, mode) in (None, *Reason)


@given(st.sampled_from(sorted(COMMANDS)), st.integers(0, 0xFFFF), st.binary(max_size=247), st.sampled_from(Mode))
def test_no_payload_raises_anything_but_a_named_reason(command: int, serial: int, payload: bytes, mode: Mode) -> None:
    assert reason_of(encode_frame(command, serial, payload), mode) in (None, *Reason)


@given(st.sampled_from(sorted(COMMANDS)), st.integers(0, 0xFFFF), st.binary(max_size=247), st.sampled_from(Mode))
def test_whatever_is_taken_for_a_frame_can_be_written_again(
    command: int, serial: int, payload: bytes, mode: Mode
) -> None:
    size = COMMANDS[command].chunk
    raw = encode_frame(command, serial, payload[: len(payload) // size * size])
    with contextlib.suppress(Rejected):
        assert encode(decode(parse(raw, mode)), commands_in(MODES[mode].commands)) == raw


@given(st.binary(min_size=1, max_size=253), st.data())
def test_a_flipped_bit_never_passes_the_crc(data: bytes, pick: st.DataObject) -> None:
    sound = data + crc.checksum(data)
    bit = pick.draw(st.integers(0, len(sound) * 8 - 1))
    flipped = bytearray(sound)
    flipped[bit // 8] ^= 1 << bit % 8
    assert crc.is_sound(sound)
    assert not crc.is_sound(bytes(flipped))


def chunks(layout: Layout) -> st.SearchStrategy[dict[str, int]]:
    return st.fixed_dictionaries({field.name: st.integers(0, field.mask) for field in layout.fields})


@st.composite
def messages(draw: st.DrawFn) -> tuple[Mode, Message]:
    """Anything that equipment of a mode may say, reserved bits included."""
    mode = draw(st.sampled_from(Mode))
    command = draw(st.sampled_from(list(commands_in(MODES[mode].commands).values())))
    head = draw(chunks(command.head)) if command.head else None
    count_max = min(items_that_fit(command.number), MODES[mode].windows_max)
    items = draw(st.lists(chunks(command.item), max_size=count_max)) if command.item else []
    first = draw(st.integers(1, min(MODES[mode].windows_max, 254) - len(items) + 1))
    for at, item in enumerate(items):
        if "window_id" in item:
            item["window_id"] = first + at
    return mode, Message(command.number, draw(st.integers(0, 0xFFFF)), head, items)


@given(messages())
def test_encode_and_decode_are_inverse(said: tuple[Mode, Message]) -> None:
    mode, message = said
    commands = commands_in(MODES[mode].commands)
    frame = encode(message, commands)
    assert decode(parse(frame, mode)) == message
    assert encode(decode(parse(frame, mode)), commands) == frame


def test_writing_refuses_what_does_not_fit() -> None:
    layout = COMMANDS[4].item
    assert layout is not None
    with pytest.raises(ValueError, match="window_id must be from 0 to 255"):
        layout.write({"uid": 1, "window_id": 256})
    with pytest.raises(ValueError, match="a frame holds 255 bytes"):
        encode_frame(4, 1, bytes(250))


def test_reserved_fields_are_never_shown() -> None:
    for command in COMMANDS.values():
        for layout in (command.head, command.item):
            if layout is not None:
                assert not any(name.startswith(RESERVED) for name in layout.show(bytes(layout.size)))


def test_a_uid_is_shown_most_significant_byte_first() -> None:
    assert dotted_quad(0x1B43E93C) == "27.67.233.60"
