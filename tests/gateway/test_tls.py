"""TLS with real clients: how it is agreed on, who is known by a certificate, and what a renewal changes."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from websockets.asyncio.client import ClientConnection, connect

from stateserver.gateway.tls import Certificates
from stateserver.security.tokens import TokenBook
from stateserver.settings import SettingError, Settings, load_settings
from tests.gateway.certificates import Authority, Pair
from tests.gateway.serving import LIMIT_S, Caller, Gateway, make_parts, make_tokens, serving, until
from tests.gateway.test_system_model import sample_events


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Whom everybody here believes."""
    return Authority(tmp_path, "authority")


def settings_for(server: Pair, **more: str) -> Settings:
    return load_settings(
        {
            "STATESERVER_TLS_CERT": str(server.certificate),
            "STATESERVER_TLS_KEY": str(server.key),
            **{f"STATESERVER_{name}": value for name, value in more.items()},
        }
    )


@asynccontextmanager
async def over_tls(certificates: Certificates, *entries: dict[str, Any]) -> AsyncIterator[Gateway]:
    """A gateway that knows one system, and these certificates beside the tokens."""
    tokens = make_tokens()
    document = json.loads(tokens.document)
    document["keys"] += entries
    parts = make_parts(tokens)
    parts.doorkeeper._book = TokenBook.load(json.dumps(document))
    async with serving(parts, tokens, certificates=certificates) as site:
        site.tell(sample_events())
        yield site


def entry(certificate: str, **more: Any) -> dict[str, Any]:
    return {"id": certificate[:20], "certificate": certificate, "role": "viewer", "systems": ["*"]} | more


def https(site: Gateway, context: ssl.SSLContext, **headers: str) -> httpx.AsyncClient:
    base = f"https://127.0.0.1:{site.port}"
    return httpx.AsyncClient(base_url=base, verify=context, headers=headers, timeout=LIMIT_S, trust_env=False)


def wss(site: Gateway, context: ssl.SSLContext, **headers: str) -> connect:
    return connect(f"wss://127.0.0.1:{site.port}/api/v1/ws", ssl=context, additional_headers=headers, proxy=None)


def serial_seen(socket: ClientConnection) -> int:
    """The number of the certificate that the other side showed when this connection was made."""
    shown = socket.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(shown).serial_number


async def test_tokens_and_cookies_come_by_tls(authority: Authority) -> None:
    async with over_tls(Certificates(settings_for(authority.server("one")))) as site:
        bearing = {"authorization": f"Bearer {site.tokens.viewer}"}
        async with https(site, authority.trusting(), **bearing) as client:
            assert (await client.get("/api/v1/systems")).status_code == 200
            cookie = (await client.post("/api/v1/session")).headers["set-cookie"]
        assert cookie.startswith("__Secure-stateserver=")
        assert "; secure" in cookie.lower()
        async with https(site, authority.trusting()) as client:
            assert (await client.get("/api/v1/systems")).status_code == 401
        async with wss(site, authority.trusting(), **bearing) as socket:
            assert "result" in await Caller(socket).call("systems.list")


async def handshake(site: Gateway, context: ssl.SSLContext) -> str:
    """The version that is agreed on. Raises ssl.SSLError where none is."""
    _, writer = await asyncio.open_connection("127.0.0.1", site.port, ssl=context)
    version: str = writer.get_extra_info("ssl_object").version()
    writer.close()
    await writer.wait_closed()
    return version


async def test_nothing_older_than_tls_1_2_and_nothing_weak(authority: Authority) -> None:
    async with over_tls(Certificates(settings_for(authority.server("one")))) as site:
        assert await handshake(site, authority.trusting()) == "TLSv1.3"
        older = authority.trusting()
        older.maximum_version = ssl.TLSVersion.TLSv1_2
        assert await handshake(site, older) == "TLSv1.2"
        for ciphers in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"):
            weak = authority.trusting()
            weak.maximum_version = ssl.TLSVersion.TLSv1_2
            weak.set_ciphers(f"{ciphers}:@SECLEVEL=0")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await handshake(site, weak)


def test_older_versions_cannot_be_agreed_on(authority: Authority) -> None:
    context = Certificates(settings_for(authority.server("one"))).context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_TICKET
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert {cipher["name"] for cipher in context.get_ciphers() if "GCM" not in cipher["name"]} <= {
        *("TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"),
    }


class TestClientCertificates:
    async def test_a_machine_is_known_by_its_certificate(self, authority: Authority) -> None:
        by_hash = authority.client("by-hash")
        by_name = authority.client("by-name", x509.DNSName("PS-7.mine.example"))
        by_uri = authority.client("by-uri", x509.UniformResourceIdentifier("spiffe://mine/ps-8"))
        server = settings_for(authority.server("one"), TLS_CLIENT_CA=str(authority.file))
        entries = [
            entry(f"sha256:{by_hash.fingerprint}", id="hash"),
            entry("dns:ps-7.mine.example", id="dns", systems=["other"]),
            entry("uri:spiffe://mine/ps-8", id="uri", role="packet-server"),
        ]
        async with over_tls(Certificates(server), *entries) as site:
            for client, name, status in ((by_hash, "hash", 200), (by_name, "dns", 404), (by_uri, "uri", 403)):
                async with https(site, authority.trusting(client)) as asking:
                    assert (await asking.get("/api/v1/session")).json()["id"] == name
                    assert (await asking.get("/api/v1/systems/site")).status_code == status
            async with wss(site, authority.trusting(by_hash)) as socket:
                assert "result" in await Caller(socket).call("systems.get", system="site")
            await self.and_nobody_else(site, authority, by_hash)

    async def and_nobody_else(self, site: Gateway, authority: Authority, known: Pair) -> None:
        async with https(site, authority.trusting(authority.client("stranger"))) as asking:
            assert (await asking.get("/api/v1/systems")).status_code == 401
        async with https(site, authority.trusting()) as asking:
            assert (await asking.get("/api/v1/systems")).status_code == 401
        # A browser that has a certificate shows it to us whichever page makes it ask.
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            async with https(site, authority.trusting(known), **headers) as asking:
                assert (await asking.get("/api/v1/systems")).status_code == 403
        # A token that is sent beside it is what counts.
        async with https(site, authority.trusting(known), authorization="Bearer wrong") as asking:
            assert (await asking.get("/api/v1/systems")).status_code == 401

    async def test_what_another_authority_signed_or_has_ended(self, authority: Authority, tmp_path: Path) -> None:
        forged = Authority(tmp_path, "forger").client("by-name", x509.DNSName("ps-7.mine.example"))
        ended = authority.client("ended", x509.DNSName("ps-7.mine.example"), ended=True)
        server = settings_for(authority.server("one"), TLS_CLIENT_CA=str(authority.file))
        async with over_tls(Certificates(server), entry("dns:ps-7.mine.example")) as site:
            for client in (forged, ended):
                async with https(site, authority.trusting(client)) as asking:
                    with pytest.raises(httpx.TransportError):
                        await asking.get("/api/v1/systems")

    async def test_where_they_are_required_there_is_no_connection_without(self, authority: Authority) -> None:
        known = authority.client("known")
        server = settings_for(authority.server("one"), TLS_CLIENT_CA=str(authority.file), TLS_CLIENT="required")
        async with over_tls(Certificates(server), entry(f"sha256:{known.fingerprint}")) as site:
            async with https(site, authority.trusting(known)) as asking:
                assert (await asking.get("/api/v1/systems")).status_code == 200
            bearing = {"authorization": f"Bearer {site.tokens.viewer}"}
            async with https(site, authority.trusting(), **bearing) as asking:
                with pytest.raises(httpx.TransportError):
                    await asking.get("/api/v1/systems")


class TestRenewal:
    async def test_the_old_connection_lives_and_the_new_one_sees_the_new_certificate(
        self, authority: Authority
    ) -> None:
        server = authority.server("one")
        certificates = Certificates(settings_for(server))
        before = server.serial
        async with over_tls(certificates) as site:
            bearing = {"authorization": f"Bearer {site.tokens.viewer}"}
            async with wss(site, authority.trusting(), **bearing) as old:
                assert serial_seen(old) == before
                renewed = authority.server("one")
                assert certificates.have_changed()
                certificates.reload()
                assert not certificates.have_changed()
                async with wss(site, authority.trusting(), **bearing) as new:
                    assert serial_seen(new) == renewed.serial != before
                    assert "result" in await Caller(new).call("ping")
                assert "result" in await Caller(old).call("ping")
                assert serial_seen(old) == before

    async def test_an_authority_that_is_no_longer_there_lets_nobody_in(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        known, trusted = authority.client("known"), tmp_path / "clients.pem"
        trusted.write_bytes(authority.file.read_bytes())
        certificates = Certificates(settings_for(authority.server("one"), TLS_CLIENT_CA=str(trusted)))
        async with over_tls(certificates, entry(f"sha256:{known.fingerprint}")) as site:
            async with https(site, authority.trusting(known)) as asking:
                assert (await asking.get("/api/v1/systems")).status_code == 200
            trusted.write_bytes(Authority(tmp_path, "successor").file.read_bytes())
            certificates.reload()
            async with https(site, authority.trusting(known)) as asking:
                with pytest.raises(httpx.TransportError):
                    await asking.get("/api/v1/systems")

    async def test_what_cannot_be_used_changes_nothing(self, authority: Authority) -> None:
        server = authority.server("one")
        certificates = Certificates(settings_for(server))
        before = server.serial
        async with over_tls(certificates) as site:
            server.key.write_bytes(authority.server("another").key.read_bytes())
            with pytest.raises(SettingError, match="can't be used with its key"):
                certificates.reload()
            bearing = {"authorization": f"Bearer {site.tokens.viewer}"}
            async with wss(site, authority.trusting(), **bearing) as socket:
                assert serial_seen(socket) == before


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(authority: Authority) -> None:
    server = authority.server("one")
    key = load_pem_private_key(server.key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password of a test"))
    server.key.write_bytes(locked)
    with pytest.raises(SettingError, match="STATESERVER_TLS_CERT"):
        Certificates(settings_for(server))


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_an_authority_that_cannot_be_read(authority: Authority, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "clients.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match="STATESERVER_TLS_CLIENT_CA"):
        Certificates(settings_for(authority.server("one"), TLS_CLIENT_CA=str(file)))


async def test_who_dribbles_the_handshake_is_cut_off(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stateserver.gateway.server.HANDSHAKE_LIMIT_S", 0.3)
    async with over_tls(Certificates(settings_for(authority.server("one")))) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(b"\x16\x03\x01")
        assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""
        writer.close()
        await until(lambda: not site.parts.metrics.connections._value.get())
