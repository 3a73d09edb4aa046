import asyncio
import json
import time
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner, Result

from stateserver.broker.kafka import Kafka
from stateserver.broker.ports import LOOPBACK, free_port
from stateserver.broker.process import Broker
from stateserver.cli import stateserver
from stateserver.kafka.admins import admin
from stateserver.settings import HIDDEN
from stateserver.stream.kafka_log import KafkaLog
from stateserver.stream.layout import Layout
from stateserver.stream.ports import Row
from stateserver.stream.state_rows import MARKER_KEY, Marker, new_lineage
from stateserver.stream.topic_needs import topics_of, wanted_topics

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
KEYRING = {"keys": [{"id": "ps-1", "key": KEY, "uses": ["FRAME"], "systems": ["*"]}], "current": {}}


def environment(broker: Broker, tmp_path: Path) -> dict[str, str]:
    """Settings with which everything works."""
    keyring = tmp_path / "keyring.json"
    keyring.write_text(json.dumps(KEYRING))
    keyring.chmod(0o600)
    return {
        "STATESERVER_BROKERS": broker.bootstrap,
        "STATESERVER_DATA_DIR": str(tmp_path / "data"),
        "STATESERVER_KEYRING": str(keyring),
    }


@pytest.fixture
def environ(broker: Broker, tmp_path: Path) -> dict[str, str]:
    return environment(broker, tmp_path)


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


def with_topics(environ: dict[str, str], partitions: dict[str, int] | None = None) -> tuple[dict[str, str], Layout]:
    """As by a worker, but with these numbers of partitions (by name, "" for all others)."""
    prefix = f"{uuid4().hex[:8]}."
    layout = Layout.with_prefix(prefix, (f"{prefix}packets",))
    options = {"bootstrap_servers": [environ["STATESERVER_BROKERS"]]}

    async def make() -> None:
        async with admin(options) as client:
            topics = [
                NewTopic(name, (partitions or {}).get(name.removeprefix(prefix), 4), 1, topic_configs=config)
                for name, config in wanted_topics(layout).items()
            ]
            await client.create_topics(topics)
        log = KafkaLog(options, "nobody", layout.state)
        await log.start()
        marker = Marker({layout.journals[0]: 0}, new_lineage(), 0, partitions=4)
        await log.append(layout.state, 0, [Row(MARKER_KEY, marker.encode())])
        await log.stop()

    asyncio.run(make())
    return environ | {"STATESERVER_TOPIC_PREFIX": prefix}, layout


def test_topics_that_a_worker_made_are_fit(environ: dict[str, str], request: pytest.FixtureRequest) -> None:
    environ, layout = with_topics(environ)
    shown = check(environ)
    assert shown.exit_code == 0, shown.output
    assert f"ok    topic {layout.state}: 4 partitions" in shown.output
    embedded = "tansu" in request.node.name
    assert ("warn" in shown.output.split()) is not embedded


def test_a_topic_that_would_lose_state_fails_with_what_to_do(kafka: Kafka, tmp_path: Path) -> None:
    environ, layout = with_topics(environment(kafka, tmp_path))
    alter = f"--entity-name {layout.topics.units} --add-config cleanup.policy=compact"

    async def spoil() -> None:
        async with admin({"bootstrap_servers": [kafka.bootstrap]}) as client:
            units = ConfigResource(ConfigResourceType.TOPIC, layout.topics.units, {"cleanup.policy": "delete"})
            await client.alter_configs([units])

    asyncio.run(spoil())
    deadline = time.monotonic() + 60
    while (shown := check(environ)).exit_code == 0:  # the broker takes it up in its own time
        assert time.monotonic() < deadline, shown.output
    lines = shown.output.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith(f"FAIL  topic {layout.topics.units}: ")]
    assert "cleanup.policy is delete: its rows would be deleted with time" in lines[at]
    assert alter in lines[at + 1]
    assert any(line.startswith(f"warn  topic {layout.journals[0]}: kept for 400 days") for line in lines)


def test_partitions_that_were_added_fail(environ: dict[str, str]) -> None:
    environ, layout = with_topics(environ, {"packets": 6})
    shown = check(environ)
    assert shown.exit_code == 1
    assert f"has 4 partitions, but {layout.journals[0]} has 6" in shown.output


def test_also_where_all_topics_were_given_as_many(environ: dict[str, str]) -> None:
    names = [name.removeprefix("a.") for name in topics_of(Layout.with_prefix("a.", ("a.packets",)))]
    environ, layout = with_topics(environ, dict.fromkeys(names, 6))
    shown = check(environ)
    assert shown.exit_code == 1
    assert f"topics were made for 4 partitions each, and now {layout.journals[0]} has 6" in shown.output
