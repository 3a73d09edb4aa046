"""Who is let in, and who is not: every way to ask, with every sort of credential."""

import json
from http.cookies import SimpleCookie

import httpx
import pytest
from starlette.datastructures import URL
from websockets.exceptions import InvalidStatus

from stateserver.gateway.auth import Doorkeeper
from tests.gateway.serving import Gateway, make_parts, make_tokens
from tests.gateway.test_system_model import sample_events

READS = [
    "/api/v1/status",
    "/api/v1/systems",
    "/api/v1/systems/site",
    "/api/v1/systems/site/units",
    "/api/v1/systems/site/units/3/1",
    "/api/v1/systems/site/warnings",
    "/api/v1/systems/site/changes",
    "/api/v1/systems/site/blasts",
    "/api/v1/blasts/x",
    "/api/v1/blasts/x/detonators",
    "/api/v1/session",
]
# Tried with every kind of credential by test_access.
GUARDED = ["/api/v1/systems/site/commands", "/api/v1/packets", "/api/v1/blasts/{blast}/report.{view}"]
OPEN = ["/", "/health/live", "/health/ready", "/metrics", "/api/v1/openapi.json"]


@pytest.fixture
def site(gateway: Gateway) -> Gateway:
    """A gateway that knows one system."""
    gateway.tell(sample_events())
    return gateway


async def session_of(gateway: Gateway, **headers: str) -> httpx.Response:
    """The answer to a log-in with the viewer's token."""
    async with gateway.client() as client:
        return await client.post("/api/v1/session", headers=headers)


def cookie_of(answer: httpx.Response) -> str:
    """The Cookie header that a browser would send from then on."""
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    return f"{morsel.key}={morsel.value}"


async def test_every_address_is_either_open_on_purpose_or_needs_a_credential(site: Gateway) -> None:
    async with site.client(None) as client:
        described = (await client.get("/api/v1/openapi.json")).json()["paths"]
        for path in OPEN:
            assert (await client.get(path)).status_code == 200
    known = {path.replace("x", "{blast}") for path in READS} | {*OPEN, *GUARDED}
    named = {path.replace("{system}", "site").replace("{unit}", "3/1") for path in described}
    assert named - known == set(), "a new address: say here whether it is open"


@pytest.mark.parametrize("token", [None, "", "wrong", "stsv_" + "x" * 43, "expired", "x" * 10_000])
async def test_no_credential_or_a_bad_one_is_refused(site: Gateway, token: str | None) -> None:
    sent = site.tokens.expired if token == "expired" else token
    headers = {} if sent is None else {"authorization": f"Bearer {sent}".strip()}
    async with site.client(None) as client:
        for path in READS:
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["type"] == "urn:stateserver:problem:not-logged-in"


async def test_a_token_in_the_query_string_is_never_taken(site: Gateway) -> None:
    async with site.client(None) as client:
        for path in READS:
            for name in ("token", "access_token", "authorization", "session"):
                answer = await client.get(path, params={name: site.tokens.viewer})
                assert answer.status_code == 401, path


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
async def test_only_bearer_tokens_are_taken(site: Gateway, scheme: str) -> None:
    async with site.client(None) as client:
        header = f"{scheme} {site.tokens.viewer}".strip()
        assert (await client.get("/api/v1/systems", headers={"authorization": header})).status_code == 401


async def test_a_role_that_may_not_read_is_refused(site: Gateway) -> None:
    async with site.client(site.tokens.packet_server) as client:
        answer = await client.get("/api/v1/systems")
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:stateserver:problem:not-allowed"


async def test_a_token_that_is_bound_sees_its_own_systems_alone(site: Gateway) -> None:
    site.tell(event._replace(system="other") for event in sample_events())
    async with site.client(site.tokens.bound) as client:
        systems = (await client.get("/api/v1/systems")).json()["systems"]
        assert [system["system"] for system in systems] == ["other"]
        assert (await client.get("/api/v1/systems/other")).status_code == 200
        assert (await client.get("/api/v1/systems/site")).status_code == 404


async def test_a_log_in_gives_a_cookie_that_scripts_and_other_sites_cannot_use(site: Gateway) -> None:
    answer = await session_of(site, origin=site.url)
    assert answer.status_code == 201
    assert answer.json() == {"id": "viewer", "role": "viewer", "systems": None}
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert morsel["httponly"]
    assert morsel["samesite"] == "strict"
    assert morsel["path"] == "/api/v1"
    assert site.tokens.viewer not in answer.headers["set-cookie"]
    async with site.client(None) as client:
        assert (await client.get("/api/v1/systems", headers={"cookie": cookie_of(answer)})).status_code == 200


async def test_a_log_in_needs_a_good_token_in_its_header(site: Gateway) -> None:
    cookie = cookie_of(await session_of(site))
    async with site.client(None) as client:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": cookie, "origin": site.url}):
            answer = await client.post("/api/v1/session", headers=headers)
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers


async def test_a_log_in_from_another_site_is_refused(site: Gateway) -> None:
    assert (await session_of(site, origin="http://evil.example")).status_code == 403


async def test_a_cookie_that_is_forged_or_foreign_is_refused(site: Gateway) -> None:
    name, _, value = cookie_of(await session_of(site)).partition("=")
    header, claims, signature = value.split(".")
    other = make_parts(site.tokens).doorkeeper._sessions.issue(  # another gateway's secret
        site.parts.doorkeeper._book.authenticate(site.tokens.viewer, 0), 2_000_000_000
    )
    async with site.client(None) as client:
        for forged in (f"{header}.{claims}.", f"{header}.{claims}.{signature[:-4]}AAAA", other, "x", ""):
            answer = await client.get("/api/v1/systems", headers={"cookie": f"{name}={forged}"})
            assert answer.status_code == 401


async def test_logging_out_needs_our_own_origin_and_takes_the_cookie_away(site: Gateway) -> None:
    cookie = cookie_of(await session_of(site))
    async with site.client(None) as client:
        for origin in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
            answer = await client.delete("/api/v1/session", headers={"cookie": cookie, **origin})
            assert answer.status_code == 403
        answer = await client.delete("/api/v1/session", headers={"cookie": cookie, "origin": site.url})
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_a_read_by_cookie_from_another_site_is_refused(site: Gateway) -> None:
    cookie = cookie_of(await session_of(site))
    async with site.client(None) as client:
        headers = {"cookie": cookie, "origin": "http://evil.example"}
        assert (await client.get("/api/v1/systems", headers=headers)).status_code == 403


async def refusal(gateway: Gateway, query: str = "", **headers: str) -> int:
    """The HTTP status that a WebSocket is refused with; 101 where it is not."""
    try:
        async with gateway.websocket(query, **(headers or {"x_nothing": "here"})):
            return 101
    except InvalidStatus as refused:
        status: int = json.loads(refused.response.body)["status"]
        return status if status == refused.response.status_code else -1


async def test_a_websocket_is_let_in_by_header_or_by_cookie_and_origin_alone(site: Gateway) -> None:
    token, cookie = site.tokens.viewer, cookie_of(await session_of(site))
    assert await refusal(site, authorization=f"Bearer {token}") == 101
    assert await refusal(site, cookie=cookie, origin=site.url) == 101
    assert await refusal(site) == 401
    assert await refusal(site, query=f"?token={token}") == 401
    assert await refusal(site, query=f"?access_token={token}") == 401
    assert await refusal(site, authorization="Bearer wrong") == 401
    assert await refusal(site, authorization=f"Bearer {site.tokens.expired}") == 401
    assert await refusal(site, origin=site.url) == 401
    assert await refusal(site, cookie=cookie) == 403
    assert await refusal(site, cookie=cookie, origin="null") == 403
    assert await refusal(site, cookie=cookie, origin="http://evil.example") == 403
    assert await refusal(site, cookie=cookie, origin=site.url.replace("http", "https")) == 403
    assert await refusal(site, cookie=cookie, origin=f"{site.url}.evil.example") == 403


def doorkeeper(public_origin: str | None) -> Doorkeeper:
    return make_parts(make_tokens(), public_origin).doorkeeper


@pytest.mark.parametrize(
    ("public_origin", "url", "secure"),
    [
        (None, "http://127.0.0.1:8080/", False),
        (None, "https://mine.example/", True),
        (None, "wss://mine.example/", True),
        ("https://mine.example", "http://10.0.0.1:8080/", True),
        ("http://mine.example", "http://10.0.0.1:8080/", False),
    ],
)
def test_cookies_are_secure_wherever_browsers_reach_us_by_tls(
    public_origin: str | None, url: str, secure: bool
) -> None:
    keeper = doorkeeper(public_origin)
    assert keeper.is_secure(URL(url)) is secure
    assert keeper.cookie_name(URL(url)).startswith("__Secure-") is secure
