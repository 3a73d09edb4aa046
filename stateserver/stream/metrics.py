"""What a worker counts, since it started."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Metrics:
    """Counters, and how many records are unread by (topic, partition)."""

    records: int = 0
    changes: int = 0
    rejected: int = 0
    ticks: int = 0
    checkpoints: int = 0
    unread: dict[tuple[str, int], int] = field(default_factory=dict)

    def count(self, records: int, changes: int, rejected: int) -> None:
        """A batch was applied."""
        self.records += records
        self.changes += changes
        self.rejected += rejected
