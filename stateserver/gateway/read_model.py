"""All systems that this gateway knows, and what a reading of the topics begins with. Pure: no Kafka here."""

from collections.abc import Iterable

from stateserver.codec.system import SystemRow
from stateserver.codec.unit import RawUnit
from stateserver.domain.change import Change
from stateserver.gateway.blast_shelf import BlastShelf
from stateserver.gateway.claim_book import ClaimBook
from stateserver.gateway.system_model import Folded, SystemModel
from stateserver.gateway.unit_table import UnitTable


class Rows:
    """The rows of the topics that are read whole, as far as they have been read: what a reader begins with."""

    def __init__(self) -> None:
        self.systems: dict[str, SystemRow] = {}
        self.units: dict[str, UnitTable] = {}
        self.blasts = BlastShelf()
        self.claims = ClaimBook()

    def put_system(self, row: SystemRow) -> None:
        """Take the latest row of a system."""
        self.systems[row.system] = row

    def put_unit(self, unit: RawUnit) -> None:
        """Take the latest row of a unit."""
        table = self.units.get(unit.system)
        if table is None:
            table = self.units[unit.system] = UnitTable()
        table.put_raw(unit)

    def drop_unit(self, system: str, path: str) -> None:
        """A tombstone: the unit is gone."""
        if system in self.units:
            self.units[system].drop(path)

    def changes_from(self, partition: int) -> int:
        """From which offset of that partition of `changes` the events after these rows are found.

        The latest checkpoint of a partition takes every system that changed, so what it says holds for
        those too whose own rows are older: going by the oldest would read all of a quiet system's absence.
        Where that is wrong all the same, the first event of a system shows a gap: `changes_from_earliest`.
        """
        return max(self._offsets(partition), default=0)

    def changes_from_earliest(self, partition: int) -> int:
        """As `changes_from`, by the oldest row: the most that can be needed."""
        return min(self._offsets(partition), default=0)

    def _offsets(self, partition: int) -> Iterable[int]:
        return (row.changes_offset or 0 for row in self.systems.values() if row.partition == partition)


class ReadModel:
    """Systems by name, the blasts of all, and which commands clients' own ids stand for."""

    def __init__(self, *, log_capacity: int = 10_000, log_capacity_total: int = 250_000, generation: int = 0) -> None:
        self.systems: dict[str, SystemModel] = {}
        self.blasts = BlastShelf()
        self.claims = ClaimBook()
        self.positions: dict[tuple[str, int], int] = {}
        """How far workers say that they are with a journal's partition: the offset of the next record."""
        self.generation = generation
        self._log_capacity = log_capacity
        self._log_capacity_total = log_capacity_total

    def begin(self, rows: Rows) -> "ReadModel":
        """A fresh reading, to be filled with events beside the one that is shown, then adopted.

        A system that is gone from the topics stays, empty, for whoever watches it.
        """
        fresh = ReadModel(
            log_capacity=self._log_capacity,
            log_capacity_total=self._log_capacity_total,
            generation=self.generation + 1,
        )
        for name in {*rows.systems, *rows.units, *self.systems}:
            found = rows.units.get(name)
            fresh._add(name, rows.systems.get(name), None if found is None else found.copy())
        fresh.blasts, fresh.claims = rows.blasts, rows.claims
        return fresh

    def adopt(self, fresh: "ReadModel") -> None:
        """Put a fresh reading in the place of what was held."""
        self.systems, self.blasts, self.claims = fresh.systems, fresh.blasts, fresh.claims
        self.generation = fresh.generation

    def fold(self, change: Change, partition: int | None = None) -> Folded:
        """Carry an event over, in a system that may be new. `partition` is where it was found."""
        model = self.systems.get(change.system) or self._add(change.system)
        if partition is not None:
            model.partition = partition
        return model.fold(change)

    def refresh(self, row: SystemRow) -> None:
        """Take a system's row."""
        model = self.systems.get(row.system) or self._add(row.system)
        model.refresh(row)

    def refresh_unit(self, unit: RawUnit) -> None:
        """Take a unit's row."""
        model = self.systems.get(unit.system) or self._add(unit.system)
        model.refresh_unit(unit)

    def trim_logs(self) -> None:
        """Hold the logs of all systems together within their bound: the longest give way."""
        share = max(256, self._log_capacity_total // max(1, len(self.systems)))
        if sum(len(model.log) for model in self.systems.values()) > self._log_capacity_total:
            for model in self.systems.values():
                model.log.keep(share)

    def _add(self, name: str, row: SystemRow | None = None, units: UnitTable | None = None) -> SystemModel:
        model = SystemModel(name, row, units, log_capacity=self._log_capacity, generation=self.generation)
        self.systems[name] = model
        return model
