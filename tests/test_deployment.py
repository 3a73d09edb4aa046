"""What PM2 and compose are told: that it can be read, names real settings and commands, and lets nobody in."""

import base64
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from stateserver.broker.ports import LOOPBACK, free_port
from stateserver.broker.tansu import Tansu
from stateserver.cli import COMMANDS
from stateserver.codec.packet import Kind
from stateserver.security.keyring import new_key_document
from stateserver.security.tokens import Role, entry_document, new_token
from stateserver.settings import PREFIX, load_settings

ROOT = Path(__file__).parents[1]
RING = {"keys": [new_key_document("one", [Kind.TICK], ["*"])], "current": {"TICK": "one"}}
SECRETS_GIVEN = {
    "STATESERVER_KEYRING": json.dumps(RING),
    "STATESERVER_TOKENS_FILE": json.dumps({"keys": [entry_document(new_token(), "one", Role.VIEWER, ["*"], None)]}),
    "STATESERVER_TOKENS_SESSION_SECRET": base64.b64encode(os.urandom(32)).decode(),
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    compose = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text())
    found: dict[str, Any] = compose["services"]
    return found


@pytest.fixture(scope="module")
def pm2_apps() -> list[dict[str, Any]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on the path")
    printed = subprocess.run(
        [node, "-p", "JSON.stringify(require('./ecosystem.config.js').apps)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    apps: list[dict[str, Any]] = json.loads(printed.stdout)
    return apps


def filled(value: str) -> str:
    """A compose value as it is once the environment has the secrets."""
    name = re.match(r"\$\{(\w+):\?", value)
    return SECRETS_GIVEN[name[1]] if name else value


@pytest.mark.parametrize("name", ["worker", "gateway"])
def test_compose_gives_settings_that_are_right(services: dict[str, Any], name: str) -> None:
    environment = {variable: filled(value) for variable, value in services[name]["environment"].items()}
    assert all(variable.startswith(PREFIX) for variable in environment)
    load_settings(environment)
    assert services[name]["command"][0] in COMMANDS


def test_compose_has_no_secret_of_its_own(services: dict[str, Any]) -> None:
    given = {**services["worker"]["environment"], **services["gateway"]["environment"]}
    for variable in SECRETS_GIVEN:
        assert given[variable].startswith(f"${{{variable}:?")


def test_compose_opens_ports_on_this_machine_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_runs_the_kafka_that_is_tested(services: dict[str, Any]) -> None:
    pom = (ROOT / "stateserver" / "broker" / "kafka-pom.xml").read_text()
    tested = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>(\d+\.\d+)\.", pom)
    assert tested is not None
    assert services["kafka"]["image"].startswith(f"apache/kafka:{tested[1]}.")
    assert services["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_the_image_copies_only_what_is_there_and_not_ignored() -> None:
    dockerfile = (ROOT / "compose" / "Dockerfile").read_text()
    kept = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = re.findall(r"^COPY (\S+) ", dockerfile, re.MULTILINE)
    assert set(copied) == kept
    assert all((ROOT / one).exists() for one in copied)
    assert "--require-hashes" in dockerfile
    assert "USER stateserver" in dockerfile


def test_pm2_runs_a_worker_and_a_gateway_with_settings_from_the_environment(pm2_apps: list[dict[str, Any]]) -> None:
    assert {app["args"] for app in pm2_apps} == {"worker", "gateway"} <= set(COMMANDS)
    for app in pm2_apps:
        assert app["interpreter"] == "none"
        assert Path(app["script"]) == ROOT / ".venv" / "bin" / "stateserver"
        assert not any(member.startswith("env") for member in app)


def test_pm2_gives_them_the_time_to_stop_gracefully(pm2_apps: list[dict[str, Any]]) -> None:
    assert all(app["kill_timeout"] > 5000 for app in pm2_apps)


LIMIT_S = 120.0


class Pm2:
    """A PM2 of the test's own, its daemon included."""

    def __init__(self, home: Path, settings: dict[str, str]) -> None:
        program = ROOT / "node_modules" / ".bin" / "pm2"
        if not program.exists():
            pytest.skip("PM2 is not installed: make check does so")
        self._program = program
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self._environ |= {**settings, "PM2_HOME": str(home)}

    def run(self, *arguments: str) -> str:
        told = subprocess.run(
            [self._program, "--silent", *arguments],
            cwd=ROOT,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=True,
        )
        return told.stdout

    def states(self) -> dict[str, tuple[str, int]]:
        """Of each process its status and how often it was started again."""
        listed = json.loads(self.run("jlist"))
        return {one["name"]: (one["pm2_env"]["status"], one["pm2_env"]["restart_time"]) for one in listed}


@pytest.fixture
def pm2_settings(tansu: Tansu, tmp_path: Path) -> dict[str, str]:
    return {
        **SECRETS_GIVEN,
        "STATESERVER_BROKERS": tansu.bootstrap,
        "STATESERVER_TOPIC_PREFIX": "under-pm2.",
        "STATESERVER_DATA_DIR": str(tmp_path / "data"),
        "STATESERVER_HTTP_PORT": str(free_port()),
    }


@pytest.fixture
def pm2(pm2_settings: dict[str, str], tmp_path: Path) -> Iterator[Pm2]:
    started = Pm2(tmp_path / "pm2", pm2_settings)
    try:
        yield started
    finally:
        started.run("kill")


def await_ready(port: str) -> None:
    limit = time.monotonic() + LIMIT_S
    while True:
        try:
            if httpx.get(f"http://{LOOPBACK}:{port}/health/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < limit, "the gateway did not get ready"
        time.sleep(0.1)


def test_pm2_really_runs_and_stops_them(pm2: Pm2, pm2_settings: dict[str, str]) -> None:
    pm2.run("start", "ecosystem.config.js")
    await_ready(pm2_settings["STATESERVER_HTTP_PORT"])
    assert pm2.states() == {"stateserver-worker": ("online", 0), "stateserver-gateway": ("online", 0)}
    pm2.run("stop", "all")
    assert {status for status, _ in pm2.states().values()} == {"stopped"}
