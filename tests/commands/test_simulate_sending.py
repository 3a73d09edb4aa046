"""`stateserver simulate` onto real brokers: nothing runs ahead of the clock, and what it says it sent is there."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stateserver.broker.ports import LOOPBACK, free_port
from stateserver.broker.process import Broker
from stateserver.broker.tansu import Tansu
from stateserver.cli import stateserver
from stateserver.stream.layout import Layout
from stateserver.stream.topics import ensure_topics
from tests.security.rings import ring_document

FIELD = Path(__file__).parents[1] / "data" / "field-2019-07-19" / "journal.jsonl"
LIMIT_S = 120.0
SENT = "Sent {} frames."


def topics_on(broker: Broker) -> dict[str, str]:
    """Settings of topics of this test's own, which are there."""
    prefix = f"{uuid.uuid4().hex}."
    layout = Layout.with_prefix(prefix, (f"{prefix}packets",))
    asyncio.run(ensure_topics({"bootstrap_servers": [broker.bootstrap]}, layout))
    return {
        "STATESERVER_BROKERS": broker.bootstrap,
        "STATESERVER_TOPIC_PREFIX": prefix,
        "STATESERVER_KEYRING": json.dumps(ring_document()),
    }


@pytest.fixture
def environ(broker: Broker) -> dict[str, str]:
    return topics_on(broker)


def simulate(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(stateserver, ["simulate", *arguments], env=environ)


def packets(environ: dict[str, str]) -> list[dict[str, Any]]:
    told = CliRunner().invoke(stateserver, ["cat", "packets"], env=environ)
    assert told.exit_code == 0, told.output
    return [json.loads(line) for line in told.stdout.splitlines()]


def until(look: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + LIMIT_S
    while not look():
        assert time.monotonic() < limit, what
        time.sleep(0.05)


def started(environ: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "stateserver", "simulate", *arguments]
    return subprocess.Popen(
        command, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_faster_than_life_it_begins_in_the_past_and_says_so(environ: dict[str, str]) -> None:
    began = time.time_ns() // 1_000_000
    told = simulate(environ, "--speed", "1000", "--frames", "200")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[-1] == SENT.format(200)
    assert "1000 times as fast" in told.stderr
    sent = packets(environ)
    assert len(sent) == 200
    first = min(row["value"]["created_at"] for row in sent)
    assert 0 < began - first <= 86_400_000 + 1_000


def test_what_has_caught_up_with_the_clock_goes_on_at_its_speed(environ: dict[str, str]) -> None:
    start = time.time_ns() // 1_000_000 - 1_000
    told = simulate(environ, "--speed", "1000", "--start", f"{start}", "--frames", "60", "--round", "0.05")
    assert told.stdout.splitlines()[-1] == SENT.format(60)
    sent = packets(environ)
    assert max(row["value"]["created_at"] for row in sent) > start + 2_000, "it came past where it began"
    assert all(row["value"]["created_at"] <= row["timestamp"] for row in sent)


def test_at_the_speed_of_life_no_frame_is_of_the_future(environ: dict[str, str]) -> None:
    assert simulate(environ, "--frames", "20", "--round", "0.05").exit_code == 0
    sent = packets(environ)
    assert len(sent) == 20
    assert all(row["value"]["created_at"] <= row["timestamp"] for row in sent)


def test_ctrl_c_is_answered_by_what_the_broker_has(environ: dict[str, str]) -> None:
    process = started(environ, "--speed", "20", "--systems", "3")
    try:
        until(lambda: len(packets(environ)) > 50 or process.poll() is not None, "it sends")
        process.send_signal(signal.SIGINT)
        said, troubles = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
    assert process.returncode == 0, troubles
    assert said.splitlines()[-1] == SENT.format(len(packets(environ)))


@pytest.mark.slow
def test_with_a_dead_broker_too_it_ends_and_says_what_it_knows(tmp_path: Path) -> None:
    with Tansu(tmp_path) as broker:
        environ = topics_on(broker)
        process = started(environ, "--round", "0.05", "--system", "north")
        try:
            until(lambda: len(packets(environ)) > 5 or process.poll() is not None, "it sends")
            broker.kill()
            process.send_signal(signal.SIGINT)
            said, troubles = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
    assert process.returncode == 0, troubles
    assert troubles == ""
    counts = re.fullmatch(
        r"Sent (\d+) frames\.( Of \d+ more it is not known: the broker did not answer\.)?", said.splitlines()[-1]
    )
    assert counts
    assert int(counts[1]) > 0


def test_a_capture_is_sent_whole(environ: dict[str, str]) -> None:
    told = simulate(environ, "--capture", str(FIELD), "--speed", "100000")
    assert (told.exit_code, told.stdout) == (0, f"{SENT.format(38)}\n")
    assert [row["value"]["sequence"] for row in packets(environ)] == list(range(1, 39))


def ring_without(use: str) -> str:
    document = ring_document()
    return json.dumps({**document, "current": {kind: key for kind, key in document["current"].items() if kind != use}})


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["--system", "a/b"], {}, "'a/b' is no system id: it is a / in it"),
        (["--system", ""], {}, "'' is no system id: it is empty"),
        (["--system", "x" * 1023, "--systems", "2"], {}, "longer than 1024 bytes"),
        (["--start", "9000000000000"], {}, "--start 9000000000000 lies in the future"),
        (["--capture", "none.jsonl"], {}, "none.jsonl: No such file"),
        ([], {"STATESERVER_KEYRING": "none.json"}, "cannot read the key ring at none.json"),
        ([], {"STATESERVER_KEYRING": ring_without("FRAME")}, "no current key for FRAME"),
        ([], {"STATESERVER_BROKERS": f"{LOOPBACK}:{free_port()}"}, "no broker answers at"),
    ],
)
def test_what_can_not_be_played_is_said_in_a_line_and_what_to_do_in_another(
    arguments: list[str], settings: dict[str, str], said: str
) -> None:
    told = simulate({"STATESERVER_KEYRING": json.dumps(ring_document()), **settings}, *arguments)
    assert (told.exit_code, told.stdout) == (2, "")
    assert len(told.stderr.splitlines()) == 2
    assert told.stderr.startswith("Error: ")
    assert said in told.stderr


def test_a_capture_of_the_future_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "capture.jsonl"
    file.write_text('{"created_at": 9000000000000, "packet": "aaaa0a08001705c07116"}\n')
    told = simulate({"STATESERVER_KEYRING": json.dumps(ring_document())}, "--capture", str(file))
    assert told.exit_code == 2
    assert "holds a frame of the future" in told.stderr
