"""Page 1, read plainly: what a packet says, or why it is rejected."""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

Value = None | bool | int | str
Fields = dict[str, Value]


class ModeFacts(NamedTuple):
    """A row of the table of modes; times in ms."""

    commands: tuple[int, ...]
    max_windows: int
    max_delay: int | None
    firing_time: int
    report_time: int


MODES = {
    "AXXIS100": ModeFacts((8, 1, 4, 5), 100, 15_000, 120_000, 300_000),
    "AXXIS100_CFC": ModeFacts((8, 1, 4, 5, 36), 100, 15_000, 120_000, 300_000),
    "AXXIS500": ModeFacts((8, 1, 4, 5, 22, 23), 500, 15_000, 420_000, 420_000),
    "AXXIS500_WIFI": ModeFacts((8, 1, 4, 5, 22, 23, 24), 500, 15_000, 420_000, 420_000),
    "AXXIS500_CFC": ModeFacts((8, 1, 4, 5, 22, 23, 36), 500, 15_000, 420_000, 420_000),
    "HYDRA": ModeFacts((8, 1, 4, 5, 22, 23), 500, 40_000, 120_000, 420_000),
    "IBS": ModeFacts((8, 1, 2, 3), 100, None, 120_000, 420_000),
}
CHUNK_SIZES = {1: 2, 2: 2, 3: 2, 4: 5, 5: 4, 8: 2, 22: 6, 23: 5, 24: 4, 36: 5}
SPEAKER_TYPES = {1: 0, 8: 0, 2: 1, 3: 1, 4: 3, 5: 3, 22: 3, 23: 3, 24: 3, 36: 5}

CONTROL_UNIT_BITS = {7: "key_switch", 6: "isolation_relay", 5: "fire_button", 4: "cable_fault", 3: "earth_leakage"}
CONTROL_UNIT_BITS |= {2: "firing", 1: "resetting"}
SECTION_BITS = {7: "key_switch", 6: "isolation_relay", 5: "blast_armed", 4: "cable_fault", 3: "earth_leakage"}
TYPE_1_BITS = {7: "dc_supply", 6: "key_switch", 5: "detonator_status", 4: "mains", 3: "booster_fired"}
TYPE_1_BITS |= {2: "partial_blast", 1: "missing_pulse_detected"}
BOOSTER_BITS = {10: "isolation_relay", 9: "detonator_error", 8: "blast_armed", 7: "too_low_battery", 6: "low_battery"}
BOOSTER_BITS |= {5: "dc_supply", 4: "shaft_fault", 3: "mains", 2: "earth_leakage", 1: "cable_fault", 0: "key_switch"}
DETONATOR_BITS = {7: "energy_storing", 6: "bridge_wire", 5: "calibration", 4: "program", 3: "booster_fired"}
DETONATOR_BITS |= {2: "tagged", 1: "detonator_status", 0: "logged"}
CFC_BITS = {7: "min2", 6: "min7", 5: "cable_fault", 4: "elt", 0: "device_type"}


class Reject(Exception):
    """A record that is rejected, with the name of the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Frame:
    """What a frame says: of its speaker, then chunk by chunk of the units in its payload."""

    command: int
    speaker: str
    own: Fields = field(default_factory=dict)
    chunks: list[tuple[str, Fields]] = field(default_factory=list)
    clears: bool = False


def decode(mode: str, packet: str) -> Frame:
    if not re.fullmatch("[0-9a-fA-F]*", packet, re.ASCII) or len(packet) % 2:
        raise Reject("bad_hex")
    raw = bytes.fromhex(packet)
    _check_envelope(mode, raw)
    command, payload = raw[3], raw[6:-2]
    size = CHUNK_SIZES[command]
    if len(payload) % size:
        raise Reject("bad_chunks")
    chunks = [payload[at : at + size] for at in range(0, len(payload), size)]
    if command in {8, 24, 36} and len(chunks) != 1:
        raise Reject("bad_chunks")
    if command in {3, 5} and not chunks:
        raise Reject("bad_chunks")
    frame = Frame(command, f"{SPEAKER_TYPES[command]}/{int.from_bytes(raw[4:6], 'big')}")
    _read_chunks(frame, chunks, mode)
    _check_windows(frame, MODES[mode].max_windows)
    return frame


def _check_windows(frame: Frame, limit: int) -> None:
    windows = [int(path.split("/")[3]) for path, _ in frame.chunks if path.count("/") > 1]
    if any(not 1 <= window <= limit for window in windows):
        raise Reject("bad_window")
    if any(after != before + 1 for before, after in pairwise(windows)):
        raise Reject("bad_window")


def _check_envelope(mode: str, raw: bytes) -> None:
    if len(raw) < 8:
        raise Reject("too_short")
    if raw[:2] != b"\xaa\xaa":
        raise Reject("bad_start")
    if raw[2] != len(raw):
        raise Reject("bad_length")
    if int.from_bytes(raw[-2:], "little") != crc16_x25(raw[:-2]):
        raise Reject("bad_crc")
    if raw[3] not in CHUNK_SIZES:
        raise Reject("unknown_command")
    if raw[3] not in MODES[mode].commands:
        raise Reject("command_not_in_mode")


def crc16_x25(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc ^ 0xFFFF


def _read_chunks(frame: Frame, chunks: list[bytes], mode: str) -> None:
    speaker, command = frame.speaker, frame.command
    if command == 1:
        kind = 1 if mode == "IBS" else 3
        frame.chunks = [(f"{kind}/{int.from_bytes(chunk, 'big')}", {}) for chunk in chunks]
    elif command == 2:
        serials = [int.from_bytes(chunk, "little") for chunk in chunks]
        frame.chunks = [(f"{speaker}/2/{window}", {"serial": serial}) for window, serial in enumerate(serials, 1)]
    elif command == 3:
        frame.own = _bits(chunks[0][0], SECTION_BITS)
        frame.chunks = [
            (f"{speaker}/2/{window}", _bits(chunk[0], TYPE_1_BITS)) for window, chunk in enumerate(chunks[1:], 1)
        ]
    elif command == 4 and chunks == [b"\xff\xff\xff\xff\xff"]:
        frame.clears = True
    elif command in {4, 22}:
        frame.chunks = [
            (f"{speaker}/4/{_window(chunk[4:])}", {"uid": ".".join(map(str, chunk[:4]))}) for chunk in chunks
        ]
    elif command == 5:
        frame.own = _booster(chunks[0], mode)
        detonators = chunks[1:]
        stray = len(detonators) == 1 and detonators[0][0] == 255 and _window(detonators[0][2:]) == 255
        if not stray:
            frame.chunks = [_detonator(speaker, chunk[:1], chunk[1:]) for chunk in detonators]
    elif command == 23:
        frame.chunks = [_detonator(speaker, chunk[:2], chunk[2:]) for chunk in chunks]
    else:
        frame.own = {8: _control_unit, 24: _radio_link, 36: _cfc}[command](chunks[0])


def _bits(value: int, names: dict[int, str]) -> Fields:
    return {name: bool(value >> bit & 1) for bit, name in names.items()}


def _window(little_endian: bytes) -> int:
    return int.from_bytes(little_endian, "little")


def _control_unit(chunk: bytes) -> Fields:
    return _bits(chunk[1], CONTROL_UNIT_BITS)


def _booster(chunk: bytes, mode: str) -> Fields:
    bits = int.from_bytes(chunk[2:], "big")
    count = int.from_bytes(chunk[:2], "little") if 22 in MODES[mode].commands else chunk[0]
    return {"child_count": count, "led_state": bits >> 12} | _bits(bits, BOOSTER_BITS)


def _detonator(booster: str, window: bytes, data: bytes) -> tuple[str, Fields]:
    fields: Fields = {"delay": int.from_bytes(data[1:], "little")}
    return f"{booster}/4/{_window(window)}", fields | _bits(data[0], DETONATOR_BITS)


def _radio_link(chunk: bytes) -> Fields:
    lost, since = int.from_bytes(chunk[:2], "big"), int.from_bytes(chunk[2:], "big")
    return {"lost_packets": lost, "packets_since_last_firing": since}


def _cfc(chunk: bytes) -> Fields:
    return {"qos": chunk[0] * 100 // 255, "qos_firing": chunk[3], "firmware": chunk[4]} | _bits(chunk[1], CFC_BITS)
