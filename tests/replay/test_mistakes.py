"""What a line that is no record was probably meant to be."""

import base64
import json

import pytest

from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay import mistakes
from stateserver.replay.folding import Folding
from stateserver.replay.lines import LineReader
from stateserver.replay.mistakes import Mistake, mistake_in

PACKET = "aaaa0a08001705c07116"
BYTES = list(bytes.fromhex(PACKET))


def apply(reader: LineReader, line: str) -> None:
    record = reader.read(line)
    assert record is not None
    Folding("site").apply(record)


def told_of(line: str, before: str = "") -> Mistake | None:
    """What is said of a line that is rejected, as it must be; `before` is the line before it."""
    reader = LineReader(Mode.AXXIS100)
    if before:
        reader.read(before)
    with pytest.raises(Rejected) as rejected:
        apply(reader, line)
    return mistake_in(line, rejected.value)


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ('[{"created_at": 1, "packet": "aa"}]', mistakes.ARRAY),
        ("[", mistakes.ARRAY),
        ('[{"created_at": 1, "packet": "aa"},', mistakes.ARRAY),
        ("{", mistakes.SPREAD),
        ('{"created_at": 1,', mistakes.SPREAD),
        (f'{{"created_at": 1, "packet": "{PACKET}"}},', mistakes.COMMA),
        ("created_at,packet", mistakes.CSV),
        (f"1563531134999,{PACKET}", mistakes.CSV),
        (f'"2019-07-19 12:12:14";"{PACKET}";"north"', mistakes.CSV),
        ("id\tpacket", mistakes.CSV),
        (PACKET, mistakes.TIMELESS),
        (f"1563531134.999 {PACKET}", mistakes.FRACTION),
        (f"2019-07-19T10:12:14.999Z {PACKET}", mistakes.DATE),
        (f"2019-07-19 10:12:14\t{PACKET}", mistakes.DATE),
        ("".join(f"{sign}\0" for sign in '{"created_at": 1}'), mistakes.NULS),
        ('{"created_at": {"$date": "2019-07-19T10:12:14.999Z"}, "packet": "aa"}', mistakes.MONGO),
        ('{"created_at": {"$date": {"$numberLong": "1563531134999"}}, "packet": "aa"}', mistakes.MONGO),
        ('{"created_at": 1, "sequence": {"$numberLong": "1"}, "packet": "aa"}', mistakes.MONGO),
        ('{"createdAt": {"$date": 1}, "packet": "aa"}', mistakes.MONGO),
        ('{"created_at": 1, "packet": {"$binary": "qqo="}}', mistakes.MONGO_PACKET),
        ('{"created_at": "1563531134999", "packet": "aa"}', mistakes.IN_QUOTES),
        ('{"created_at": "2019-07-19T10:12:14Z", "packet": "aa"}', mistakes.DATE),
        ('{"created_at": 1563531134.999, "packet": "aa"}', mistakes.FRACTION),
        ('{"created_at": 1563531134999000000, "packet": "aa"}', mistakes.NANOSECONDS),
        (json.dumps({"created_at": 1, "packet": BYTES}), mistakes.BYTES),
        (json.dumps({"created_at": 1, "packet": {"type": "Buffer", "data": BYTES}}), mistakes.BYTES),
        (json.dumps({"created_at": 1, "packet": f"0x{PACKET}"}), mistakes.PREFIX),
        (json.dumps({"created_at": 1, "packet": r"\xaa\xaa"}), mistakes.PREFIX),
        (json.dumps({"created_at": 1, "packet": "aa:aa:0a"}), mistakes.SEPARATED),
        (json.dumps({"created_at": 1, "packet": "AA AA 0A "}), mistakes.SEPARATED),
        (json.dumps({"created_at": 1, "packet": base64.b64encode(bytes(BYTES)).decode()}), mistakes.BASE64),
    ],
)
def test_what_is_known(line: str, mistake: Mistake) -> None:
    assert told_of(line) == mistake


@pytest.mark.parametrize(
    ("member", "wanted"),
    [("createdAt", "created_at"), ("CREATED_AT", "created_at"), ("timestamp", "created_at"), ("ts", "created_at")],
)
def test_a_time_by_another_name(member: str, wanted: str) -> None:
    told = told_of(json.dumps({member: 1563531134999, "packet": PACKET}))
    assert told is not None
    assert (told.what, told.to_do) == (f"`{member}` in place of `{wanted}`", f"Rename it to `{wanted}`.")


@pytest.mark.parametrize("member", ["Packet", "hex", "data", "frame"])
def test_a_packet_by_another_name(member: str) -> None:
    told = told_of(json.dumps({"created_at": 1563531134999, member: PACKET}))
    assert told is not None
    assert told.what == f"`{member}` in place of `packet`"


@pytest.mark.parametrize("packet", ["0xaaaa0a08001705c07116", "aa aa 0a", "aa:aa"])
def test_hex_in_plain_lines(packet: str) -> None:
    told = told_of(f"1563531135000 {packet}", before=f"1563531134999 {PACKET}")
    assert told == (mistakes.PREFIX if packet.startswith("0x") else mistakes.SEPARATED)


@pytest.mark.parametrize(
    ("line", "mistake"),
    [(f"1563531134999 {PACKET}", mistakes.PLAIN_LATER), (f"1563531134999000000 {PACKET}", mistakes.NANOSECONDS)],
)
def test_plain_lines_below_one_that_is_none(line: str, mistake: Mistake) -> None:
    assert told_of(line, before='{"created_at": 1, "kind": "tick"}') == mistake


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "hello, world",
        "null",
        "17",
        "{}",
        '{"packet": "aa"}',
        '{"created_at": null, "packet": "aa"}',
        '{"created_at": -1, "packet": "aa"}',
        '{"created_at": 1, "kind": "command"}',
        '{"created_at": 1, "packet": 5}',
        '{"created_at": 1, "packet": "zz"}',
        '{"created_at": 1, "packet": "aaa"}',
        "[" * 100_000,
    ],
)
def test_what_is_not_known_is_not_guessed(line: str) -> None:
    assert told_of(line) in {None, mistakes.ARRAY if line.startswith("[") else None}
