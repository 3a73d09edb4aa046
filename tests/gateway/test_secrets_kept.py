"""Secrets are in no log, answer, metric or audit line: a real worker and a real gateway, led into many troubles."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from stateserver.broker.process import Broker
from stateserver.security.secret_document import write_private_file
from stateserver.security.signing_keys import Algorithm, new_signing_key, sign_token
from stateserver.security.tokens import hash_token
from tests.gateway.serving import LIMIT_S, make_tokens
from tests.gateway.topics import make_topics, new_topics

ROOT = Path(__file__).parents[2]


class Site:
    """A worker and a gateway, their secrets, and all that they and their answers have said."""

    def __init__(self, folder: Path, bootstrap: str, prefix: str) -> None:
        self.tokens = make_tokens()
        self.session_secret = base64.b64encode(os.urandom(32)).decode()
        self.jwt_key = new_signing_key("hs-1", Algorithm.HS256)
        self.ring_keys = [base64.b64encode(os.urandom(32)).decode() for _ in range(3)]
        self.said: list[bytes] = []
        self.tokens_file, self.audit, self.folder = folder / "tokens.json", folder / "audit.jsonl", folder
        write_private_file(self.tokens_file, self.tokens.document)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STATESERVER_")},
            "STATESERVER_BROKERS": bootstrap,
            "STATESERVER_TOPIC_PREFIX": prefix,
            "STATESERVER_GROUP": prefix.rstrip("."),
            "STATESERVER_DATA_DIR": str(folder / "data"),
            "STATESERVER_KEYRING": self._ring(),
            "STATESERVER_HTTP_PORT": "0",
            "STATESERVER_TOKENS_FILE": str(self.tokens_file),
            "STATESERVER_TOKENS_SESSION_SECRET": self.session_secret,
            "STATESERVER_TOKENS_JWT_KEYS": json.dumps({"keys": [self.jwt_key.verifying]}),
            "STATESERVER_TOKENS_ISSUER": "mine",
            "STATESERVER_AUDIT_LOG": str(self.audit),
            "STATESERVER_LOG_LEVEL": "DEBUG",
        }

    def _ring(self) -> str:
        kinds = ("FRAME", "TICK", "COMMAND")
        keys = [
            {"id": kind, "key": key, "uses": [kind], "systems": ["*"]}
            for kind, key in zip(kinds, self.ring_keys, strict=True)
        ]
        return json.dumps({"keys": keys, "current": {kind: kind for kind in kinds}})

    def signed(self, **changed: Any) -> str:
        """A good JWT."""
        now = int(time.time())
        claims = {"iss": "mine", "aud": "stateserver", "sub": "anna", "role": "viewer", "systems": ["*"]}
        return sign_token(json.dumps(self.jwt_key.signing), claims | {"iat": now, "exp": now + 600} | changed)

    def secrets(self, *more: str) -> list[str]:
        """All of them, and what could stand for one."""
        keys = [self.session_secret, self.jwt_key.signing["secret"], *self.ring_keys]
        raw = [base64.b64decode(key).hex() for key in keys]
        made = [*self.tokens[:4], *self.tokens.by_role.values(), *self.tokens.bound_by_role.values()]
        return [*keys, *raw, *made, *(hash_token(token) for token in made), *more]

    def run(self, *arguments: str, **environment: str) -> int:
        """A command to its end; what it says is kept."""
        done = subprocess.run(
            [sys.executable, "-m", "stateserver", *arguments],
            env=self.environment | environment,
            cwd=self.folder,
            capture_output=True,
            timeout=2 * LIMIT_S,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        return done.returncode

    @asynccontextmanager
    async def process(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """One that runs; what it logs is kept."""
        log = self.folder / f"{arguments[0]}.log"
        with log.open("wb") as out:
            started = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "stateserver", *arguments),
                env=self.environment,
                cwd=self.folder,
                stdout=out,
                stderr=out,
            )
            try:
                yield started
                assert started.returncode is None, log.read_text(errors="replace")[-2_000:]
                started.send_signal(signal.SIGTERM)
                await asyncio.wait_for(started.wait(), LIMIT_S)
            finally:
                if started.returncode is None:
                    started.kill()
                    await started.wait()
                self.said.append(log.read_bytes())

    def logged(self, name: str) -> str:
        """What a process has logged so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(2 * LIMIT_S):
        while not holds():
            await asyncio.sleep(0.05)


def port_in(log: str) -> int | None:
    lines = [line for line in log.splitlines() if "listening on" in line]
    return int(lines[0].split()[-1]) if lines else None


async def make_trouble_over_http(site: Site, port: int, cookies: list[str]) -> None:
    token, signed = site.tokens.viewer, site.signed()
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=LIMIT_S) as client:

        async def ask(method: str, path: str, **how: Any) -> httpx.Response:
            answer = await client.request(method, path, **how)
            site.said.append(answer.content)
            site.said.append(str([pair for pair in answer.headers.raw if pair[0] != b"set-cookie"]).encode())
            return answer

        while (await ask("GET", "/health/ready")).status_code != 200:
            await asyncio.sleep(0.1)
        for one in (token, signed):
            bearer = {"authorization": f"Bearer {one}"}
            assert (await ask("GET", "/api/v1/systems", headers=bearer)).status_code == 200
            for wrong in (f"Bearer {one}x", f"Basic {one}", f"{one}", f"Bearer {one} {one}"):
                assert (await ask("GET", "/api/v1/systems", headers={"authorization": wrong})).status_code == 401
            await ask("GET", f"/api/v1/systems?token={one}")
            await ask("GET", f"/api/v1/systems?{one}", headers=bearer)
            await ask("GET", f"/?access_token={one}")
            for path in (
                f"/api/v1/systems/{one}",
                f"/api/v1/blasts/{one}",
                f"/{one}",
                f"/api/v1/systems/x/units/{one}",
            ):
                await ask("GET", path, headers=bearer)
            await ask("POST", "/api/v1/session", headers={"cookie": f"stateserver-{port}={one}"})
            await ask("POST", "/api/v1/session", headers={**bearer, "origin": f"http://{one}"})
            await ask("DELETE", "/api/v1/session", headers={"origin": one})
            await ask("POST", f"/api/v1/systems/{one}/commands", headers=bearer, json={"action": one, "note": one})
            await ask("POST", "/api/v1/packets", headers=bearer, content=one)
            opened = await ask("POST", "/api/v1/session", headers=bearer)
            cookies.append(opened.cookies[f"stateserver-{port}"])
            client.cookies.clear()
            await ask("GET", "/api/v1/systems", headers={"cookie": f"stateserver-{port}={cookies[-1]}x"})
        await ask("GET", "/metrics")


async def make_trouble_over_websocket(site: Site, port: int, cookie: str) -> None:
    url = f"ws://127.0.0.1:{port}/api/v1/ws"
    with pytest.raises(InvalidStatus):
        await connect(f"{url}?token={site.tokens.viewer}", proxy=None)
    for token in (site.tokens.viewer, site.signed()):
        headers = {"authorization": f"Bearer {token}"}
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            for message in (
                token,
                json.dumps(token),
                json.dumps({"jsonrpc": "2.0", "id": token, "method": "systems.list"}),
                json.dumps({"jsonrpc": "2.0", "id": 1, "method": token}),
                json.dumps({"jsonrpc": "2.0", "id": 1, "method": "systems.get", "params": {"system": token}}),
                json.dumps({"jsonrpc": "2.0", "id": 1, "method": "systems.get", "params": {token: token}}),
            ):
                await socket.send(message)
                answer = await asyncio.wait_for(socket.recv(), LIMIT_S)
                # A call's own id is given back as JSON-RPC wants it, to whoever gave it.
                site.said.append(str(answer).replace(f'"id":"{token}"', "").encode())
    origin = f"http://127.0.0.1:{port}"
    headers = {"cookie": f"stateserver-{port}={cookie}", "origin": origin}
    async with connect(url, additional_headers=headers, proxy=None):
        """Let in by its cookie."""


async def renew_with_trouble(site: Site, gateway: asyncio.subprocess.Process, port: int) -> None:
    """A token file that can't be used leaves the old one in force; a right one is taken."""
    good = site.tokens.document
    site.tokens_file.write_text(good.replace('"role": "viewer"', f'"role": "{site.tokens.viewer}"'))
    gateway.send_signal(signal.SIGHUP)
    await until(lambda: "could not be read anew" in site.logged("gateway"))
    headers = {"authorization": f"Bearer {site.tokens.viewer}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, headers=headers) as client:
        assert (await client.get("/api/v1/systems")).status_code == 200
        document = json.loads(good)
        document["keys"] = [key for key in document["keys"] if key["id"] != "viewer"]
        site.tokens_file.write_text(json.dumps(document))
        gateway.send_signal(signal.SIGHUP)
        while (await client.get("/api/v1/systems")).status_code != 401:
            await asyncio.sleep(0.05)


@pytest.mark.timeout(300)
async def test_no_secret_is_ever_said(tansu: Broker, tmp_path: Path) -> None:
    topics = new_topics()
    await make_topics(tansu.bootstrap, topics)
    site, cookies = Site(tmp_path, tansu.bootstrap, topics.packets.removesuffix("packets")), list[str]()
    async with site.process("worker"), site.process("gateway") as gateway:
        await until(lambda: port_in(site.logged("gateway")))
        port = port_in(site.logged("gateway"))
        assert port is not None
        await make_trouble_over_http(site, port, cookies)
        await make_trouble_over_websocket(site, port, cookies[0])
        await renew_with_trouble(site, gateway, port)
    assert len(site.audit.read_text().splitlines()) > 20
    keep_looking(site, *cookies)


@pytest.mark.timeout(300)
def test_nor_by_commands_and_what_does_not_start(tmp_path: Path) -> None:
    site = Site(tmp_path, "127.0.0.1:1", "none.")
    site.audit.touch()
    assert site.run("check") == 1
    assert site.run("keys", "list") == 0
    for name, value in (
        ("TOKENS_FILE", site.tokens.viewer),
        ("TOKENS_JWT_KEYS", f'{{"keys": ["{site.session_secret}"]}}'),
        ("TOKENS_SESSION_SECRET", f"{site.session_secret}x"),
    ):
        assert site.run("gateway", **{f"STATESERVER_{name}": value}) == 2, name
    keep_looking(site)


def keep_looking(site: Site, *more: str) -> None:
    """Nothing secret is in anything that was said."""
    said = b"\n".join([*site.said, site.audit.read_bytes()])
    assert len(said) > 1_000
    for secret in site.secrets(*more):
        assert secret.encode() not in said, secret[:8]
