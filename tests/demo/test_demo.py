"""The whole of it, as `make run` starts it: broker, worker, gateway, a played capture, and a browser that watches."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from stateserver.broker.ports import free_port
from tests.demo.started import Demo, read_start, until

BLAST = {"initiated": 1563531134999, "firing_complete": None, "aborted": 1563531153559, "closed": 1563531554999}
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def run(folder: Path, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    """`stateserver demo` in a folder of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "stateserver", "demo", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    port = free_port()
    process = run(tmp_path, "--speed", "40", STATESERVER_HTTP_PORT=str(port))
    try:
        started = read_start(process)
        assert started.origin == f"http://127.0.0.1:{port}"
        yield started
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def page(chromium: Path) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=list(CHROMIUM_FLAGS))
        yield browser.new_page()
        browser.close()


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_real_blast_seen_in_the_browser(demo: Demo, page: Page) -> None:
    page.goto(demo.page)
    expect(page.locator('[data-unit="3/158"]').first).to_be_visible(timeout=60_000)
    expect(page.locator('[data-unit="3/115"]').first).to_be_visible(timeout=60_000)
    expect(page.locator('[data-unit^="3/158/4/"]')).to_have_count(100, timeout=60_000)
    expect(page.locator('[data-unit="3/158/4/1"]')).to_have_attribute("data-answering", "true", timeout=60_000)
    expect(page.locator('[data-unit="3/158/4/37"]')).to_have_attribute("data-answering", "false", timeout=60_000)
    expect(page.locator('[data-operation="disarmed"]').first).to_be_visible(timeout=60_000)
    steps = page.locator("[data-step]")
    expect(steps).to_have_count(4, timeout=60_000)
    seen = [step.get_attribute("data-step") for step in steps.all()]
    assert seen == ["armed", "firing", "firing_aborted", "disarmed"]
    expect(page.locator("[data-event-version]").first).to_be_visible()
    expect(page.locator("[data-blast]").first).to_contain_text("99", timeout=60_000)
    assert demo.token not in page.url


def test_the_blast_in_the_api_and_a_clean_end(demo: Demo) -> None:
    def closed() -> dict[str, Any] | None:
        blasts = demo.get("/api/v1/systems/site/blasts")["blasts"]
        assert len(blasts) <= 1
        return blasts[0] if blasts and blasts[0]["closed"] else None

    until(lambda: demo.get("/api/v1/systems")["systems"] or None, "the system is there")
    blast = until(closed, "the blast is closed")
    assert {name: blast[name] for name in BLAST} == BLAST
    assert blast["how"] == "timer_completed"
    assert [(row["unit"], row["before"]["answering"]) for row in blast["active"]] == [("3/158", 99)]
    assert [row["window_id"] for row in blast["active"][0]["silent_before"]] == [37]
    assert [row["unit"] for row in blast["inactive"]] == ["3/115"]
    before = {"total": 100, "answering_before": 99, "silent_before": 1}
    assert blast["detonators"] == before | {"misfires": 100, "fired": 0, "missed": 0, "unreported": 99}
    assert blast["verdict"] == "aborted"

    children = children_of(demo.process.pid)
    assert len(children) == 3
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(20) == 0
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = run(tmp_path, STATESERVER_HTTP_PORT=str(port))
        said, troubles = process.communicate(timeout=30)
    assert (process.returncode, said) == (2, "")
    assert f"port {port} on 127.0.0.1, wanted for the page, is taken" in troubles


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["--capture", "none.jsonl"], {}, "none.jsonl: No such file or directory"),
        ([], {"STATESERVER_HTTP_PROT": "1"}, "did you mean STATESERVER_HTTP_PORT?"),
        ([], {"STATESERVER_HTTP_PORT": "x"}, "STATESERVER_HTTP_PORT"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], said: str
) -> None:
    process = run(tmp_path, *arguments, **settings)
    out, troubles = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert said in troubles
    assert list(tmp_path.iterdir()) == []
