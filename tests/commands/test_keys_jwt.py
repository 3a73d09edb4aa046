"""`stateserver keys jwt`: a key that is made, a token that it signs, and a gateway's view of both."""

import json
import stat
from pathlib import Path

from stateserver.security.signed_tokens import SignedTokens
from stateserver.security.tokens import Principal, Role, TokenBook
from tests.commands.test_keys import good as run_good
from tests.commands.test_keys import refused as run_refused

ISSUED = ("--issuer", "mine", "--subject", "anna", "--role", "operator")


def checking(path: Path) -> SignedTokens:
    return SignedTokens.load(str(path), issuer="mine", audience="stateserver")


def token_of(said: str) -> str:
    return said.removeprefix("Token: ").strip()


def test_a_token_is_good_where_its_key_is_known(tmp_path: Path) -> None:
    signing, checks = tmp_path / "sign.json", tmp_path / "check.json"
    said = run_good("jwt", "new", "--id", "2026-1", "--signing", signing, "--out", checks)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (signing, checks)} == {0o600}
    private = json.loads(signing.read_text())["private"]
    assert private not in said + checks.read_text()
    token = token_of(run_good("jwt", "issue", "--signing", signing, *ISSUED, "--systems", "north"))
    assert checking(checks).read(token)[0] == Principal("anna", Role.OPERATOR, frozenset({"north"}))


def test_keys_are_rotated_by_adding_one(tmp_path: Path) -> None:
    one, two, checks = tmp_path / "1.json", tmp_path / "2.json", tmp_path / "check.json"
    run_good("jwt", "new", "--id", "1", "--signing", one, "--out", checks)
    run_good("jwt", "new", "--id", "2", "--algorithm", "HS256", "--signing", two, "--add", checks)
    for signing in (one, two):
        assert checking(checks).read(token_of(run_good("jwt", "issue", "--signing", signing, *ISSUED)))
    before = checks.read_bytes()
    assert "twice" in run_refused("jwt", "new", "--id", "2", "--signing", tmp_path / "3.json", "--add", checks)
    assert checks.read_bytes() == before
    assert not (tmp_path / "3.json").exists()


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    signing, checks = tmp_path / "sign.json", tmp_path / "check.json"
    run_refused("jwt", "new", "--id", "1", "--signing", signing)
    run_refused("jwt", "new", "--id", "1", "--algorithm", "RS256", "--signing", signing, "--out", checks)
    run_good("jwt", "new", "--id", "1", "--signing", signing, "--out", checks)
    run_refused("jwt", "issue", "--signing", checks, *ISSUED)
    run_refused("jwt", "issue", "--signing", signing, *ISSUED, "--systems", "a/b")
    run_refused("jwt", "issue", "--signing", signing, *ISSUED, "--hours", "100000")


def test_a_certificate_takes_a_tokens_place(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    said = run_good(
        "token", "--id", "ps-7", "--role", "packet-server", "--certificate", "dns:PS-7.example", "--out", path
    )
    assert "Token" not in said
    book = TokenBook.load(str(path))
    assert book.of_certificate(["sha256:" + "0" * 64, "dns:ps-7.example"], 0).id == "ps-7"
    run_refused("token", "--id", "ps-8", "--role", "viewer", "--certificate", "ps-8", "--add", path)
