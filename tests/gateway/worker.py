"""What a worker writes to its topics, made by the core alone: events at once, rows at checkpoints behind them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stateserver.codec.standing import answered_rows, clocks_ahead, warning_rows
from stateserver.codec.system import ClockSetBack, SystemRow
from stateserver.codec.unit import UnitRow
from stateserver.domain.apply import apply
from stateserver.domain.blast import BlastStage
from stateserver.domain.change import CLOCK_SET_BACK, Change, Fields
from stateserver.domain.checkpoint import state_hash, take_moved_units, take_rows, take_touched_units
from stateserver.domain.records import Record
from stateserver.domain.system import System
from stateserver.protocol.reasons import Rejected
from tests.domain.places import unit_paths


class Gone(NamedTuple):
    """A tombstone."""

    system: str
    unit: str


class Written(NamedTuple):
    """A row, and how many events had been written before it."""

    row: UnitRow | SystemRow | Gone
    events_before: int


class State(NamedTuple):
    """The truth at a version."""

    units: dict[str, Fields]
    warnings: set[tuple[str, str]]


class Worker:
    """Folds the journal of one system, keeping all that it writes in the order it does."""

    def __init__(self, name: str = "site") -> None:
        self.system = System(name)
        self.events: list[Change] = []
        self.rows: list[Written] = []
        self.stages: list[BlastStage] = []
        self.offset = -1

    def run(self, journal: Iterable[Record], checkpoint_after: Sequence[bool] | None = None) -> "Worker":
        """Apply a journal; a checkpoint follows each record for which that is asked, and the last."""
        for index, record in enumerate(journal):
            self.apply(record)
            if checkpoint_after is not None and checkpoint_after[index % len(checkpoint_after)]:
                self.checkpoint()
        self.checkpoint()
        return self

    def apply(self, record: Record) -> list[Change]:
        """Apply one record; what it caused is written at once."""
        self.offset += 1
        try:
            applied = apply(self.system, record)
        except Rejected:
            return []
        self.events += applied.changes
        self.stages += applied.blasts
        return applied.changes

    def checkpoint(self) -> None:
        """Write the rows of what changed since the last checkpoint."""
        system, now = self.system, len(self.events)
        take_rows(system)
        for path in sorted(unit_paths(take_touched_units(system)) | unit_paths(take_moved_units(system))):
            fields = system.unit(path)
            row = (
                Gone(system.name, path)
                if fields is None
                else UnitRow(system.name, path, system.unit_version(path), dict(fields))
            )
            self.rows.append(Written(row, now))
        self.rows.append(Written(self._system_row(now), now))

    def _system_row(self, now: int) -> SystemRow:
        system = self.system
        return SystemRow(
            system=system.name,
            version=system.version,
            time=system.time,
            mode=system.mode,
            partition=0,
            offset=self.offset,
            appended_at=None,
            counters=dict(system.counters),
            sources={name: source.last_sequence for name, source in system.sources.items()},
            gaps={},
            state_hash=state_hash(system),
            checkpointed_at=0,
            changes_offset=now,
            warnings=warning_rows(system),
            answered_after_blast=answered_rows(system),
            clocks_ahead=clocks_ahead(system),
            clocks_set_back=self._set_back(),
        )

    def _set_back(self) -> list[ClockSetBack]:
        told = {
            str(event.source): ClockSetBack(str(event.source), event.at, int(str(event.details["by"])))
            for event in self.events
            if event.kind == CLOCK_SET_BACK
        }
        return [told[source] for source in sorted(told)]
