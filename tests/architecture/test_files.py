"""What no file of this project may have: too many lines, a path of one machine, a registry's host, a secret."""

import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, name_of, own_files

LINES_MAX = 400
CODE = own_files(".py", ".js", ".css")
TEXT = [file for file in own_files() if b"\0" not in file.read_bytes()]
HERE = Path(__file__)

MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:root|home|work|Users|tmp/brief)\b")
REGISTRY_HOST = re.compile(
    r"\b(?:[\w-]+\.)*(?:pypi\.(?:org|python\.org)|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com"
    r"|crates\.io|proxy\.golang\.org|maven\.(?:org|apache\.org/maven2)|sonatype\.org|deb\.debian\.org)\b"
)
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}\b"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
)
# 32 bytes in base64 or hex. Tests have keys of their own making, by which nothing real was ever sealed.
KEY = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43}=(?!=)|\"[0-9a-f]{64}\"")


def lines_with(pattern: re.Pattern[str], file: Path) -> list[str]:
    """Where in a file the pattern stands, as `path:line`."""
    text = file.read_text(encoding="utf-8")
    return [f"{name_of(file)}:{number}" for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]


def found_in(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    """As lines_with, in all of the files."""
    return [line for file in files for line in lines_with(pattern, file)]


def test_no_file_is_too_long_to_be_read() -> None:
    lengths = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in CODE}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_MAX} == {}


def test_no_file_names_a_path_of_one_machine_or_a_registry() -> None:
    files = [file for file in TEXT if file != HERE]
    assert found_in(MACHINE_PATH, files) + found_in(REGISTRY_HOST, files) == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "package-lock.json"])
def test_lock_files_name_no_registry_and_hash_everything(name: str) -> None:
    file = ROOT / name
    assert not lines_with(REGISTRY_HOST, file)
    text = file.read_text()
    if name.endswith(".json"):
        packages = text.count('"node_modules/')
        assert text.count('"integrity": "sha512-') == packages > 0
        assert '"resolved"' not in text
    else:
        pinned = re.findall(r"^[a-z0-9._-]+==.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
        assert pinned
        assert all("--hash=sha256:" in one for one in pinned)


def test_no_file_holds_a_secret() -> None:
    assert found_in(SECRET, TEXT) == []
    assert found_in(KEY, [file for file in TEXT if not file.is_relative_to(ROOT / "tests")]) == []


def test_there_are_files_to_look_at() -> None:
    assert HERE in CODE
    assert ROOT / "Makefile" in TEXT


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, "/root/x"),
        (MACHINE_PATH, "path='/home/me'"),
        (MACHINE_PATH, "cd /work/main"),
        (REGISTRY_HOST, "https://files.pythonhosted.org/packages"),
        (REGISTRY_HOST, "registry.npmjs.org"),
        (REGISTRY_HOST, "repo1.maven.org/maven2"),
        (SECRET, "-----BEGIN " + "RSA PRIVATE KEY-----"),
        (KEY, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        (KEY, '"' + "0f" * 32 + '"'),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


@pytest.mark.parametrize("text", ["api/work", "units/root", "a/home/b", "/workers", "network/"])
def test_the_patterns_leave_ordinary_paths_alone(text: str) -> None:
    assert not MACHINE_PATH.search(text)
