import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stateserver.cli import stateserver
from stateserver.codec.packet import Kind
from stateserver.protocol.modes import Mode
from stateserver.security.envelope import open_record, seal
from stateserver.security.keyring import KeyRing
from stateserver.security.tokens import Role, TokenBook

A_DAY_MS = 86_400_000


def run(*arguments: str | Path, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(stateserver, ["keys", *map(str, arguments)], env=environ)


def good(*arguments: str | Path, environ: dict[str, str] | None = None) -> str:
    result = run(*arguments, environ=environ)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 2
    return result.output


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def secrets_of(path: Path) -> list[str]:
    return [entry["key"] for entry in json.loads(path.read_text())["keys"]]


def listed(*arguments: str | Path, environ: dict[str, str] | None = None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in good("list", *arguments, environ=environ).splitlines()]


class TestNew:
    def test_a_whole_ring_is_printed_that_seals_every_kind(self) -> None:
        ring = KeyRing.load(good("new"))
        for kind in Kind:
            value = seal(ring, kind, "mine-7", "", 0, 1, Mode.IBS, b"")
            assert open_record(ring, b"mine-7", value, None)
            assert ring.current(kind).uses == {kind}

    def test_no_two_keys_are_alike(self, tmp_path: Path) -> None:
        paths = [tmp_path / f"{number}.json" for number in range(3)]
        for path in paths:
            good("new", "--out", path)
        assert len({secret for path in paths for secret in secrets_of(path)}) == 9

    def test_a_file_is_private_and_its_keys_are_not_printed(self, tmp_path: Path) -> None:
        path = tmp_path / "ring.json"
        output = good("new", "--out", path)
        assert mode_of(path) == 0o600
        assert KeyRing.load(str(path)).current(Kind.TICK).id == "worker-1"
        assert all(secret not in output for secret in secrets_of(path))

    def test_no_file_is_overwritten(self, tmp_path: Path) -> None:
        path = tmp_path / "ring.json"
        good("new", "--out", path)
        before = path.read_bytes()
        assert "there already" in refused("new", "--out", path)
        assert path.read_bytes() == before

    def test_a_key_has_the_uses_and_systems_that_were_asked_for(self) -> None:
        asked = ("--id", "ps-7", "--uses", "FRAME", "--systems", "north-1", "--systems", "Grube Süd")
        key = KeyRing.load(good("new", *asked)).key("ps-7")
        assert key.may_seal(Kind.FRAME, "Grube Süd")
        assert not key.may_seal(Kind.FRAME, "south-1")
        assert not key.may_seal(Kind.TICK, "north-1")

    def test_a_packet_servers_key_is_added_to_the_ring_and_lies_alone_in_its_own(self, tmp_path: Path) -> None:
        ring_path, own_path = tmp_path / "ring.json", tmp_path / "ps-7.json"
        good("new", "--out", ring_path)
        good("new", "--id", "ps-7", "--uses", "FRAME", "--add", ring_path, "--out", own_path)
        own, ring = KeyRing.load(str(own_path)), KeyRing.load(str(ring_path))
        assert [key.id for key in own.all_keys()] == ["ps-7"]
        assert [key.id for key in ring.all_keys()] == ["packet-server-1", "worker-1", "gateway-1", "ps-7"]
        assert (mode_of(ring_path), mode_of(own_path)) == (0o600, 0o600)
        sealed = seal(own, Kind.FRAME, "mine-7", "ps-7", 1, 1, Mode.IBS, b"frame")
        assert open_record(ring, b"mine-7", sealed, None)

    def test_a_key_is_rotated_by_adding_one_that_is_made_current_once_all_can_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "ring.json"
        good("new", "--out", path)
        before = seal(KeyRing.load(str(path)), Kind.TICK, "mine-7", "", 0, 1, Mode.IBS, b"")
        good("new", "--id", "worker-2", "--uses", "TICK", "--add", path)
        assert KeyRing.load(str(path)).current(Kind.TICK).id == "worker-1"
        good("current", "--id", "worker-2", "--uses", "TICK", path)
        rotated = KeyRing.load(str(path))
        assert rotated.current(Kind.TICK).id == "worker-2"
        assert rotated.current(Kind.FRAME).id == "packet-server-1"
        assert open_record(rotated, b"mine-7", before, None)
        assert mode_of(path) == 0o600

    def test_an_added_key_is_current_where_that_is_said(self, tmp_path: Path) -> None:
        path, own_path = tmp_path / "ring.json", tmp_path / "own.json"
        good("new", "--out", path)
        good("new", "--id", "worker-2", "--uses", "TICK", "--current", "--add", path)
        assert KeyRing.load(str(path)).current(Kind.TICK).id == "worker-2"
        good("new", "--id", "worker-3", "--uses", "TICK", "--not-current", "--add", path, "--out", own_path)
        assert KeyRing.load(str(path)).current(Kind.TICK).id == "worker-2"
        assert not KeyRing.load(str(own_path)).has_current(Kind.TICK)

    def test_a_key_that_is_not_there_or_may_not_is_not_made_current(self, tmp_path: Path) -> None:
        path = tmp_path / "ring.json"
        good("new", "--out", path)
        before = path.read_bytes()
        assert "not in the key ring" in refused("current", "--id", "nobody", "--uses", "TICK", path)
        assert "may not seal it" in refused("current", "--id", "worker-1", "--uses", "FRAME", path)
        assert path.read_bytes() == before

    def test_a_ring_that_would_not_be_right_is_left_as_it_was(self, tmp_path: Path) -> None:
        path, own_path = tmp_path / "ring.json", tmp_path / "own.json"
        good("new", "--id", "ps-1", "--uses", "FRAME", "--out", path)
        before = path.read_bytes()
        assert "two keys" in refused("new", "--id", "ps-1", "--uses", "FRAME", "--add", path, "--out", own_path)
        assert "system that cannot be" in refused(
            "new", "--id", "ps-2", "--uses", "FRAME", "--systems", "a/b", "--add", path
        )
        assert path.read_bytes() == before
        assert not own_path.exists()
        path.chmod(0o644)
        assert "0644" in refused("new", "--id", "ps-2", "--uses", "FRAME", "--add", path)
        path.chmod(0o600)
        path.write_text("{}")
        assert "no keys" in refused("new", "--id", "ps-2", "--uses", "FRAME", "--add", path)

    @pytest.mark.parametrize(
        "arguments",
        [("--id", "ps-1"), ("--uses", "FRAME"), ("--id", "ps-1", "--uses", "frames"), ("--id", "", "--uses", "TICK")],
    )
    def test_what_makes_no_sense_is_refused(self, arguments: tuple[str, ...]) -> None:
        refused("new", *arguments)


class TestList:
    def test_it_shows_all_but_the_keys(self, tmp_path: Path) -> None:
        path = tmp_path / "ring.json"
        good("new", "--out", path)
        good("new", "--id", "ps-7", "--uses", "FRAME", "--systems", "north-1", "--not-current", "--add", path)
        expected = [
            {"id": "packet-server-1", "uses": ["FRAME"], "systems": ["*"], "current": ["FRAME"]},
            {"id": "worker-1", "uses": ["TICK"], "systems": ["*"], "current": ["TICK"]},
            {"id": "gateway-1", "uses": ["COMMAND"], "systems": ["*"], "current": ["COMMAND"]},
            {"id": "ps-7", "uses": ["FRAME"], "systems": ["north-1"], "current": []},
        ]
        assert listed(path) == expected
        assert listed(environ={"STATESERVER_KEYRING": str(path)}) == expected
        assert all(secret not in good("list", path) for secret in secrets_of(path))

    def test_without_a_ring_it_says_what_to_set(self) -> None:
        assert "STATESERVER_KEYRING" in refused("list")


class TestToken:
    def test_a_token_and_its_entry_are_printed(self) -> None:
        first, _, document = good("token", "--id", "page-1", "--role", "viewer").partition("\n")
        token = first.removeprefix("Token: ")
        principal = TokenBook.load(document).authenticate(token, 2**53)
        assert (principal.id, principal.role, principal.systems) == ("page-1", Role.VIEWER, None)
        assert token not in document

    def test_entries_are_kept_in_a_private_file(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.json"
        first = good("token", "--id", "page-1", "--role", "viewer", "--out", path)
        second = good(
            *("token", "--id", "ps-7", "--role", "packet-server", "--systems", "north-1", "--days", "2"),
            *("--add", str(path)),
        )
        assert mode_of(path) == 0o600
        book, now_ms = TokenBook.load(str(path)), time.time_ns() // 1_000_000
        assert book.authenticate(first.split()[1], now_ms).id == "page-1"
        bearer = book.authenticate(second.split()[1], now_ms)
        assert (bearer.role, bearer.systems) == (Role.PACKET_SERVER, frozenset({"north-1"}))
        expires_ms = book.expires_ms(bearer)
        assert expires_ms is not None
        assert now_ms + A_DAY_MS < expires_ms <= now_ms + 2 * A_DAY_MS
        assert first.split()[1] not in path.read_text()

    def test_what_cannot_be_is_refused_and_nothing_written(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.json"
        good("token", "--id", "page-1", "--role", "viewer", "--out", path)
        before = path.read_bytes()
        for wrong in (
            ("--id", "page-1", "--role", "viewer", "--add", path),
            ("--id", "page-2", "--role", "viewer", "--out", path),
            ("--id", "page-2", "--role", "root"),
            ("--id", "page-2", "--role", "viewer", "--systems", "a/b"),
            ("--id", "page-2", "--role", "viewer", "--out", tmp_path / "new.json", "--add", path),
            ("--id", "page-2"),
        ):
            assert "stsv_" not in refused("token", *wrong)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]
