"""The lines of a journal file, good and bad."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.records import CommandRecord, FrameRecord, TickRecord, UnreadableFrame
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Reason, Rejected
from stateserver.replay.lines import LineReader

PACKET = "aaaa0a08001705c07116"
TICK = '"kind": "tick"'
COMMAND = '"kind": "command", "command": {}'


def reader() -> LineReader:
    return LineReader(Mode.AXXIS100)


def test_a_frame_with_all_defaults() -> None:
    record = reader().read(f'{{"created_at": 5, "packet": "{PACKET.upper()}"}}')
    assert record == FrameRecord(5, Mode.AXXIS100, "file", 1, bytes.fromhex(PACKET))


def test_each_source_is_numbered_on_its_own_and_rejected_frames_take_a_number() -> None:
    lines = reader()
    first = lines.read(f'{{"created_at": 5, "packet": "{PACKET}", "source": "a", "sequence": 7}}')
    broken = lines.read('{"created_at": 5, "packet": "zz", "source": "a"}')
    assert broken == UnreadableFrame(5, Mode.AXXIS100, "a", 8, "not pairs of hex digits")
    third = lines.read(f'{{"created_at": 5, "packet": "{PACKET}", "source": "a"}}')
    other = lines.read(f'{{"created_at": 5, "packet": "{PACKET}", "source": "b", "mode": "IBS"}}')
    assert [record.sequence for record in (first, third, other) if isinstance(record, FrameRecord)] == [7, 9, 1]


def test_a_line_that_is_none_takes_no_number() -> None:
    lines = reader()
    with pytest.raises(Rejected):
        lines.read('{"created_at": -1, "packet": ""}')
    record = lines.read(f'{{"created_at": 5, "packet": "{PACKET}"}}')
    assert isinstance(record, FrameRecord)
    assert record.sequence == 1


def test_ticks_and_commands() -> None:
    lines = reader()
    assert lines.read('{"created_at": 5, "kind": "tick"}') == TickRecord(5, Mode.AXXIS100)
    command = lines.read('{"created_at": 6, "kind": "command", "command": {"action": "x"}}')
    assert command == CommandRecord(6, Mode.AXXIS100, b'{"action": "x"}')


def test_each_kind_of_record_may_say_when_it_was_appended() -> None:
    lines = reader()
    said = (
        "{" + f'"created_at": 9, "appended_at": 7, {rest}' + "}" for rest in (f'"packet": "{PACKET}"', TICK, COMMAND)
    )
    records = [lines.read(line) for line in said]
    assert [(record.created_at, record.appended_at, record.time) for record in records if record] == [(9, 7, 7)] * 3


@pytest.mark.parametrize("text", ["", "  \t", "\r\n"])
def test_a_blank_line_is_skipped(text: str) -> None:
    assert reader().read(text) is None


BAD_LINES = [
    "x",
    "[]",
    "null",
    "{}",
    '{"created_at": 1}',
    '{"created_at": true, "packet": ""}',
    '{"created_at": 1.0, "packet": ""}',
    '{"created_at": "1", "packet": ""}',
    '{"created_at": -1, "packet": ""}',
    '{"created_at": 9007199254740992, "packet": ""}',
    '{"created_at": NaN, "packet": ""}',
    '{"created_at": 1, "packet": "", "appended_at": -1}',
    '{"created_at": 1, "packet": "", "appended_at": "1"}',
    '{"created_at": 1, "packet": "", "appended_at": 9007199254740992}',
    '{"created_at": 1, "packet": 1}',
    '{"created_at": 1, "packet": "\\ud800"}',
    '{"created_at": 1, "packet": "", "source": 1}',
    '{"created_at": 1, "packet": "", "source": "\\udfff"}',
    '{"created_at": 1, "packet": "", "sequence": "1"}',
    '{"created_at": 1, "packet": "", "sequence": false}',
    '{"created_at": 1, "packet": "", "mode": "AXXIS1000"}',
    '{"created_at": 1, "packet": "", "mode": []}',
    '{"created_at": 1, "packet": "", "kind": "tock"}',
    '{"created_at": 1, "kind": "command"}',
    '{"created_at": 1, "kind": "command", "command": "x"}',
    '{"created_at": 1, "packet": "' + "1" * 5000,
    "[" * 100_000,
    '{"created_at": ' + "1" * 5000 + "}",
]


@pytest.mark.parametrize("text", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_line_that_is_no_record(text: str) -> None:
    lines = LineReader(Mode.AXXIS100)
    lines.read('{"created_at": 1, "kind": "tick"}')
    with pytest.raises(Rejected) as rejected:
        lines.read(text)
    assert rejected.value.reason is Reason.BAD_ENCODING


def test_plain_lines_of_hex() -> None:
    lines = reader()
    assert lines.read(f"5 {PACKET}") == FrameRecord(5, Mode.AXXIS100, "file", 1, bytes.fromhex(PACKET))
    with pytest.raises(Rejected, match="bad_encoding"):
        lines.read(f'{{"created_at": 5, "packet": "{PACKET}"}}')
    assert isinstance(lines.read("6 zz"), UnreadableFrame)
    record = lines.read(f"7\t {PACKET}")
    assert isinstance(record, FrameRecord)
    assert record.sequence == 3


@pytest.mark.parametrize("first", ["5", "5.5 x", "17 ", "-1 aa", "[5]"])
def test_a_first_line_that_is_neither_makes_no_others_plain(first: str) -> None:
    lines = reader()
    with pytest.raises(Rejected, match="bad_encoding"):
        lines.read(first)
    assert isinstance(lines.read(f'{{"created_at": 5, "packet": "{PACKET}"}}'), FrameRecord)
    with pytest.raises(Rejected, match="bad_encoding"):
        lines.read(f"5 {PACKET}")


@given(st.text(max_size=200) | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(json.dumps))
def test_no_text_raises_anything_but_rejected(text: str) -> None:
    lines = reader()
    for _ in range(2):
        with contextlib.suppress(Rejected):
            lines.read(text)


TIMES = (
    st.integers(-1, 2**53) | st.sampled_from([2**63, 2**64, 2**70]) | st.booleans() | st.floats() | st.text(max_size=3)
)
PACKETS = st.sampled_from([PACKET, PACKET.upper(), "", "a", "zz", "aa aa", "\ud800", "\uff11\uff11"]) | st.integers(
    0, 1
)


@given(st.fixed_dictionaries({"created_at": TIMES, "packet": PACKETS}), st.sampled_from(["", " ", "\u00a0"]))
def test_the_usual_line_is_read_as_any_other(said: dict[str, object], space: str) -> None:
    text = f"{space}{json.dumps(said)}{space}"
    usual, strict = outcome(text), outcome(text.replace("{", '{"kind": "frame", ', 1))
    assert usual == strict


def outcome(text: str) -> object:
    """What a reader that has begun with JSON makes of a line."""
    lines = reader()
    lines.read('{"created_at": 1, "kind": "tick"}')
    try:
        return lines.read(text)
    except Rejected as rejected:
        return rejected.reason, rejected.detail
