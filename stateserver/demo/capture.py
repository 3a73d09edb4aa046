"""The capture that the demo plays: 38 packets of a real AXXIS100 system, in which a blast is aborted (spec page 1)."""

from pathlib import Path
from typing import Final

CAPTURE: Final = Path(__file__).parent / "data" / "field-2019-07-19.jsonl"
