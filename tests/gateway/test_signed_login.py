"""People with signed tokens, over HTTP and WebSocket, and a browser's session that rests on one."""

import json
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from stateserver.gateway import websocket
from stateserver.security.signed_tokens import SignedTokens
from stateserver.security.signing_keys import Algorithm, KeyDocuments, new_signing_key, sign_token
from tests.gateway.serving import Caller, Gateway
from tests.gateway.test_auth import cookie_of
from tests.gateway.test_system_model import sample_events
from tests.gateway.test_websocket import hear_out

KEY, NEXT = new_signing_key("one", Algorithm.EDDSA), new_signing_key("two", Algorithm.HS256)


def believe(site: Gateway, *keys: KeyDocuments, **more: Any) -> None:
    document = json.dumps({"keys": [key.verifying for key in keys], **more})
    signed = SignedTokens.load(document, issuer="mine", audience="stateserver")
    site.parts.doorkeeper.replace(site.parts.doorkeeper._book, signed)


def signed(key: KeyDocuments = KEY, **changed: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "mine",
        "aud": "stateserver",
        "sub": "anna",
        "role": "viewer",
        "systems": ["*"],
        "iat": now,
        "exp": now + 600,
    }
    return sign_token(json.dumps(key.signing), claims | changed)


@pytest.fixture
def site(gateway: Gateway) -> Gateway:
    """A gateway that knows one system, and whom to believe."""
    gateway.tell(sample_events())
    believe(gateway, KEY)
    return gateway


async def status(site: Gateway, path: str = "/api/v1/systems/site", **headers: str) -> int:
    async with site.client(None) as client:
        return (await client.get(path, headers=headers)).status_code


async def session(site: Gateway, token: str) -> dict[str, str]:
    """The headers that a browser would send from then on."""
    async with site.client(token) as client:
        answer = await client.post("/api/v1/session", headers={"origin": site.url})
    assert answer.status_code == 201
    assert answer.json()["id"] == "anna"
    return {"cookie": cookie_of(answer), "origin": site.url}


async def test_a_signed_token_is_as_good_as_its_claims(site: Gateway) -> None:
    for claims, expected in (
        ({}, 200),
        ({"systems": ["site", "other"]}, 200),
        ({"systems": ["other"]}, 404),
        ({"role": "packet-server"}, 403),
        ({"iss": "theirs"}, 401),
        ({"exp": int(time.time()) - 120}, 401),
        ({"sub": "viewer"}, 401),  # an API key goes by that name
    ):
        assert await status(site, authorization=f"Bearer {signed(**claims)}") == expected, claims
    async with site.websocket(authorization=f"Bearer {signed()}") as socket:
        assert "result" in await Caller(socket).call("systems.get", system="site")
    with pytest.raises(InvalidStatus):
        await site.websocket(authorization=f"Bearer {signed(NEXT)}")


async def test_it_can_be_traded_for_a_session_and_lasts_no_longer_than_it(site: Gateway) -> None:
    token = signed()
    headers = await session(site, token)
    assert token not in headers["cookie"]
    assert await status(site, **headers) == 200
    async with site.websocket(**headers) as socket:
        assert "result" in await Caller(socket).call("systems.get", system="site")
    now_s = int(time.time())
    opened = site.parts.doorkeeper._sessions.read(headers["cookie"].partition("=")[2])
    assert opened.proof is not None
    assert opened.proof.ends_s <= now_s + 600
    for held in ({"keys": (NEXT,)}, {"keys": (KEY,), "revoked": [opened.proof.token_id]}):
        believe(site, *held.pop("keys"), **held)  # type: ignore[arg-type]
        assert await status(site, **headers) == 401
        assert await status(site, authorization=f"Bearer {token}") == 401
        believe(site, KEY)
        assert await status(site, **headers) == 200
    site.parts.doorkeeper.replace(site.parts.doorkeeper._book, None)
    assert await status(site, **headers) == 401


async def test_a_key_that_is_withdrawn_ends_the_connections_that_it_let_in(
    site: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "CHECK_S", 0.05)
    headers = await session(site, signed())
    async with (
        site.websocket(authorization=f"Bearer {signed()}") as one,
        site.websocket(**headers) as two,
        site.websocket() as three,
    ):
        believe(site, NEXT)
        for socket in (one, two):
            with pytest.raises(ConnectionClosed) as closed:
                await hear_out(socket)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401
        assert "result" in await Caller(three).call("ping")


@pytest.mark.parametrize("where", ["token", "access_token", "jwt", "anything"])
async def test_in_an_address_it_is_refused_with_what_to_do(site: Gateway, where: str) -> None:
    for token in (signed(), site.tokens.viewer):
        for path in ("/api/v1/systems", "/", "/health/live"):
            async with site.client() as client:  # though the header has a good one
                answer = await client.get(path, params={where: token})
            assert answer.status_code == 401
            assert answer.json()["type"] == "urn:stateserver:problem:credential-in-query"
            assert token not in answer.text
            assert "withdraw it" in answer.json()["hint"]
        with pytest.raises(InvalidStatus) as refused:
            await site.websocket(f"?{where}={token}")
        assert refused.value.response.status_code == 401
