"""What became of each detonator of a blast, by the report and the start snapshot: made once, then given in pages.

The start snapshot says who was in it: window, uid and label as they were. So whoever shows the present can tell the
detonators that were in the blast from those that have come into the same windows since.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from functools import partial
from typing import Final, NamedTuple

from stateserver.codec.blast import BlastPart, BrokenBlast, open_document
from stateserver.domain.blast import JsonObject
from stateserver.gateway import compact_json
from stateserver.gateway.blast_shelf import ShelvedBlast
from stateserver.gateway.refusals import Busy, NotThereYet, ReportFailed
from stateserver.reports.detonators import AWAITED, Outcome, WrongSnapshot, read_outcomes
from stateserver.reports.document import UnreadableReport

log = logging.getLogger(__name__)

KEPT_ROWS_MAX: Final = 500_000
WAITING_MAX: Final = 8


class BlastRows(NamedTuple):
    """A row a detonator in path order, as JSON, and its place among them: `<booster's path>:<window>`."""

    places: list[str]
    rows: list[bytes]


class DetonatorDesk:
    """The rows of the blasts that were asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, BlastRows] = OrderedDict()
        self._making: dict[str, asyncio.Task[BlastRows]] = {}
        self._turn = asyncio.Lock()

    async def rows(self, blast: ShelvedBlast, start: tuple[BlastPart, ...] | None) -> BlastRows:
        """A blast's rows, as its report stands. Raises NotThereYet, Busy, ReportFailed."""
        if start is None:
            raise NotThereYet(f"the start snapshot of blast {blast.blast!r}")
        kept = self._kept.get(blast.sha256)
        if kept is not None:
            self._kept.move_to_end(blast.sha256)
            return kept
        if blast.sha256 not in self._making:
            if len(self._making) >= WAITING_MAX:
                raise Busy(f"the detonators of {WAITING_MAX} blasts are being looked up already")
            task = self._making[blast.sha256] = asyncio.create_task(self._make(blast, start))
            task.add_done_callback(partial(self._made, blast.sha256))
        # Others may wait for it too: it goes on when one of them goes.
        return await asyncio.shield(self._making[blast.sha256])

    async def _make(self, blast: ShelvedBlast, start: tuple[BlastPart, ...]) -> BlastRows:
        async with self._turn:
            try:
                return await asyncio.to_thread(rows_of, blast.summary, start)
            except (BrokenBlast, UnreadableReport, WrongSnapshot) as trouble:
                log.error("the detonators of blast %s can't be told: %s", blast.blast, trouble.message)
                raise ReportFailed(trouble.message) from None

    def _made(self, sha256: str, task: asyncio.Task[BlastRows]) -> None:
        del self._making[sha256]
        if task.cancelled() or task.exception() is not None:
            return
        self._kept[sha256] = task.result()
        held = sum(len(one.rows) for one in self._kept.values())
        while held > KEPT_ROWS_MAX and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            held -= len(dropped.rows)


def rows_of(summary: JsonObject, start: tuple[BlastPart, ...]) -> BlastRows:
    """The rows of a report document, whose timeline may lack, and the parts of its start snapshot.

    Raises UnreadableReport, BrokenBlast, WrongSnapshot.
    """
    lines = partial(open_document, start)
    with lines() as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # any binary file will do
    found = BlastRows([], [])
    try:
        if digest != summary["snapshots"]["start"]:
            raise WrongSnapshot(f"the start snapshot of blast {summary['blast']} is not the one that its report names")
        for outcome in read_outcomes(summary, lines):
            found.places.append(f"{outcome.booster}:{outcome.window_id}")
            found.rows.append(compact_json.encode(_row(outcome)))
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableReport(f"no report document of this version: {type(error).__name__} {error}") from error
    return found


def _row(outcome: Outcome) -> JsonObject:
    return {
        "unit": outcome.booster,
        "window_id": outcome.window_id,
        "uid": outcome.uid,
        "serial": outcome.serial,
        "label": outcome.label,
        "delay": outcome.delay,
        "first_seen": outcome.first_seen,
        "outcome": None if outcome.outcome == AWAITED else outcome.outcome,
        "why": outcome.why,
    }
