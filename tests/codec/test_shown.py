import json

from stateserver.codec.blast import encode_blast
from stateserver.codec.change import encode_change
from stateserver.codec.claim import Claim, encode_claim
from stateserver.codec.rejected import RejectedRow, encode_rejected
from stateserver.codec.shown import SHOW, show_key
from stateserver.codec.still import Still, encode_still
from stateserver.codec.system import AnsweredRow, ClockSetBack, SystemRow, WarningRow, encode_system
from stateserver.codec.topics import Topics
from stateserver.codec.unit import UnitRow, encode_unit
from stateserver.domain.blast import BlastStage
from stateserver.domain.change import Change
from stateserver.protocol.modes import Mode
from tests.codec.test_packet import VALUE


def test_every_topic_can_be_shown() -> None:
    assert tuple(SHOW) == Topics._fields


def test_a_packet_is_shown_with_all_but_what_is_sealed() -> None:
    assert SHOW["packets"](VALUE) == {
        "system": "mine-7",
        "source": "ps-1",
        "sequence": 12,
        "created_at": 1563531134999,
        "mode": "AXXIS100",
        "kind": "FRAME",
        "key_id": "ps-1",
        "ciphertext": "150 bytes",
    }


def test_each_value_is_shown_as_json_with_its_fields() -> None:
    change = Change("m", 1, 2, "unit_changed", "3/1", {"a": None}, {"a": True}, "ps", 3, False, {})
    part = encode_blast("m", BlastStage("b-1", 4, "firing_aborted", {"a": 1}, None))[0][1]
    row = SystemRow("m", 1, 2, Mode.IBS, 0, 5, None, {"duplicate": 1}, {}, {}, bytes(range(16)), 6, None)._replace(
        warnings=[WarningRow("3/1", "mains", 1)],
        answered_after_blast=[AnsweredRow("3/1/4/2", "b-1", "fired", 2)],
        clocks_ahead=["ps"],
        clocks_set_back=[ClockSetBack("ps", 1, 7000)],
    )
    rejected = RejectedRow("bad_crc", "no", "t", 0, 1, 2, b"\xff", b"\x00\x01")
    shown = {
        "changes": SHOW["changes"](encode_change(change)),
        "units": SHOW["units"](encode_unit(UnitRow("m", "3/1", 1, {"a": True}))),
        "blasts": SHOW["blasts"](part),
        "systems": SHOW["systems"](encode_system(row)),
        "rejected": SHOW["rejected"](encode_rejected(rejected)),
        "history": SHOW["history"](encode_still(Still("m", 1, None, "IBS", 7, b"abc"))[0]),
        "claims": SHOW["claims"](encode_claim(Claim("m", "anna", "one", b"\xff", 2, 1, "packets", 4, b"abc", 5))),
    }
    assert json.loads(json.dumps(shown)) == {
        "changes": {
            "system": "m",
            "version": 1,
            "at": 2,
            "kind": "unit_changed",
            "unit": "3/1",
            "before": {"a": None},
            "after": {"a": True},
            "source": "ps",
            "sequence": 3,
            "deadline": False,
            "details": {},
        },
        "units": {"system": "m", "unit": "3/1", "version": 1, "fields": {"a": True}},
        "blasts": {
            "blast": "b-1",
            "system": "m",
            "version": 4,
            "stage": "firing_aborted",
            "what": "report",
            "part": 1,
            "parts": 1,
            "encoding": "zlib",
            "data": "15 bytes",
        },
        "systems": {
            "system": "m",
            "version": 1,
            "time": 2,
            "mode": "IBS",
            "partition": 0,
            "offset": 5,
            "appended_at": None,
            "counters": {"duplicate": 1},
            "sources": {},
            "gaps": {},
            "state_hash": "000102030405060708090a0b0c0d0e0f",
            "checkpointed_at": 6,
            "changes_offset": None,
            "warnings": [
                {"unit": "3/1", "field": "mains", "raised": 1, "acknowledged": None, "actor": None, "note": None}
            ],
            "answered_after_blast": [{"unit": "3/1/4/2", "blast": "b-1", "outcome": "fired", "at": 2}],
            "clocks_ahead": ["ps"],
            "clocks_set_back": [{"source": "ps", "at": 1, "by": 7000}],
        },
        "rejected": {
            "reason": "bad_crc",
            "detail": "no",
            "topic": "t",
            "partition": 0,
            "offset": 1,
            "appended_at": 2,
            "key": "0xff",
            "value": "0001",
        },
        "history": {
            "system": "m",
            "version": 1,
            "time": None,
            "mode": "IBS",
            "changes_offset": 7,
            "part": 1,
            "parts": 1,
            "encoding": "zlib",
            "data": "11 bytes",
        },
        "claims": {
            "system": "m",
            "actor": "anna",
            "id": "one",
            "digest": "ff",
            "at": 2,
            "after": 1,
            "topic": "packets",
            "behind": 4,
            "value": "3 bytes sealed",
            "placed": 5,
            "outcome": None,
            "version": None,
            "why": None,
        },
    }


def test_keys_are_shown_as_text_where_they_are_that() -> None:
    assert show_key(None) is None
    assert show_key("Grube Süd/3/158".encode()) == "Grube Süd/3/158"
    assert show_key(b"\xff\x00") == "0xff00"
