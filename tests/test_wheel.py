"""The wheel alone, installed where no checkout is: it holds what the demo needs, and shows it."""

import os
import signal
import site
import subprocess
import sys
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stateserver.demo.capture import CAPTURE
from tests.demo.started import read_start, until

ROOT = Path(__file__).parents[1]
LIMIT_S = 240
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
pytestmark = pytest.mark.slow


def run(*command: str | Path) -> str:
    # From nowhere and with no path of ours: what is found is what is installed.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STATESERVER"))}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd="/", env=environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the locked build tools, without asking any registry."""
    out = tmp_path_factory.mktemp("wheel")
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", "wheel", "--quiet", *offline, "--wheel-dir", out, ROOT)
    (built,) = out.glob("stateserver-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment: the wheel, and below it the dependencies that are here anyway."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=False, symlinks=True)
    programs = place / "bin"
    offline = ["--no-deps", "--no-index", "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", f"--python={programs / 'python'}", "install", "--quiet", *offline, wheel)
    (packages,) = place.glob("lib/python*/site-packages")
    # A folder that is named in a .pth file has its own .pth files passed over: so no editable install comes along.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return programs


def test_the_wheel_holds_the_page_the_schemas_and_the_capture(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        assert {"stateserver/gateway/page/index.html", "stateserver/schemas/packet.avsc"} <= names
        assert opened.read("stateserver/demo/data/field-2019-07-19.jsonl") == CAPTURE.read_bytes()
    assert not [name for name in names if name.startswith("tests")]


def test_what_runs_is_what_was_installed(installed: Path) -> None:
    where = run(installed / "python", "-c", "import stateserver; print(stateserver.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)


@pytest.fixture
def demo(installed: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STATESERVER"))}
    process = subprocess.Popen(
        [installed / "stateserver", "demo", "--speed", "100"],
        cwd=tmp_path,
        env={**environ, "PYTHONUNBUFFERED": "1", "STATESERVER_HTTP_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_shows_the_demo_from_an_empty_folder_and_ends_by_ctrl_c(
    demo: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    started = read_start(demo)
    with OPENER.open(started.page, timeout=30) as answer:
        assert b"State Server" in answer.read()
    systems = until(lambda: started.get("/api/v1/systems")["systems"] or None, "the system is there")
    assert [one["system"] for one in systems] == ["site"]
    demo.send_signal(signal.SIGINT)
    assert demo.wait(LIMIT_S) == 0
    assert list((tmp_path / "data").iterdir()) == []
