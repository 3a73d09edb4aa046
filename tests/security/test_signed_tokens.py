"""Signed tokens of people: who they let in, and every way known to make one that should not."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stateserver.security.secret_document import SecretTrouble
from stateserver.security.signed_tokens import (
    CHARACTERS_MAX,
    LEEWAY_S,
    LIFETIME_S_MAX,
    Proof,
    SignedTokens,
    looks_signed,
)
from stateserver.security.signing_keys import Algorithm, KeyDocuments, new_signing_key, sign_token
from stateserver.security.tokens import Principal, Role, TokenRefused

ED = new_signing_key("ed-1", Algorithm.EDDSA)
HS = new_signing_key("hs-1", Algorithm.HS256)
NEXT = new_signing_key("ed-2", Algorithm.EDDSA)


def checking(*keys: KeyDocuments, revoked: tuple[str, ...] = ()) -> SignedTokens:
    document = {"keys": [key.verifying for key in keys or (ED, HS)], "revoked": list(revoked)}
    return SignedTokens.load(json.dumps(document), issuer="mine", audience="stateserver")


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": "mine",
        "aud": "stateserver",
        "sub": "anna",
        "role": "operator",
        "systems": ["north", "south"],
        "iat": now,
        "nbf": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (good | changed).items() if value != "absent"}


def signed(key: KeyDocuments = ED, **changed: Any) -> str:
    return sign_token(json.dumps(key.signing), claims(**changed))


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refused(token: str, tokens: SignedTokens | None = None) -> None:
    with pytest.raises(TokenRefused) as caught:
        (tokens or checking()).read(token)
    assert caught.value.message == "the token is unknown or has expired"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("key", [ED, HS])
def test_a_token_says_whose_it_is_and_by_which_key(key: KeyDocuments) -> None:
    principal, proof = checking().read(signed(key, jti="7"))
    assert principal == Principal("anna", Role.OPERATOR, frozenset({"north", "south"}))
    assert (proof.key_id, proof.token_id) == (key.signing["id"], "7")
    assert checking().still_holds(proof)
    assert checking().read(signed(key, systems=["*"]))[0].systems is None


def test_a_gateway_has_no_key_that_could_sign_by_eddsa() -> None:
    assert set(ED.verifying) == {"id", "algorithm", "public"}
    assert ED.signing["private"] not in json.dumps(ED.verifying)
    with pytest.raises(SecretTrouble, match="mean nothing"):
        checking(ED._replace(verifying=ED.verifying | {"private": ED.signing["private"]}))


@pytest.mark.parametrize(
    "changed",
    [
        *({name: "absent"} for name in ("iss", "aud", "sub", "exp", "iat", "role", "systems")),
        *({"iss": value} for value in ("theirs", "", "mine ")),
        *({"aud": value} for value in ("theirs", ["stateserver"], ["stateserver", "theirs"], None)),
        *({"sub": value} for value in ("", 7, None, "x" * 2000)),
        *({"role": value} for value in ("root", "", None, 7, ["admin"])),
        *({"systems": value} for value in ([], "north", None, [7], ["a/b"], {"north": 1})),
        {"exp": "soon"},
        {"jti": 7},
    ],
    ids=str,
)
def test_claims_that_are_missing_or_wrong(changed: dict[str, Any]) -> None:
    assert checking().read(signed(ED))
    refused(signed(ED, **changed))


@pytest.mark.parametrize(
    ("claim", "seconds_from_now"),
    [
        ("exp", -LEEWAY_S - 600),
        ("nbf", LEEWAY_S + 36_000),
        ("iat", LEEWAY_S + 36_000),
        ("exp", LIFETIME_S_MAX + 36_000),
    ],
)
def test_claims_of_another_time(claim: str, seconds_from_now: int) -> None:
    refused(signed(ED, **{claim: int(time.time()) + seconds_from_now}))


def test_clocks_may_be_a_little_apart_and_no_more() -> None:
    now = int(time.time())
    assert checking().read(signed(exp=now - LEEWAY_S // 2, iat=now - 600))
    assert checking().read(signed(nbf=now + LEEWAY_S // 2))


class TestAlgorithms:
    """A token has no say in how it is checked."""

    def forged(self, header: dict[str, Any], key: bytes | None) -> str:
        said = f"{part(header)}.{part(claims())}"
        signature = b"" if key is None else hmac.new(key, said.encode(), hashlib.sha256).digest()
        return f"{said}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    @pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
    def test_unsigned(self, algorithm: str) -> None:
        for key_id in ("ed-1", "hs-1"):
            refused(self.forged({"alg": algorithm, "typ": "JWT", "kid": key_id}, None))

    def test_a_public_key_is_nobodys_secret(self) -> None:
        public = Ed25519PrivateKey.from_private_bytes(base64.b64decode(ED.signing["private"])).public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for secret in (public.public_bytes_raw(), pem, pem.strip(), ED.verifying["public"].encode()):
            refused(self.forged({"alg": "HS256", "typ": "JWT", "kid": "ed-1"}, secret))

    @pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
    def test_another_hash(self, algorithm: str) -> None:
        secret = base64.b64decode(HS.signing["secret"])
        padded = secret if algorithm == "HS256" else secret + bytes(32)
        refused(jwt.encode(claims(), padded, algorithm, headers={"kid": "hs-1"}))

    def test_one_keys_token_under_anothers_name(self) -> None:
        for key, name in ((ED, "hs-1"), (HS, "ed-1"), (NEXT, "ed-1")):
            other = KeyDocuments(key.signing | {"id": name}, key.verifying)
            refused(signed(other))

    @pytest.mark.parametrize("key_id", ["absent", "nobody", "", None, 7, "../ed-1", ["ed-1"]])
    def test_keys_that_are_not_there(self, key_id: Any) -> None:
        good = signed()
        header = {"alg": "EdDSA", "typ": "JWT"} | ({} if key_id == "absent" else {"kid": key_id})
        refused(f"{part(header)}.{good.partition('.')[2]}")

    @pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
    def test_keys_that_come_along(self, name: str) -> None:
        mine = Ed25519PrivateKey.generate()
        x = base64.urlsafe_b64encode(mine.public_key().public_bytes_raw()).rstrip(b"=").decode()
        brought = {"kty": "OKP", "crv": "Ed25519", "x": x}
        refused(jwt.encode(claims(), mine, "EdDSA", headers={"kid": "ed-1", name: brought}))

    def test_what_must_be_understood_and_is_not(self) -> None:
        private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(ED.signing["private"]))
        refused(jwt.encode(claims(), private, "EdDSA", headers={"kid": "ed-1", "crit": ["odd"], "odd": 1}))


def test_every_character_counts() -> None:
    token = signed()
    for at in range(0, len(token) - 1, 7):
        other = "A" if token[at] != "A" else "B"
        refused(token[:at] + other + token[at + 1 :])


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "å.å.å", "\0.\0.\0", "e30.e30.", "x" * (CHARACTERS_MAX + 1)])
def test_noise(token: str) -> None:
    refused(token)
    refused(part([[[]]]) + "." + token)


def test_keys_are_rotated_while_tokens_last() -> None:
    before, after = signed(ED), signed(NEXT)
    both = checking(ED, NEXT)
    assert both.read(before)
    assert both.read(after)
    _, proof = both.read(before)
    later = checking(NEXT)
    refused(before, later)
    assert not later.still_holds(proof)
    assert later.read(after)


def test_a_token_can_be_revoked() -> None:
    token = signed(jti="lost")
    _, proof = checking().read(token)
    later = checking(ED, revoked=("lost",))
    refused(token, later)
    assert not later.still_holds(proof)
    assert later.read(signed())


def test_what_was_proved_ends_with_its_token() -> None:
    assert not checking().still_holds(Proof("ed-1", None, int(time.time()) - 1))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": []},
        {"keys": [7]},
        {"keys": [ED.verifying, ED.verifying]},
        {"keys": [ED.verifying | {"id": ""}]},
        {"keys": [ED.verifying | {"algorithm": "RS256"}]},
        {"keys": [ED.verifying | {"algorithm": "none"}]},
        {"keys": [ED.verifying | {"public": "AAAA"}]},
        {"keys": [HS.verifying | {"secret": base64.b64encode(bytes(31)).decode()}]},
        {"keys": [HS.verifying | {"secret": "not base64"}]},
        {"keys": [HS.verifying | {"public": ED.verifying["public"]}]},
        {"keys": [ED.verifying], "revoked": "lost"},
        {"keys": [ED.verifying], "colour": "red"},
    ],
)
def test_documents_that_cannot_be_right(document: dict[str, Any]) -> None:
    with pytest.raises(SecretTrouble) as caught:
        SignedTokens.load(json.dumps(document), issuer="mine", audience="stateserver")
    assert HS.signing["secret"] not in str(caught.value)


def test_nothing_shows_a_key() -> None:
    shown = repr(checking())
    assert HS.signing["secret"] not in shown
    assert "ed-1" in shown


def test_which_tokens_look_signed() -> None:
    assert looks_signed(signed())
    assert not looks_signed("stsv_x")


@pytest.mark.parametrize("key", [{}, {"id": "x"}, {"id": "x", "algorithm": "EdDSA"}, ED.verifying])
def test_what_cannot_sign(key: dict[str, Any]) -> None:
    with pytest.raises(SecretTrouble):
        sign_token(json.dumps(key), claims())
