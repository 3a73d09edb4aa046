import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stateserver.broker.ports import LOOPBACK, free_port
from stateserver.broker.process import Broker
from stateserver.cli import stateserver
from stateserver.settings import HIDDEN

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
KEYRING = {"keys": [{"id": "ps-1", "key": KEY, "uses": ["FRAME"], "systems": ["*"]}], "current": {}}


@pytest.fixture
def environ(broker: Broker, tmp_path: Path) -> dict[str, str]:
    """Settings with which everything works."""
    keyring = tmp_path / "keyring.json"
    keyring.write_text(json.dumps(KEYRING))
    keyring.chmod(0o600)
    return {
        "STATESERVER_BROKERS": broker.bootstrap,
        "STATESERVER_DATA_DIR": str(tmp_path / "data"),
        "STATESERVER_KEYRING": str(keyring),
    }


def check(environ: dict[str, str]) -> Result:
    return CliRunner().invoke(stateserver, ["check"], env=environ)


def test_it_shows_each_setting_with_its_origin_and_tries_what_they_name(environ: dict[str, str]) -> None:
    shown = check(environ)
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.output.splitlines()]
    assert ["STATESERVER_BROKERS", environ["STATESERVER_BROKERS"], "[environment]"] in lines
    assert ["STATESERVER_TOPIC_PREFIX", "blasting.", "[default]"] in lines
    assert "Kafka answers: 1 broker" in shown.output
    assert "FAIL" not in shown.output.split()


def test_it_makes_nothing(environ: dict[str, str]) -> None:
    assert check(environ).exit_code == 0
    assert not Path(environ["STATESERVER_DATA_DIR"]).exists()


def test_a_key_ring_in_the_environment_is_hidden(environ: dict[str, str]) -> None:
    shown = check(environ | {"STATESERVER_KEYRING": json.dumps(KEYRING)})
    assert shown.exit_code == 0, shown.output
    assert HIDDEN in shown.output
    assert KEY not in shown.output


def test_all_that_fails_is_told_with_what_to_do(tmp_path: Path) -> None:
    open_to_all = tmp_path / "keyring.json"
    open_to_all.write_text(json.dumps(KEYRING))
    open_to_all.chmod(0o644)
    occupied = tmp_path / "occupied"
    occupied.write_text("a file, not a directory")
    port = free_port()
    shown = check(
        {
            "STATESERVER_BROKERS": f"{LOOPBACK}:{port}",
            "STATESERVER_DATA_DIR": str(occupied / "data"),
            "STATESERVER_KEYRING": str(open_to_all),
            "STATESERVER_TLS_CERT": str(occupied),
            "STATESERVER_TLS_KEY": str(occupied),
            "STATESERVER_TOKENS_FILE": str(tmp_path / "missing.json"),
        }
    )
    assert shown.exit_code == 1
    assert len([line for line in shown.output.splitlines() if line.startswith("FAIL")]) == 5
    assert f"no Kafka at {LOOPBACK}:{port}" in shown.output


def test_a_wrong_setting_is_said_before_anything_is_tried() -> None:
    shown = check({"STATESERVER_HTP_PORT": "1"})
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert shown.stderr == (
        "Error: STATESERVER_HTP_PORT: there is no such setting\ndid you mean STATESERVER_HTTP_PORT?\n"
    )
