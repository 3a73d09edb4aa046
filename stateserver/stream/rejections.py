"""What was rejected, added up for the log: by reason and source, once a minute, in a bounded number of lines. Pure."""

from collections import Counter
from typing import Final, NamedTuple

from stateserver.stream.sources import Sender

TELL_EVERY_MS: Final = 60_000
KINDS_MAX: Final = 20
"""So many reasons and sources are told apart; the rest is one number."""
SHOWN_CHARACTERS_MAX: Final = 200


class _Tally(NamedTuple):
    records: int
    last: str


class Rejections:
    """Of one partition. Times in ms, of any clock."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, Sender], _Tally] = {}
        self._others = 0
        self._told_ms: int | None = None
        self._reasons: Counter[str] = Counter()

    def count(self, reason: str, sender: Sender, detail: str, place: str) -> None:
        """A record was rejected; `place` is where it lies."""
        self._reasons[reason] += 1
        kind = (reason, sender)
        known = self._tallies.get(kind)
        if known is None and len(self._tallies) >= KINDS_MAX:
            self._others += 1
            return
        records = 0 if known is None else known.records
        self._tallies[kind] = _Tally(records + 1, f"{_shown(detail)}; the last one is {place}")

    def take_reasons(self) -> Counter[str]:
        """How many for each reason since the last call."""
        reasons, self._reasons = self._reasons, Counter()
        return reasons

    def due(self, now_ms: int) -> list[str]:
        """What is to be told now: at once where nothing was told for a minute, then each minute."""
        if not self._tallies or (self._told_ms is not None and now_ms - self._told_ms < TELL_EVERY_MS):
            return []
        lines = [
            f"rejected: {tally.records} of {sender_shown(sender)}, {reason} ({tally.last})"
            for (reason, sender), tally in self._tallies.items()
        ]
        if self._others:
            lines.append(f"rejected: {self._others} more, of other sources or for other reasons")
        self._told_ms, self._tallies, self._others = now_ms, {}, 0
        return lines


def sender_shown(sender: Sender) -> str:
    """For a person: which source of which system."""
    system, source = sender
    where = "a system that can't be read" if system is None else f"system {_shown(repr(system))}"
    return f"{where}, " + ("a source that can't be read" if source is None else f"source {_shown(repr(source))}")


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[:SHOWN_CHARACTERS_MAX] + "…"
