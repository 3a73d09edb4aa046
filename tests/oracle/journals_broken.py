"""What goes wrong on the way to a journal: broken frames of each named kind, lines that are none, bad commands."""

import json
from random import Random
from typing import Any

from tests.oracle.journals_packets import packet
from tests.oracle.reference_frame import CHUNK_SIZES, MODES

LONE_SURROGATE = "\ud800"
WARNINGS = (
    "cable_fault",
    "earth_leakage",
    "low_battery",
    "too_low_battery",
    "shaft_fault",
    "colour",
    "",
    *["mains"] * 4,
)
ESCAPES = "".join(map(chr, range(33))) + '"\\/\x7f\x80\u2028\ufeff\uffff\U0010ffff'
NAMES = ("", "a", "Ort 12 å", "🔥" * 80, "x" * 80, "é" * 79, ESCAPES)
NO_STRINGS: tuple[Any, ...] = (1, True, 1.5, [], {}, ["a"], LONE_SURROGATE)

BAD_LINES = (
    "{",
    "nonsense",
    "[]",
    "null",
    "-1",
    '"packet"',
    "{}",
    "NaN",
    '{"created_at": 5}',
    '{"created_at": 5} x',
    '{"created_at": 5, "kind": "tick"',
    "'created_at'",
    '{"created_at": 5, "kind": "tick", "also": NaN}',
    '{"created_at": 1e3, "kind": "tick"}',
    '{"created_at": 5.0, "kind": "tick"}',
    '{"created_at": "5", "kind": "tick"}',
    '{"created_at": -Infinity, "kind": "tick"}',
    '{"created_at": ' + "9" * 5000 + ', "kind": "tick"}',
    "[" * 30 + "]" * 30,
)
BLANK_LINES = ("", " ", "\t", "  \r", "\r", "\u2003", "\x0c", "\x00", "\ufeff")
WRONG: dict[str, tuple[Any, ...]] = {
    "created_at": (True, False, None, -1, 2**53, 2**64, 0.5, "1560000000000", [], {}),
    "packet": (None, 5, [], {}, True, LONE_SURROGATE),
    "kind": (None, "FRAME", "Tick", "", 5, [], {}, LONE_SURROGATE),
    "source": (None, 5, True, [], {}, LONE_SURROGATE, "a" + LONE_SURROGATE),
    "appended_at": (None, True, -1, 2**53, 1.5, "1560000000000", [], 0, 5, 2**53 - 1),
    "sequence": (None, True, 1.0, 2.5, "3", [], {}, -1, 2**53 - 1, 2**53, 1 - 2**53, -(2**53)),
    "mode": (None, "axxis100", "", 5, [], {}, "AXXIS100 ", LONE_SURROGATE),
    "command": (None, "label_unit", [], 5, True),
}
BROKEN = (
    *("bad_hex", "too_short", "bad_start", "bad_length", "bad_crc", "unknown_command", "command_not_in_mode"),
    *("bad_chunks", "bad_window", "any"),
)


def bad_line(random: Random, row: dict[str, Any]) -> str:
    """A line that is none, perhaps made of a good one."""
    if random.random() < 0.4:
        return random.choice(BAD_LINES)
    name = random.choice(list(WRONG))
    kind = {"kind": "command"} if name == "command" else {}
    return json.dumps(row | kind | {name: random.choice(WRONG[name])})


def bad_packet(random: Random, mode: str, good: bytes) -> str:
    """Hex of a frame broken in one of the named ways, or in any."""
    reason = random.choice(BROKEN)
    if reason == "bad_hex":
        return random.choice(["zz", "aaa", good.hex()[:-1], " ", "aa aa", "\u0660\u0660", "0x" + good.hex(), "é"])
    if reason == "bad_length":
        return good.hex()[:-2] if random.random() < 0.5 else good.hex() + "00"
    bit = 1 << random.randrange(8)
    broken = {
        "too_short": good[: random.randrange(8)],
        "bad_start": bytes([good[0] ^ bit]) + good[1:],
        "bad_crc": good[:-1] + bytes([good[-1] ^ bit]),
        "unknown_command": packet(random.choice([0, 6, 7, 21, 25, 37, 255]), 1, random.randbytes(4)),
        "command_not_in_mode": packet(_foreign(random, mode), 1, b""),
        "bad_chunks": packet(*_bad_chunks(random, mode)),
        "bad_window": odd_packet(random, mode, 1),
        "any": _flipped(random, good),
    }
    return broken[reason].hex()


def _foreign(random: Random, mode: str) -> int:
    return random.choice([command for command in CHUNK_SIZES if command not in MODES[mode].commands])


def _flipped(random: Random, good: bytes) -> bytes:
    """One bit of a frame changed, and the CRC put right."""
    body = bytearray(good[6:-2])
    if body:
        body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return packet(good[3], int.from_bytes(good[4:6], "big"), bytes(body))


def _bad_chunks(random: Random, mode: str) -> tuple[int, int, bytes]:
    command = random.choice(MODES[mode].commands)
    size = CHUNK_SIZES[command]
    wrong = [size + 1, 2 * size - 1, 0, 2 * size] if command in {8, 24, 36} else [size - 1, size + 1, 3 * size - 1, 0]
    return command, random.choice([1, 9, 10]), random.randbytes(random.choice(wrong))


def odd_packet(random: Random, mode: str, serial: int) -> bytes:
    """Window ids at the edge of a mode's limits and beyond; what is almost a clear signal or a stray chunk."""
    if mode == "IBS":
        return packet(random.choice([2, 3]), serial, bytes(2 * random.choice([99, 100, 101, 102, 110])))
    limit = MODES[mode].max_windows
    command = random.choice([command for command in MODES[mode].commands if command in {4, 5, 22, 23}])
    window = random.choice([0, limit, limit + 1, 255, 255, 255, 65535])
    wide = window.to_bytes(2, "little")
    short = bytes([min(window, 255)])
    chunk = {
        4: random.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe"]) + short,
        5: short + random.choice([b"\x02\xff\x00", b"\x00\xff\x00", b"\x02\xfe\x00", b"\x02\xff\x01"]),
        22: b"\xff\xff\xff\xff" + wide,
        23: wide + b"\x02\xff\x00",
    }[command]
    other = b"\x01" * len(chunk)
    after = _next_window(command, chunk)
    head = b"\x01\x00\x00\x09" if command == 5 else b""
    return packet(
        command, serial, head + random.choice([chunk, chunk, chunk, chunk + after, chunk + chunk, other + chunk])
    )


def _next_window(command: int, chunk: bytes) -> bytes:
    """The same chunk with a window id one more."""
    at, size = {4: (4, 1), 5: (0, 1), 22: (4, 2), 23: (0, 2)}[command]
    window = int.from_bytes(chunk[at : at + size], "little") + 1
    return chunk[:at] + (window & (0xFF if size == 1 else 0xFFFF)).to_bytes(size, "little") + chunk[at + size :]


def command(random: Random, paths: list[str], warnings: list[tuple[str, str]]) -> dict[str, Any]:
    """A command to one of the units, or about one of the warnings; good for the most part."""
    unit = random.choice(paths)
    if random.random() < 0.1:
        unit = random.choice(["nowhere", "", "5/None", "3/09", "0/1/", "3/1/4/400"])
    kind = random.random()
    row: dict[str, Any] = {"action": "label_unit", "unit": unit, "label": random.choice(NAMES)}
    if kind < 0.4:
        row = {"action": "acknowledge_warning", "unit": unit, "field": random.choice(WARNINGS)}
        if warnings and random.random() < 0.7:
            row["unit"], row["field"] = random.choice(warnings)
    elif kind < 0.6:
        row = {"action": "retire_unit", "unit": unit}
    row["actor"] = random.choice(["anna", "bo", "", "🔥"])
    if random.random() < 0.4:
        row["note"] = random.choice(["seen", "", None, "å" * 90])
    if random.random() < 0.4:
        identity = random.choice(["c-1", "c-2", "", None, f"c-{random.randrange(60)}"])
        row |= random.choice([{"id": identity}, {"id": identity}, {"field": None}, {"field": "mains"}, {"label": None}])
    if random.random() < 0.1:
        row |= random.choice([{"more": 5}, {"more": LONE_SURROGATE}, {"label": "a"}, {"note": None}])
    return spoiled(random, row) if random.random() < 0.2 else row


def retirement(random: Random, paths: list[str]) -> dict[str, Any]:
    """A good command to take a unit away."""
    notes: list[dict[str, Any]] = [{}, {"note": "broken"}, {"note": None}]
    return {"action": "retire_unit", "unit": random.choice(paths), "actor": "anna"} | random.choice(notes)


def spoiled(random: Random, row: dict[str, Any]) -> dict[str, Any]:
    how = random.randrange(4)
    if how == 0:
        left_out = random.choice(list(row))
        return {name: value for name, value in row.items() if name != left_out}
    if how == 1:
        return row | {
            random.choice(["action", "unit", "field", "label", "actor", "note", "id"]): random.choice(NO_STRINGS)
        }
    if how == 2:
        return row | {"label": random.choice(["x" * 81, "🔥" * 81, "x" * 200])}
    return row | {random.choice(["action", "unit", "actor"]): random.choice(["fire", None, "Label_unit", ""])}
