"""The worked examples' blasts: report documents with their snapshots, as they were given to us."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from stateserver.reports.views import Filed

DATA: Final = Path(__file__).parents[1] / "data"


@cache
def example_blasts() -> dict[str, Filed]:
    """Every blast of the examples, by mode and the beginning of its id."""
    found = {}
    for file in sorted(DATA.glob("*/blasts.jsonl")):
        for line in file.read_text().splitlines():
            document = json.loads(line)
            start, end = (
                file.parent / "snapshots" / f"{document['blast']}.{which}.jsonl" for which in ("start", "end")
            )
            name = f"{file.parent.name}-{document['blast'][:8]}"
            found[name] = Filed(document, start.read_bytes(), end.read_bytes() if end.exists() else None)
    assert len(found) > 40
    return found


FIELD: Final = "field-2019-07-19-0cd3eb41"
PERFECT: Final = "AXXIS100-dc70c6b7"
ABORTED: Final = "AXXIS100_CFC-d5e6235b"
IBS: Final = "IBS-bad8d417"
OPEN: Final = "AXXIS500_WIFI-b0d45cb1"
NOBODY: Final = "AXXIS500_WIFI-f13cd9d4"
"""No booster at all."""
