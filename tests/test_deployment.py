"""What PM2 and compose are told: that it can be read, names real settings and commands, and lets nobody in."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stateserver.cli import COMMANDS
from stateserver.settings import PREFIX, load_settings

ROOT = Path(__file__).parents[1]
SECRETS_GIVEN = {
    "STATESERVER_KEYRING": '{"keys": []}',
    "STATESERVER_TOKENS_FILE": '{"tokens": []}',
    "STATESERVER_TOKENS_SESSION_SECRET": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
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
