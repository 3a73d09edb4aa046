import json
import os
import stat
from pathlib import Path

import pytest

from stateserver.security.secret_document import (
    SecretTrouble,
    load_secret_document,
    refuse_unknown_members,
    replace_private_file,
    write_private_file,
)

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="


def refusal(text_or_path: str) -> str:
    with pytest.raises(SecretTrouble) as caught:
        load_secret_document(text_or_path, "key ring")
    trouble = caught.value
    assert trouble.hint
    assert SECRET not in str(trouble)
    return trouble.message


def test_a_secret_where_its_path_belongs_is_not_said_again() -> None:
    for secret in ("stsv_" + "x" * 43, "eyJhbGciOiJub25lIn0.e30.", "k" * 43 + "="):
        assert secret not in refusal(secret)
        assert "(hidden)" in refusal(secret)
    for path in ("/run/secrets/stateserver/token-keys-of-the-site", "keys/ring.json", "a.b.json"):
        assert path in refusal(path)


def test_a_document_is_its_text() -> None:
    assert load_secret_document(' {"key": 1}', "key ring") == {"key": 1}


def test_a_document_is_in_a_file_that_its_owner_alone_may_read(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    write_private_file(path, '{"key": "å"}')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secret_document(str(path), "key ring") == {"key": "å"}
    path.chmod(0o400)
    assert load_secret_document(str(path), "key ring") == {"key": "å"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666, 0o660, 0o620, 0o700, 0o601])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ring.json"
    write_private_file(path, json.dumps({"key": SECRET}))
    path.chmod(mode)
    assert f"has mode {mode:04o}" in refusal(str(path))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "no regular file" in refusal(str(tmp_path))
    assert "No such file" in refusal(str(tmp_path / "nothing"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "no regular file" in refusal(str(tmp_path / "pipe"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        f'"{SECRET}"',
        f'[{{"key": "{SECRET}"}}]',
        f'"{{"key": "{SECRET}"}}',
        f"{SECRET}\n",
        SECRET * 1000,
    ],
)
def test_what_was_meant_as_json_is_not_taken_for_a_path_and_shown(text: str) -> None:
    assert "neither a JSON object nor a path" in refusal(text)


@pytest.mark.parametrize(
    "text",
    [f'{{"key": "{SECRET}"', f'{{"key": {SECRET}}}', f'{{"{SECRET}": 1, "{SECRET}": 2}}', '{"a":' * 100_000],
)
def test_what_is_no_json_is_refused_without_showing_it(text: str) -> None:
    assert "not JSON" in (message := refusal(text)) or "too deep" in message


def test_what_is_no_object_or_no_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    write_private_file(path, f'["{SECRET}"]')
    assert "no JSON object" in refusal(str(path))
    path.write_bytes(b"\xff")
    assert "UTF-8" in refusal(str(path))


def test_a_misspelt_member_is_refused() -> None:
    with pytest.raises(SecretTrouble, match="mean nothing: sytems") as caught:
        refuse_unknown_members({"id": 1, "sytems": 2}, frozenset({"id", "systems"}), "key 1")
    assert "id, systems" in caught.value.hint


def test_no_file_is_overwritten_by_accident(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    write_private_file(path, "{}")
    with pytest.raises(SecretTrouble, match="there already"):
        write_private_file(path, "{}")
    with pytest.raises(SecretTrouble, match="cannot write"):
        write_private_file(tmp_path / "nothing" / "ring.json", "{}")


def test_a_file_that_is_replaced_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    write_private_file(path, "{}")
    replace_private_file(path, '{"new": 1}')
    assert load_secret_document(str(path), "key ring") == {"new": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
