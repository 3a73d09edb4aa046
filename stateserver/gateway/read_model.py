"""All systems that this gateway knows, and what a reading of the topics begins with. Pure: no Kafka here."""

from collections.abc import Iterable

from stateserver.codec.era import FIRST_ERA
from stateserver.codec.system import SystemRow
from stateserver.codec.unit import RawUnit
from stateserver.domain.change import Change
from stateserver.gateway.blast_shelf import BlastShelf
from stateserver.gateway.claim_book import ClaimBook
from stateserver.gateway.system_model import Folded, SystemModel
from stateserver.gateway.unit_table import UnitTable


class Eras(dict[int, int]):
    """The latest history that is known of each partition."""

    def note(self, partition: int, era: int) -> None:
        """It is this one, or a later one."""
        if era > self.get(partition, FIRST_ERA):
            self[partition] = era

    def is_withdrawn(self, partition: int, era: int) -> bool:
        """Whether that one counts no more."""
        return era < self.get(partition, FIRST_ERA)


class Rows:
    """The rows of the topics that are read whole, as far as they have been read: what a reader begins with."""

    def __init__(self) -> None:
        self.systems: dict[str, SystemRow] = {}
        self.units: dict[str, UnitTable] = {}
        self.blasts = BlastShelf()
        self.claims = ClaimBook()
        self.eras = Eras()
        self._eras: dict[str, int] = {}

    def put_system(self, row: SystemRow, era: int = FIRST_ERA) -> None:
        """Take the latest row of a system."""
        self.systems[row.system] = row
        self._eras[row.system] = era

    def drop_system(self, system: str, era: int = FIRST_ERA) -> None:
        """A tombstone: its row, if it is not of a later era, is taken back."""
        if era >= self.era(system):
            self.systems.pop(system, None)
            self._eras[system] = era

    @property
    def withdrawn(self) -> set[str]:
        """The systems that nothing is told of any more, or yet."""
        return {system for system, era in self._eras.items() if era and system not in self.systems}

    def era(self, system: str) -> int:
        """The one that its row, or what struck it out, is of."""
        return self._eras.get(system, FIRST_ERA)

    def put_unit(self, unit: RawUnit) -> None:
        """Take the latest row of a unit."""
        table = self.units.get(unit.system)
        if table is None:
            table = self.units[unit.system] = UnitTable()
        table.put_raw(unit)

    def drop_unit(self, system: str, path: str, era: int = FIRST_ERA) -> None:
        """A tombstone: the unit is gone; or, with an era, all that was told before it."""
        if system in self.units:
            self.units[system].drop(path)
            if era and not self.units[system]:
                del self.units[system]  # and with it which version it came to
        if era > self.era(system):
            self.drop_system(system, era)

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
        self.eras = Eras()
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
        for name in {*rows.systems, *rows.units, *rows.withdrawn, *self.systems}:
            found = rows.units.get(name)
            fresh._add(name, rows.systems.get(name), None if found is None else found.copy(), rows.era(name))
        fresh.blasts, fresh.claims, fresh.eras = rows.blasts, rows.claims, rows.eras
        return fresh

    def adopt(self, fresh: "ReadModel") -> None:
        """Put a fresh reading in the place of what was held."""
        self.systems, self.blasts, self.claims = fresh.systems, fresh.blasts, fresh.claims
        self.eras = fresh.eras
        self.generation = fresh.generation

    def fold(self, change: Change, partition: int | None = None, era: int = FIRST_ERA) -> Folded:
        """Carry an event over, in a system that may be new. `partition` is where it was found."""
        model = self.systems.get(change.system) or self._add(change.system, era=era)
        if partition is not None:
            model.partition = partition
            self.eras.note(partition, era)
        return model.fold(change, era)

    def begin_anew(self, system: str, era: int) -> bool:
        """In a fresh reading: leave what events told of it before that era. False where rows are of before it too."""
        if self.systems[system].began_with_rows:
            return False
        self._add(system, era=era)
        return True

    def refresh(self, row: SystemRow, era: int = FIRST_ERA) -> None:
        """Take a system's row; one of an earlier era is of no use any more."""
        model = self.systems.get(row.system) or self._add(row.system, era=era)
        if era >= model.era:
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

    def _add(
        self, name: str, row: SystemRow | None = None, units: UnitTable | None = None, era: int = FIRST_ERA
    ) -> SystemModel:
        model = SystemModel(name, row, units, log_capacity=self._log_capacity, generation=self.generation, era=era)
        self.systems[name] = model
        return model
