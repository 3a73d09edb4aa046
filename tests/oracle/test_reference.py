"""The reference itself makes of the worked examples what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.reference import Outcome, replay

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = sorted(changes.parent for changes in DATA.glob("*/changes.jsonl"))
FIELD = {"field-2019-07-19": "AXXIS100", "field-2019-08-30": "AXXIS100_CFC"}


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda folder: folder.name)
def example(request: pytest.FixtureRequest) -> tuple[Path, Outcome]:
    folder: Path = request.param
    mode = FIELD.get(folder.name, folder.name)
    return folder, replay((folder / "journal.jsonl").read_text().split("\n"), "site", mode)


def test_changes(example: tuple[Path, Outcome]) -> None:
    folder, outcome = example
    for expected, change in zip(read(folder / "changes.jsonl"), outcome.changes, strict=False):
        assert change == expected
    assert len(outcome.changes) == len(read(folder / "changes.jsonl"))


def test_units(example: tuple[Path, Outcome]) -> None:
    folder, outcome = example
    assert outcome.units == read(folder / "units.jsonl")


def test_blasts(example: tuple[Path, Outcome]) -> None:
    folder, outcome = example
    assert outcome.blasts == read(folder / "blasts.jsonl")


def test_snapshots(example: tuple[Path, Outcome]) -> None:
    folder, outcome = example
    expected = {path.name: path.read_bytes() for path in (folder / "snapshots").iterdir()}
    assert {f"{blast}.{which}.jsonl": data for (blast, which), data in outcome.snapshots.items()} == expected


def test_rejected(example: tuple[Path, Outcome]) -> None:
    folder, outcome = example
    assert outcome.rejected == [(row["line"], row["reason"]) for row in read(folder / "rejected.jsonl")]
