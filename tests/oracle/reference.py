"""The reference: a naive second reading of the pages, to hold the product to. It recomputes everything, always."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.oracle.reference_applying import apply
from tests.oracle.reference_frame import Reject
from tests.oracle.reference_lines import Lines
from tests.oracle.reference_report import report, rows, snapshot
from tests.oracle.reference_state import State


@dataclass
class Outcome:
    """What becomes of a journal file: all that page 4's replay writes."""

    changes: list[dict[str, Any]]
    units: list[dict[str, Any]]
    blasts: list[dict[str, Any]]
    snapshots: dict[tuple[str, str], bytes]
    rejected: list[tuple[int, str]]
    lines_of_changes: list[int]
    """The line that caused each change, from 1."""


def replay(lines: Iterable[str], system: str, mode: str) -> Outcome:
    state, reader = State(system), Lines(mode)
    rejected: list[tuple[int, str]] = []
    causes: list[int] = []
    for number, line in enumerate(lines, 1):
        try:
            record = reader.read(line)
            if record is not None:
                apply(state, record)
        except Reject as reject:
            rejected.append((number, reject.reason))
        causes.extend([number] * (len(state.changes) - len(causes)))
    snapshots = {}
    for blast in state.blasts:
        snapshots[blast.id, "start"] = snapshot(system, blast.start)
        if blast.end is not None:
            snapshots[blast.id, "end"] = snapshot(system, blast.end)
    reports = [report(blast) for blast in state.blasts]
    return Outcome(state.changes, rows(system, state.units), reports, snapshots, rejected, causes)
