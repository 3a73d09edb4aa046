"""Sources of which nothing is of any use: for a minute and longer, all their frames are rejected, or all duplicates.

A Packet Server with a key that nobody knows, or one that sends the same again and again, looks like equipment that is
silent. Pure: times are passed in, those of Kafka's appending, so that a backlog is judged as it would have been then.
"""

from collections import Counter
from typing import Final, NamedTuple

from stateserver.codec.heartbeat import TroubledSource

TROUBLED_AFTER_MS: Final = 60_000
FORGOTTEN_AFTER_MS: Final = 600_000
"""What sends nothing any more is silent, and no longer told for what it sent."""
SOURCES_MAX: Final = 1_000
"""Names in records that can't be opened are anybody's: they must not fill the memory."""
DUPLICATES: Final = "duplicates"
REJECTED: Final = "rejected"

Sender = tuple[str | None, str | None]
"""System and source, as a record's header tells them; None where it can't be read."""


class _Run(NamedTuple):
    """Frames of one source without a good one among them. `of` counts them by reason, duplicates by ""."""

    first_ms: int
    last_ms: int
    of: Counter[str]


class SourceWatch:
    """Times in ms since 1970. `runs` are of sources whose last frames were of no use."""

    def __init__(self) -> None:
        self.runs: dict[Sender, _Run] = {}

    def good(self, system: str, source: str) -> None:
        """A frame of it was applied."""
        self.runs.pop((system, source), None)

    def bad(self, sender: Sender, reason: str | None, at_ms: int) -> None:
        """A frame of it was rejected for a reason, or (None) is a duplicate."""
        run = self.runs.pop(sender, None) or _Run(at_ms, at_ms, Counter())
        run.of[reason or ""] += 1
        self.runs[sender] = run._replace(last_ms=max(run.last_ms, at_ms))  # the last one told of is the last one
        if len(self.runs) > SOURCES_MAX:
            del self.runs[next(iter(self.runs))]

    def troubled(self, now_ms: int) -> list[TroubledSource]:
        """Those that have been so for long enough, the longest first. What has fallen silent since is forgotten."""
        for sender in [sender for sender, run in self.runs.items() if now_ms - run.last_ms > FORGOTTEN_AFTER_MS]:
            del self.runs[sender]
        told = [
            _told(sender, run) for sender, run in self.runs.items() if run.last_ms - run.first_ms >= TROUBLED_AFTER_MS
        ]
        return sorted(told, key=lambda one: (one.since, one.system or "", one.source or ""))


def _told(sender: Sender, run: _Run) -> TroubledSource:
    rejected = Counter({reason: count for reason, count in run.of.items() if reason})
    # Both may come of one source: what there is more of is the name of the trouble.
    mostly_rejected = 2 * rejected.total() >= run.of.total()
    why = REJECTED if mostly_rejected else DUPLICATES
    reason = max(rejected, key=lambda one: (rejected[one], one)) if mostly_rejected else None
    return TroubledSource(*sender, why, reason, run.of.total(), run.first_ms)
