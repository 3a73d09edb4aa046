"""docs/security.md names tests and settings that are there."""

import re

from stateserver.settings import PREFIX, Settings, variable
from tests.architecture.sources import ROOT

DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_and_module_it_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+|gateway/[\w/.]+)`", DOCUMENT)
    assert named
    missing = [name for name in named if not ((ROOT / name).is_file() or (ROOT / "stateserver" / name).is_file())]
    assert missing == []


def test_every_setting_it_names_is_one() -> None:
    known = {variable(field) for field in Settings.model_fields}
    assert set(re.findall(rf"`({PREFIX}[A-Z_]+)`", DOCUMENT)) - known == set()
