"""Notices that records come into the journal and nothing comes of them: the worker is gone, or can't go on.

Nothing else would tell: without a worker the topics simply stay as they are, and look like a quiet mine. Pure.
"""

from collections.abc import Mapping
from typing import Final

PATIENCE_S: Final = 10.0
"""Longer than a worker takes to take over from another."""

Journal = tuple[str, int]
"""An input topic and a partition of it."""


class JournalWatch:
    """Times are of any clock that only goes forward, in s."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._ends: dict[Journal, int] = {}
        self._waiting_since: dict[int, float] = {}
        self._applied: dict[int, int] = {}

    def arrived(self, ends: Mapping[Journal, int], now_s: float) -> None:
        """The journals end there now. What they held when first looked at does not count."""
        for journal, end in ends.items():
            if end < self._ends.get(journal, end):
                self._applied.pop(journal[1], None)  # another journal, whose offsets begin anew
            if end > self._ends.get(journal, end) and not self._is_applied(journal[1], end):
                self._waiting_since.setdefault(journal[1], now_s)
        self._ends |= ends

    def answered(self, partition: int) -> None:
        """Something has come of a partition's records."""
        self._waiting_since.pop(partition, None)

    def applied(self, partition: int, offset: int) -> None:
        """A system's row, or a rejected record, says that the worker has been at this record of the partition."""
        self._applied[partition] = max(offset, self._applied.get(partition, -1))

    def _is_applied(self, partition: int, end: int) -> bool:
        """Whether its answer was here before we heard that it came. Rows name no topic, so of several nobody knows."""
        journals = [journal for journal in self._ends if journal[1] == partition]
        return len(journals) == 1 and self._applied.get(partition, -1) >= end - 1

    def unread(self, now_s: float) -> list[int]:
        """The partitions whose records nothing has come of for too long."""
        late = now_s - self._patience_s
        return sorted(partition for partition, since in self._waiting_since.items() if since <= late)
