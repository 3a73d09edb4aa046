"""The gateway as a process: what it refuses to start with, and how it starts and stops."""

import asyncio
import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from stateserver.broker.process import Broker
from stateserver.errors import StateServerError
from stateserver.gateway.serve import GatewayTrouble, listen, serve
from stateserver.security.secret_document import replace_private_file, write_private_file
from stateserver.security.tokens import Role
from stateserver.settings import load_settings
from tests.gateway.serving import LIMIT_S, Tokens, make_tokens, until
from tests.gateway.test_system_model import sample_events
from tests.gateway.topics import make_topics, new_topics, writing
from tests.stream.journals import RING_DOCUMENT


def environment(tokens: Tokens, **more: str) -> dict[str, str]:
    """All that a gateway needs, and more; an empty value takes a setting away."""
    wanted = {
        "STATESERVER_HTTP_PORT": "0",
        "STATESERVER_TOKENS_FILE": tokens.document,
        "STATESERVER_TOKENS_SESSION_SECRET": base64.b64encode(os.urandom(32)).decode(),
        **{f"STATESERVER_{name}": value for name, value in more.items()},
    }
    return {name: value for name, value in wanted.items() if value}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"TOKENS_FILE": ""}, "STATESERVER_TOKENS_FILE"),
        ({"TOKENS_FILE": '{"keys": []}'}, "token file has no keys"),
        ({"TOKENS_SESSION_SECRET": ""}, "STATESERVER_TOKENS_SESSION_SECRET"),
        ({"HTTP_HOST": "127.0.0.2"}, "STATESERVER_HTTP_HOST"),
        ({"TLS_CERT": "no-such.pem", "TLS_KEY": "no-such.pem"}, "STATESERVER_TLS_CERT"),
    ],
)
async def test_it_does_not_start_with_what_would_let_anybody_in(changed: dict[str, str], named: str) -> None:
    settings = load_settings(environment(make_tokens(), **changed))
    with pytest.raises(StateServerError, match=re.escape(named)) as trouble:
        await serve(settings)
    assert trouble.value.hint or "TLS" in named


async def test_behind_a_proxy_it_may_listen_to_others() -> None:
    settings = load_settings(
        environment(make_tokens(), HTTP_HOST="127.0.0.2", HTTP_PUBLIC_ORIGIN="https://blasts.example")
    )
    ports: list[int] = []
    serving = asyncio.create_task(serve(settings, ports.append))
    await until(lambda: bool(ports) or serving.done())
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, LIMIT_S)
    assert ports


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(GatewayTrouble, match=f"can't listen on 127.0.0.1 port {port}"):
            listen("127.0.0.1", port)
        done = subprocess.run(
            [sys.executable, "-m", "stateserver", "gateway"],
            env=os.environ | environment(make_tokens(), HTTP_PORT=str(port)),
            capture_output=True,
            text=True,
            timeout=LIMIT_S * 2,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith(f"Error: can't listen on 127.0.0.1 port {port}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_starts_becomes_ready_and_stops_cleanly(tansu: Broker, tmp_path: Path, how: signal.Signals) -> None:
    topics = new_topics()
    await make_topics(tansu.bootstrap, topics)
    prefix = topics.packets.removesuffix("packets")
    variables = environment(make_tokens(), BROKERS=tansu.bootstrap, TOPIC_PREFIX=prefix, HTTP_PORT="0")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "stateserver", "gateway"),
        env=os.environ | variables,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(LIMIT_S * 2):
            line = b""
            while b"listening on" not in line:
                line = await process.stderr.readline()
                assert line
            port = int(line.split()[-1])
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                while (await client.get("/health/ready")).status_code != 200:
                    """Asking takes its time."""
                assert (await client.get("/api/v1/systems")).status_code == 401
            process.send_signal(how)
            said = await process.stderr.read()
            assert await process.wait() == 0
            assert b"Traceback" not in said
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_key_for_commands_is_taken_up_while_it_runs(tansu: Broker, tmp_path: Path) -> None:
    topics, tokens, ring = new_topics(), make_tokens(), tmp_path / "ring.json"
    without_current = {**RING_DOCUMENT, "current": {}}
    write_private_file(ring, json.dumps(without_current))
    await make_topics(tansu.bootstrap, topics)
    async with writing(tansu.bootstrap, topics) as writer:
        await writer.events(sample_events())
    prefix = topics.packets.removesuffix("packets")
    settings = load_settings(environment(tokens, BROKERS=tansu.bootstrap, TOPIC_PREFIX=prefix, KEYRING=str(ring)))
    ports: list[int] = []
    serving = asyncio.create_task(serve(settings, ports.append))
    await until(lambda: bool(ports) or serving.done())
    headers = {"authorization": f"Bearer {tokens.by_role[Role.OPERATOR]}"}
    command = {"action": "label_unit", "unit": "3/1", "label": "North"}
    async with (
        asyncio.timeout(LIMIT_S),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}", headers=headers, trust_env=False) as client,
    ):

        async def refused_as() -> str:
            answer = await client.post("/api/v1/systems/site/commands", json=command)
            return str(answer.json()["type"]).rpartition(":")[2]

        while await refused_as() == "not-ready":
            """It reads."""
        assert await refused_as() == "commands-off"
        replace_private_file(ring, "broken")
        os.kill(os.getpid(), signal.SIGHUP)
        assert await refused_as() == "commands-off"
        replace_private_file(ring, json.dumps(RING_DOCUMENT))
        while await refused_as() == "commands-off":
            """It is noticed by itself."""
        assert await refused_as() == "not-there-yet", "nothing but a worker's checkpoint is missing"
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, LIMIT_S)
