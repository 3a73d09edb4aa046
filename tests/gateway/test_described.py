"""The descriptions in docs/ are those of the code, and the gateway keeps to what it describes."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from stateserver.broker.tansu import Tansu
from stateserver.codec.schemas import SCHEMAS, parse_schema
from stateserver.codec.topics import Topics
from stateserver.gateway import queries
from stateserver.gateway.operations import METHODS, OPERATIONS
from stateserver.security.tokens import Role
from tests.gateway import described
from tests.gateway.chained import at_version, gateway_of
from tests.gateway.serving import Gateway
from tests.stream.chain import Chain
from tests.stream.journals import CAPTURE, example_records, sealed

GATEWAY = Path(described.__file__).parents[2] / "stateserver" / "gateway"
HOW = "write it anew: .venv/bin/python -m tests.gateway.described"
EXAMPLES_MAX = 8
# Each of the operations' edges is met well within it; CI gives it longer (FUZZ_S), and so may whoever has the time.
FUZZ_S = int(os.environ.get("FUZZ_S", "40"))
RUN_LIMIT_S = 2 * FUZZ_S + 120

Document = dict[str, Any]


@pytest.fixture(scope="module")
def api() -> Document:
    document = json.loads(described.openapi())
    assert isinstance(document, dict)
    return document


def test_the_copies_in_docs_are_true() -> None:
    assert described.OPENAPI.read_text(encoding="utf-8") == described.openapi(), HOW
    assert described.ASYNCAPI.read_text(encoding="utf-8") == described.asyncapi(), HOW


def test_every_operation_says_what_it_answers_and_refuses(api: Document) -> None:
    for path, methods in api["paths"].items():
        for operation in methods.values():
            name = operation["operationId"]
            assert operation["summary"], name
            assert operation["security"] == [] if OPERATIONS[name].open else operation["security"]
            for status, answer in operation["responses"].items():
                assert answer["description"], (name, status)
                for kind, content in answer.get("content", {}).items():
                    if kind in ("application/json", "application/problem+json") and name != "blasts.report":
                        assert "example" in content or "examples" in content or status == "500", (path, status)
            if not OPERATIONS[name].open:
                assert {"400", "401", "403", "429", "500"} <= operation["responses"].keys(), name


def test_the_topics_are_those_there_are() -> None:
    assert tuple(described.TOPICS) == Topics._fields
    document = yaml.safe_load(described.asyncapi())
    for channel in list(document["channels"].values())[:-1]:
        for name, message in channel["messages"].items():
            file = described.DOCS / message["payload"]["schema"]["$ref"]
            newest = SCHEMAS.newest(name)
            assert parse_schema(name, newest.version, json.loads(file.read_bytes())).prefix == newest.prefix


def test_the_methods_and_notifications_are_those_there_are() -> None:
    assert METHODS.keys() == described.methods_of_a_session()
    code = "".join((GATEWAY / f"{module}.py").read_text() for module in ("hub", "subscriptions", "websocket"))
    notified = set(re.findall(r'notification\("(\w+)"|"method": "(\w+)"', code))
    assert {one or other for one, other in notified} == described.NOTIFICATIONS.keys()


async def test_the_page_of_the_interface_needs_nothing_from_elsewhere(gateway: Gateway) -> None:
    async with gateway.client(None) as client:
        page = await client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        files = re.findall(r'(?:href|src)="([^"]+)"', page.text)
        assert all(file.startswith("/page/") for file in files)
        for file in files:
            assert (await client.get(file)).status_code == 200
        served = await client.get("/api/v1/openapi.json")
    assert served.json() == json.loads(described.openapi())


@pytest.mark.slow
@pytest.mark.timeout(RUN_LIMIT_S + 120)
async def test_a_running_gateway_keeps_to_what_it_describes(
    tansu: Tansu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By schemathesis: requests right and wrong, made from the document, against a whole chain."""
    monkeypatch.setattr(queries, "BLAST_WAIT_S", 0.1)  # for blasts that will never be there
    chain = Chain(tansu, f"{uuid4().hex[:8]}.", tmp_path)
    config = tmp_path / "schemathesis.toml"
    # No schema can say which bytes are an Avro array: its content is right by chance alone.
    config.write_text(
        '[[operations]]\ninclude-operation-id = "packets.append"\nchecks.positive_data_acceptance.enabled = false\n'
    )
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce([sealed(record) for record in example_records(CAPTURE)])
        async with gateway_of(chain) as gateway:
            await at_version(gateway, 1)
            done = await run_schemathesis(gateway, config)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]


async def run_schemathesis(gateway: Gateway, config: Path) -> subprocess.CompletedProcess[str]:
    """As a process of its own: it must not share our event loop, nor our warnings."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
        f"{gateway.url}/api/v1/openapi.json",
        *("--header", f"Authorization: Bearer {gateway.tokens.by_role[Role.ADMIN]}"),
        *("--max-examples", str(EXAMPLES_MAX), "--phases", "examples,coverage,fuzzing", "--seed", "1"),
        *("--request-timeout", "60", "--max-time", str(FUZZ_S), "--no-color"),
    ]
    return await asyncio.to_thread(
        subprocess.run,
        command,
        env=os.environ | {"NO_PROXY": "127.0.0.1", "PYTHONWARNINGS": "ignore"},
        cwd=config.parent,
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )
