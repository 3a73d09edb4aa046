import base64
import json
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from stateserver.codec.packet import Kind
from stateserver.security.keyring import KeyRing, KeyRingTrouble
from stateserver.security.secret_document import SecretTrouble, write_private_file
from tests.security.rings import key_document, ring, ring_document


def test_a_ring_is_read_from_its_json_or_from_a_file(tmp_path: Path) -> None:
    text = json.dumps(ring_document())
    path = tmp_path / "ring.json"
    write_private_file(path, text)
    for loaded in (KeyRing.load(text), KeyRing.load(str(path))):
        assert list(map(attrgetter("id"), loaded.all_keys())) == ["ps-1", "ps-north", "worker-1", "gateway-1"]
        assert loaded.current(Kind.TICK).id == "worker-1"
        assert loaded.key("ps-north").systems == frozenset({"north-1", "north-2"})
        assert loaded.key("ps-1").systems is None


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    write_private_file(path, json.dumps(ring_document()))
    path.chmod(0o640)
    with pytest.raises(SecretTrouble, match="0640"):
        KeyRing.load(str(path))


@pytest.mark.parametrize(
    ("key_id", "kind", "system", "allowed"),
    [
        ("ps-1", Kind.FRAME, "anywhere", True),
        ("ps-1", Kind.TICK, "anywhere", False),
        ("ps-1", Kind.COMMAND, "anywhere", False),
        ("ps-north", Kind.FRAME, "north-1", True),
        ("ps-north", Kind.FRAME, "north-10", False),
        ("ps-north", Kind.FRAME, "*", False),
        ("ps-north", Kind.COMMAND, "north-1", False),
        ("gateway-1", Kind.COMMAND, "north-1", True),
    ],
)
def test_a_key_has_its_uses(key_id: str, kind: Kind, system: str, allowed: bool) -> None:
    assert ring().key(key_id).may_seal(kind, system) is allowed


def test_a_ring_that_only_reads_needs_no_current_key() -> None:
    reading = KeyRing.from_document({"keys": [key_document("ps-1", ["FRAME"])]})
    assert not reading.has_current(Kind.FRAME)
    with pytest.raises(KeyRingTrouble, match="no current key for TICK"):
        reading.current(Kind.TICK)


def test_a_key_that_is_not_there() -> None:
    assert ring().find("nobody") is None
    with pytest.raises(KeyRingTrouble, match="no key 'nobody'"):
        ring().key("nobody")


def test_nothing_shows_what_a_key_is() -> None:
    document = ring_document()
    loaded = KeyRing.from_document(document)
    shown = " ".join(map(repr, [loaded, loaded.all_keys(), loaded.all_keys()[0].cipher])) + str(loaded)
    for entry in document["keys"]:
        assert entry["id"] in shown
        assert entry["key"] not in shown
        assert base64.b64decode(entry["key"]).hex() not in shown


GOOD = key_document("ps-1", ["FRAME"])
OTHER = "A" * 43 + "="


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "no keys"),
        ({"keys": []}, "no keys"),
        ({"keys": {}}, "no keys"),
        ({"keys": ["ps-1"]}, "key 1 of the key ring is no JSON object"),
        ({"keys": [GOOD, GOOD]}, "two keys 'ps-1'"),
        ({"keys": [GOOD | {"id": ""}]}, "key 1 of the key ring has no usable id"),
        ({"keys": [GOOD | {"id": 7}]}, "no usable id"),
        ({"keys": [GOOD | {"id": "k" * 1025}]}, "no usable id"),
        ({"keys": [{"id": "ps-1"}]}, "key 'ps-1' of the key ring: its key is not base64 of 32 bytes"),
        ({"keys": [GOOD | {"key": GOOD["key"][:-4]}]}, "not base64 of 32 bytes"),
        ({"keys": [GOOD | {"key": GOOD["key"] + "AAAA"}]}, "not base64 of 32 bytes"),
        ({"keys": [GOOD | {"key": GOOD["key"].replace("=", "")}]}, "not base64 of 32 bytes"),
        ({"keys": [GOOD | {"key": f" {GOOD['key']}"}]}, "not base64 of 32 bytes"),
        ({"keys": [GOOD | {"key": "å" * 44}]}, "not base64 of 32 bytes"),
        ({"keys": [GOOD | {"uses": []}]}, "its uses are not a list"),
        ({"keys": [GOOD | {"uses": "FRAME"}]}, "its uses are not a list"),
        ({"keys": [GOOD | {"uses": [1]}]}, "its uses are not a list"),
        ({"keys": [GOOD | {"uses": ["frame"]}]}, "a use that is none"),
        ({"keys": [GOOD | {"systems": []}]}, "its systems are not a list"),
        ({"keys": [GOOD | {"systems": "*"}]}, "its systems are not a list"),
        ({"keys": [GOOD | {"systems": ["a/b"]}]}, "a system that cannot be"),
        ({"keys": [GOOD | {"systems": [""]}]}, "a system that cannot be"),
        ({"keys": [GOOD | {"system": ["*"]}]}, "mean nothing: system"),
        ({"keys": [GOOD], "curent": {}}, "mean nothing: curent"),
        ({"keys": [GOOD], "current": []}, "no JSON object"),
        ({"keys": [GOOD], "current": {"frame": "ps-1"}}, "names 'frame'"),
        ({"keys": [GOOD], "current": {"FRAME": "ps-2"}}, "is not in the key ring"),
        ({"keys": [GOOD], "current": {"FRAME": ["ps-1"]}}, "is not in the key ring"),
        ({"keys": [GOOD], "current": {"TICK": "ps-1"}}, "may not seal it"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_ring_that_cannot_be_right_is_refused(document: dict[str, Any], why: str) -> None:
    with pytest.raises(SecretTrouble, match=why) as caught:
        KeyRing.load(json.dumps(document))
    assert caught.value.hint
    assert GOOD["key"][:20] not in str(caught.value)
