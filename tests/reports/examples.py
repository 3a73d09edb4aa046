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
PERFECT: Final = "AXXIS500-d6d3d636"
ABORTED: Final = "AXXIS100_CFC-45b87b8d"
DOUBTFUL: Final = "HYDRA-47449512"
MIXED: Final = "AXXIS100_CFC-fa07d096"
"""All ways to misfire, and six kinds of what needs attention."""
IBS: Final = "IBS-64d37958"
OPEN: Final = "AXXIS500-9fc8c93b"
NOBODY: Final = "AXXIS500_WIFI-7dc4dd74"
"""No detonator anywhere."""
