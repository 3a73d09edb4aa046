"""A ring is taken up while its process runs, and only one that can be used."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from stateserver.codec.packet import Kind
from stateserver.protocol.modes import Mode
from stateserver.security import keyring_file
from stateserver.security.envelope import open_record, seal
from stateserver.security.keyring import KeyRing
from stateserver.security.keyring_file import KeyRingFile
from stateserver.security.secret_document import SecretTrouble, replace_private_file, write_private_file
from tests.security.rings import key_document, ring_document

LOGGER = keyring_file.__name__


def grown(current: dict[str, str] | None = None) -> dict[str, Any]:
    """The ring with one more key."""
    document = ring_document()
    document["keys"].append(key_document("ps-2", ["FRAME"], None, bytes(range(9, 41))))
    return document | {"current": document["current"] | (current or {})}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ring.json"
    write_private_file(path, json.dumps(ring_document()))
    return path


def put(path: Path, document: object) -> None:
    replace_private_file(path, json.dumps(document))


def sealed_by(document: dict[str, Any], key_id: str) -> bytes:
    ring = KeyRing.from_document(document | {"current": {"FRAME": key_id}})
    return seal(ring, Kind.FRAME, "mine", "ps", 1, 1, Mode.IBS, b"frame")


def test_whoever_holds_the_ring_opens_what_a_key_seals_that_was_added_later(path: Path) -> None:
    file = KeyRingFile(str(path))
    ring = file.ring
    assert ring.find("ps-2") is None
    put(path, grown())
    file.look()
    assert open_record(ring, b"mine", sealed_by(grown(), "ps-2"), None)
    assert ring.current(Kind.FRAME).id == "ps-1"
    put(path, grown({"FRAME": "ps-2"}))
    file.look()
    assert ring.current(Kind.FRAME).id == "ps-2"


@pytest.mark.parametrize("broken", ['{"keys": [', "{}", ""], ids=["cut off", "no keys", "nothing"])
def test_a_broken_file_changes_nothing_and_is_told_once(
    path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = KeyRingFile(str(path))
    replace_private_file(path, broken)
    for _ in range(3):
        file.look()
    (told,) = [record for record in caplog.records if record.name == LOGGER]
    assert told.levelno == logging.ERROR
    assert "the one from before holds" in told.getMessage()
    assert file.ring.current(Kind.TICK).id == "worker-1"
    put(path, grown())
    file.look()
    assert file.ring.find("ps-2")


def test_a_file_that_others_may_read_or_that_is_gone_changes_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = KeyRingFile(str(path))
    put(path, grown())
    path.chmod(0o640)
    file.look()
    path.unlink()
    file.look()
    assert [record.levelno for record in caplog.records if record.name == LOGGER] == [logging.ERROR, logging.ERROR]
    assert file.ring.find("ps-2") is None
    assert file.ring.find("ps-1")


def test_what_is_told_names_keys_that_came_and_went_and_no_secret(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    file = KeyRingFile(str(path))
    document = grown()
    del document["keys"][1]
    put(path, document)
    file.look()
    assert "new keys ['ps-2']" in caplog.text
    (warned,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "keys ['ps-north'] are gone" in warned.getMessage()
    assert not any(entry["key"] in caplog.text for entry in document["keys"])


def test_what_was_not_touched_is_not_read_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    file = KeyRingFile(str(path))
    file.look()
    assert caplog.text == ""
    file.reload()
    assert "read anew" in caplog.text


def test_a_ring_given_as_json_stays(caplog: pytest.LogCaptureFixture) -> None:
    file = KeyRingFile(json.dumps(ring_document()))
    file.look()
    file.reload()
    assert file.ring.find("ps-1")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_at_the_start_a_broken_ring_is_refused(path: Path) -> None:
    replace_private_file(path, "{}")
    with pytest.raises(SecretTrouble):
        KeyRingFile(str(path))


async def test_it_is_watched(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring_file, "LOOK_EVERY_S", 0.001)
    file = KeyRingFile(str(path))
    watching = asyncio.create_task(file.watch())
    put(path, grown())
    async with asyncio.timeout(60):
        while file.ring.find("ps-2") is None:
            await asyncio.sleep(0.001)
    watching.cancel()
