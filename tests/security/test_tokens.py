import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from stateserver.security.secret_document import SecretTrouble, write_private_file
from stateserver.security.tokens import (
    TOKEN_PREFIX,
    Permission,
    Principal,
    Role,
    TokenBook,
    TokenRefused,
    entry_document,
    hash_token,
    may,
    new_token,
)

NOW = 1_800_000_000_000
VIEWER = new_token()
NORTH = new_token()
SHORT = new_token()
DOCUMENT = {
    "keys": [
        entry_document(VIEWER, "page-1", Role.VIEWER, ["*"], None),
        entry_document(NORTH, "north", Role.OPERATOR, ["north-1"], None),
        entry_document(SHORT, "short", Role.ADMIN, ["*"], NOW),
    ]
}
BOOK = TokenBook.load(json.dumps(DOCUMENT))


def test_a_token_is_long_and_known_by_its_prefix() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.startswith(TOKEN_PREFIX) and len(token) == len(TOKEN_PREFIX) + 43 for token in tokens)


def test_a_token_is_kept_by_its_sha_256_alone() -> None:
    assert hash_token(VIEWER) == hashlib.sha256(VIEWER.encode()).hexdigest()
    assert VIEWER not in json.dumps(DOCUMENT)
    assert hash_token(VIEWER) not in repr(BOOK)


def test_who_bears_a_token(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    write_private_file(path, json.dumps(DOCUMENT))
    for book in (BOOK, TokenBook.load(str(path))):
        assert book.authenticate(VIEWER, NOW) == Principal("page-1", Role.VIEWER, None)
        assert book.authenticate(NORTH, NOW) == Principal("north", Role.OPERATOR, frozenset({"north-1"}))


def test_a_hash_in_upper_case_is_the_same() -> None:
    entry = DOCUMENT["keys"][0]
    book = TokenBook.load(json.dumps({"keys": [entry | {"sha256": entry["sha256"].upper()}]}))
    assert book.authenticate(VIEWER, NOW).id == "page-1"


@pytest.mark.parametrize(
    "token",
    ["", VIEWER[:-1], VIEWER + "a", VIEWER.lower() + "A", new_token(), hash_token(VIEWER), "a" * 10**6, "\ud800", "å"],
    ids=["none", "cut", "longer", "other case", "another", "its hash", "huge", "surrogate", "not ascii"],
)
def test_who_bears_none_is_refused_and_told_nothing_more(token: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        BOOK.authenticate(token, NOW)
    assert caught.value.message == "the token is unknown or has expired"


def test_a_token_ends_when_it_expires() -> None:
    principal = BOOK.authenticate(SHORT, NOW - 1)
    assert BOOK.still_holds(principal, NOW - 1)
    with pytest.raises(TokenRefused):
        BOOK.authenticate(SHORT, NOW)
    assert not BOOK.still_holds(principal, NOW)
    assert BOOK.expires_ms(principal) == NOW
    assert BOOK.expires_ms(BOOK.authenticate(VIEWER, NOW)) is None


def test_who_was_let_in_stays_only_as_long_as_the_token_says_the_same() -> None:
    viewer = BOOK.authenticate(VIEWER, NOW)
    assert BOOK.still_holds(viewer, NOW)
    assert not BOOK.still_holds(viewer._replace(role=Role.ADMIN), NOW)
    assert not BOOK.still_holds(viewer._replace(systems=frozenset({"a"})), NOW)
    assert not BOOK.still_holds(viewer._replace(id="withdrawn"), NOW)


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        (Role.VIEWER, {Permission.READ}),
        (Role.OPERATOR, {Permission.READ, Permission.COMMAND}),
        (Role.PACKET_SERVER, {Permission.APPEND}),
        (Role.PEER, {Permission.APPEND, Permission.LINK}),
        (Role.ADMIN, set(Permission)),
    ],
)
def test_what_each_role_may_do(role: Role, permissions: set[Permission]) -> None:
    everywhere = Principal("id", role, None)
    bound = Principal("id", role, frozenset({"north-1"}))
    for permission in Permission:
        allowed = permission in permissions
        assert may(everywhere, permission, "any") is allowed
        assert may(everywhere, permission, None) is allowed
        assert may(bound, permission, "north-1") is allowed
        assert may(bound, permission, None) is allowed
        assert may(bound, permission, "any") is False


GOOD = DOCUMENT["keys"][0]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "no keys"),
        ({"keys": []}, "no keys"),
        ({"keys": [1]}, "entry 1 of the token file is no JSON object"),
        ({"keys": [GOOD], "tokens": []}, "mean nothing: tokens"),
        ({"keys": [GOOD | {"token": VIEWER}]}, "mean nothing: token"),
        ({"keys": [GOOD, GOOD]}, "'page-1' is there twice"),
        ({"keys": [GOOD, GOOD | {"id": "page-2"}]}, "'page-2' is there twice"),
        ({"keys": [GOOD | {"id": ""}]}, "no usable id"),
        ({"keys": [GOOD | {"sha256": VIEWER}]}, "not 64 hex digits"),
        ({"keys": [GOOD | {"sha256": None}]}, "not 64 hex digits"),
        ({"keys": [GOOD | {"role": "root"}]}, "a role that is none"),
        ({"keys": [GOOD | {"role": None}]}, "a role that is none"),
        ({"keys": [GOOD | {"role": ["viewer"]}]}, "a role that is none"),
        ({"keys": [GOOD | {"systems": []}]}, "not a list of one text"),
        ({"keys": [GOOD | {"systems": "*"}]}, "not a list of one text"),
        ({"keys": [GOOD | {"systems": ["a/b"]}]}, "a system that cannot be"),
        ({"keys": [GOOD | {"expires": "2027"}]}, "neither null nor ms"),
        ({"keys": [GOOD | {"expires": True}]}, "neither null nor ms"),
        ({"keys": [GOOD | {"expires": -1}]}, "neither null nor ms"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_document_that_cannot_be_right_is_refused(document: dict[str, Any], why: str) -> None:
    with pytest.raises(SecretTrouble, match=why) as caught:
        TokenBook.load(json.dumps(document))
    assert caught.value.hint
    assert VIEWER not in str(caught.value)
