"""What a replay prints at its end."""

import time
from collections import Counter
from collections.abc import Iterable

import click

from stateserver.domain.blast import JsonObject
from stateserver.domain.change import Change
from stateserver.domain.records import Record
from stateserver.protocol.reasons import Reason, Rejected
from stateserver.replay.folding import Folding


class Summary:
    """Counts, and the time since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._records: Counter[str] = Counter()
        self._rejected: Counter[Reason] = Counter()
        self._frames: Counter[str] = Counter()
        self._blasts: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._misfires = 0
        self._first_rejected: tuple[str, Rejected] | None = None
        self._events = self._units = self._systems = 0

    def count(self, record: Record, changes: list[Change]) -> None:
        """A record that was applied, and what it caused."""
        self._records[type(record).__name__] += 1
        self._events += len(changes)

    def count_rejected(self, where: str, rejected: Rejected) -> None:
        """A record that could not be read or applied, and where it lies."""
        if self._first_rejected is None:
            self._first_rejected = where, rejected
        self._rejected[rejected.reason] += 1

    @property
    def is_empty(self) -> bool:
        """Whether there was no record at all."""
        return not self._records and not self._rejected

    @property
    def nothing_taken(self) -> tuple[str, Rejected] | None:
        """Where every record was rejected: where the first one lies, and why it was."""
        return None if self._records else self._first_rejected

    def count_blasts(self, documents: Iterable[JsonObject]) -> None:
        """Blasts, by their report documents."""
        for document in documents:
            self._blasts[document["how"] or "still open"] += 1
            if document["verdict"] is not None:
                self._verdicts[document["verdict"]] += 1
                self._misfires += document["detonators"]["misfires"]

    def count_outcome(self, folding: Folding) -> None:
        """A system at the end, and its blasts that were not told of before."""
        self._systems += 1
        self._frames.update(folding.system.counters)
        self._units += sum(1 for _ in folding.system.units())
        self.count_blasts(folding.documents())

    def print(self, **more: int | str) -> None:
        """Print it, with `more` rows before the time."""
        rows: dict[str, int | str] = {
            "Systems": self._systems,
            "Frames": self._records["FrameRecord"],
            "Ticks": self._records["TickRecord"],
            "Commands": self._records["CommandRecord"],
            "Rejected": _with_parts(self._rejected),
            "Duplicate": self._frames["duplicate"],
            "Missing": self._frames["missing"],
            "Events": self._events,
            "Units": self._units,
            "Blasts": _with_parts(self._blasts),
            "Verdicts": _with_parts(self._verdicts),
            "Misfires": self._misfires,
            **more,
            "Time": f"{time.perf_counter() - self._started:.2f} s",
        }
        width = max(map(len, rows)) + 2
        for name, value in rows.items():
            click.echo(f"{name + ':':{width}}{value}")


def _with_parts(counted: Counter[str] | Counter[Reason]) -> str:
    parts = ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))
    return f"{counted.total()}" + (f" ({parts})" if parts else "")
