import base64
import time
from typing import Any

import jwt
import pytest

from stateserver.security.secret_document import SecretTrouble
from stateserver.security.sessions import SessionRefused, Sessions, read_session_secret
from stateserver.security.tokens import Principal, Role

SECRET = bytes(range(32))
OLDER = bytes(range(1, 33))
LIFETIME_S = 3600
PRINCIPAL = Principal("page-1", Role.OPERATOR, frozenset({"north-1", "Grube Süd"}))


def sessions(*secrets: bytes, issuer: str = "stateserver", audience: str = "page") -> Sessions:
    return Sessions(secrets or (SECRET,), issuer=issuer, audience=audience, lifetime_s=LIFETIME_S)


def now_s() -> int:
    return int(time.time())


def test_a_session_says_whose_it_is() -> None:
    everywhere = Principal("admin-1", Role.ADMIN, None)
    assert sessions().read(sessions().issue(PRINCIPAL, now_s())).principal == PRINCIPAL
    assert sessions().read(sessions().issue(everywhere, now_s())).principal == everywhere


def test_a_session_lasts_a_lifetime_and_no_longer_than_its_token() -> None:
    given = sessions()
    assert given.read(given.issue(PRINCIPAL, now_s() - LIFETIME_S // 2))
    for over in (
        given.issue(PRINCIPAL, now_s() - LIFETIME_S - 60),
        given.issue(PRINCIPAL, now_s() - 120, ends_s=now_s() - 60),
    ):
        with pytest.raises(SessionRefused):
            given.read(over)


def test_secrets_can_be_replaced_while_sessions_last() -> None:
    before = sessions(OLDER).issue(PRINCIPAL, now_s())
    assert sessions(SECRET, OLDER).read(before).principal == PRINCIPAL
    with pytest.raises(SessionRefused):
        sessions(SECRET).read(before)
    after = sessions(SECRET, OLDER).issue(PRINCIPAL, now_s())
    assert sessions(SECRET).read(after).principal == PRINCIPAL


def claims(**changed: Any) -> dict[str, Any]:
    good = {
        "iss": "stateserver",
        "aud": "page",
        "sub": "page-1",
        "role": "viewer",
        "systems": None,
        "iat": now_s(),
        "exp": now_s() + 60,
    }
    return {name: value for name, value in (good | changed).items() if value != "absent"}


def signed(payload: dict[str, Any], secret: bytes = SECRET, algorithm: str = "HS256", **header: Any) -> str:
    key_id = jwt.get_unverified_header(sessions().issue(PRINCIPAL, now_s()))["kid"]
    headers = {"kid": key_id} | header
    return jwt.encode(
        payload,
        "" if algorithm == "none" else secret,
        algorithm,
        headers={k: v for k, v in headers.items() if v != "absent"},
    )


def test_what_is_signed_here_by_hand_is_known_too() -> None:
    assert sessions().read(signed(claims())).principal == Principal("page-1", Role.VIEWER, None)


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_no_other_algorithm_is_believed_though_the_secret_is_right(algorithm: str) -> None:
    secret = bytes(range(64))
    given = sessions(secret)
    key_id = jwt.get_unverified_header(given.issue(PRINCIPAL, now_s()))["kid"]
    assert given.read(signed(claims(), secret, kid=key_id))
    with pytest.raises(SessionRefused):
        given.read(signed(claims(), secret, algorithm, kid=key_id))


def test_another_secret_under_a_known_name_is_not_believed() -> None:
    with pytest.raises(SessionRefused):
        sessions(SECRET, OLDER).read(signed(claims(), OLDER))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "another"},
        {"iss": "absent"},
        {"aud": "another"},
        {"aud": "absent"},
        {"sub": "absent"},
        {"sub": 7},
        {"exp": "absent"},
        {"exp": "soon"},
        {"iat": "absent"},
        {"role": "root"},
        {"role": "absent"},
        {"systems": "absent"},
        {"systems": 7},
        {"nbf": 2**40},
    ],
    ids=str,
)
def test_a_session_that_lacks_what_it_needs_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(SessionRefused):
        sessions().read(signed(claims(**changed)))


@pytest.mark.parametrize("key_id", ["absent", "another", None, 7])
def test_a_session_of_an_unknown_key_is_refused(key_id: object) -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
    good = signed(claims())
    session = f"{head}.{good.partition('.')[2]}" if not isinstance(key_id, str) else signed(claims(), kid=key_id)
    with pytest.raises(SessionRefused):
        sessions().read(session)


@pytest.mark.parametrize(
    "session",
    ["", ".", "..", "a.b.c", "å", base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".e30.AA", "\0" * 10],
    ids=["empty", "dot", "dots", "letters", "not ascii", "deep", "zeros"],
)
def test_noise_is_refused(session: str) -> None:
    with pytest.raises(SessionRefused) as caught:
        sessions().read(session)
    assert caught.value.message == "the session is over or unknown"


def test_a_session_with_a_changed_character_is_refused() -> None:
    session = sessions().issue(PRINCIPAL, now_s())
    # The last character's low bits are padding: every one but that counts.
    for at in range(len(session) - 1):
        other = "A" if session[at] != "A" else "B"
        with pytest.raises(SessionRefused):
            sessions().read(session[:at] + other + session[at + 1 :])


def test_nothing_weak_signs_sessions() -> None:
    for secrets in ((), (b"short",), (SECRET, bytes(31))):
        with pytest.raises(SecretTrouble):
            Sessions(secrets, issuer="a", audience="b", lifetime_s=1)
    with pytest.raises(SecretTrouble):
        Sessions((SECRET,), issuer="a", audience="b", lifetime_s=0)


def test_nothing_shows_the_secret() -> None:
    assert SECRET.hex() not in repr(sessions())
    assert str(SECRET) not in repr(sessions())


def test_a_secret_is_read_from_base64() -> None:
    secret = bytes(range(224, 256))
    assert read_session_secret(base64.b64encode(secret).decode()) == secret
    assert read_session_secret(base64.urlsafe_b64encode(secret).decode()) == secret
    for wrong in ("", "short", base64.b64encode(bytes(31)).decode(), "å" * 44):
        with pytest.raises(SecretTrouble) as caught:
            read_session_secret(wrong)
        assert not wrong or wrong not in str(caught.value)
