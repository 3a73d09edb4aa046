"""The worked examples: a journal of each mode, and a real capture, with what they must become."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stateserver.cli import stateserver

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = sorted(folder.parent.name for folder in DATA.glob("*/changes.jsonl"))
MODES = {"field-2019-07-19": "AXXIS100", "field-2019-08-30": "AXXIS100_CFC"}


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def mode_of(example: str) -> str:
    return MODES.get(example, example)


@pytest.fixture(scope="module", params=EXAMPLES)
def replayed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What must come of an example, and what the command made of it."""
    expected = DATA / request.param
    out = tmp_path_factory.mktemp(request.param)
    arguments = ["replay", str(expected / "journal.jsonl"), "--mode", mode_of(request.param), "--system", "site"]
    result = CliRunner().invoke(stateserver, [*arguments, "--out", str(out)])
    assert result.exit_code == 0, result.output
    return expected, out


@pytest.mark.parametrize("file", ["changes.jsonl", "units.jsonl", "blasts.jsonl"])
def test_what_comes_of_it(replayed: tuple[Path, Path], file: str) -> None:
    expected, out = replayed
    assert read(out / file) == read(expected / file)


def test_what_is_rejected(replayed: tuple[Path, Path]) -> None:
    expected, out = replayed
    rejected = [(row["line"], row["reason"]) for row in read(out / "rejected.jsonl")]
    assert rejected == [(row["line"], row["reason"]) for row in read(expected / "rejected.jsonl")]


def test_the_snapshots_to_the_byte(replayed: tuple[Path, Path]) -> None:
    expected, out = replayed
    taken = {path.name: path.read_bytes() for path in (out / "snapshots").iterdir()}
    assert taken == {path.name: path.read_bytes() for path in (expected / "snapshots").iterdir()}
