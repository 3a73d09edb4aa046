"""What must hold: during a run, of whatever becomes visible; and at its end, of everything.

The oracle is the pure core folding the same journal.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stateserver.codec.blast import BlastPart, decode_blast_part, join_document
from stateserver.codec.change import decode_change
from stateserver.codec.era import era_of
from stateserver.codec.heartbeat import decode_heartbeat
from stateserver.codec.rejected import decode_rejected
from stateserver.codec.still import decode_still_part, join_still
from stateserver.codec.system import decode_system
from stateserver.codec.topics import unit_key
from stateserver.codec.unit import decode_unit
from stateserver.domain.canonical import canonical_json
from stateserver.domain.change import Change, Fields, fold_change
from stateserver.domain.checkpoint import state_hash, take_rows
from stateserver.domain.still import read_still
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE, Layout
from stateserver.stream.ports import Row
from stateserver.stream.state_rows import MARKER_KEY, decode_marker
from tests.simulation.kafka import Broker, Place
from tests.simulation.processes import Machine
from tests.stream.journals import LogLine, last_values, opened
from tests.stream.withdrawn import FULL_RING


class Truth:
    """What the journal says, folded."""

    def __init__(self, journal: Mapping[Place, Sequence[LogLine]]) -> None:
        self.systems: dict[str, Folding] = {}
        self.places: dict[str, int] = {}
        self.changes: dict[str, list[Change]] = {}
        self.rejected: set[tuple[str, int, int]] = set()
        self.versions: dict[Place, list[tuple[int, str, int]]] = {}
        for (topic, partition), lines in journal.items():
            for line in lines:
                self._take(topic, partition, line)

    def _take(self, topic: str, partition: int, line: LogLine) -> None:
        folding = None
        try:
            name, record = opened(line, FULL_RING)
            folding = self.systems.get(name) or Folding(name)
            changes = folding.apply(record)
        except Rejected as rejected:
            self.rejected.add((topic, partition, line.offset))
            if folding is not None:
                folding.reject(rejected)
            return
        self.systems[name], self.places[name] = folding, partition
        self.changes.setdefault(name, []).extend(changes)
        if changes:
            self.versions.setdefault((topic, partition), []).append((line.offset, name, changes[-1].version))

    def told_by(self, place: Place, position: int) -> dict[str, int]:
        """The version of each system once all before that position of a journal is applied."""
        return {name: version for offset, name, version in self.versions.get(place, ()) if offset < position}


class Watch:
    """Looks at all that becomes visible, and complains to the trace."""

    def __init__(self, broker: Broker, layout: Layout, *, changelog_is_damaged: bool) -> None:
        self._broker = broker
        self._layout = layout
        self._damaged = changelog_is_damaged
        self._trace = broker.trace
        self._told: dict[str, list[bytes]] = {}
        self._eras: dict[int, int] = {}
        self._eras_of_states: dict[int, int] = {}
        self._latest_eras: dict[int, int] = {}
        self._places: dict[str, int] = {}
        self.durable: dict[Place, int] = {}
        self.beats: list[tuple[int, int, dict[str, int], dict[str, int]]] = []
        self._lineages: dict[int, str] = {}
        broker.on_append = self._appended
        broker.on_commit = self._committed

    def _appended(self, place: Place, rows: Sequence[Row]) -> None:
        topic, partition = place
        if topic == self._layout.topics.changes:
            for row in rows:
                self._event(partition, era_of(row.headers), decode_change(row.value or b""))
        elif topic == self._layout.topics.systems:
            for row in rows:
                self._system(partition, row)
        elif topic == self._layout.topics.heartbeats:
            self._heard(partition, rows)
        elif topic == self._layout.state:
            for row in rows:
                if row.key == MARKER_KEY:
                    self._marker(partition, row.value or b"")

    def _system(self, partition: int, row: Row) -> None:
        if row.value is None:
            self._begins(partition, era_of(row.headers))
            return
        system = decode_system(row.value)
        if system.version > len(self._told.get(system.system, [])):
            self._trace.violate(f"a checkpoint of {system.system} before its event {system.version}")

    def _heard(self, partition: int, beats: Sequence[Row]) -> None:
        told = {system: len(events) for system, events in self._told.items()}
        for beat in beats:
            positions = decode_heartbeat(beat.value or b"").positions
            self.beats.append((partition, era_of(beat.headers), positions, told))

    def era(self, partition: int) -> int:
        """Which history of the partition counts, as readers know it: by events, and by what strikes systems out."""
        return self._eras.get(partition, 0)

    def era_of_state(self, partition: int) -> int:
        """The one that its last marker names."""
        return self._eras_of_states.get(partition, 0)

    def _begins(self, partition: int, era: int) -> None:
        """What was told before that era was withdrawn."""
        if era > self.era(partition):
            self._eras[partition] = era
            for system, place in self._places.items():
                if place == partition:
                    self._told[system] = []

    def _event(self, partition: int, era: int, change: Change) -> None:
        if era > self.era(partition):
            if era > self._latest_eras.get(partition, 0):
                self._trace.violate(f"event {change.version} of {change.system} came before its era {era} began")
            self._begins(partition, era)
        self._places[change.system] = partition
        if era < self.era(partition):
            return  # of a worker that was taken for dead: no reader takes it
        told, said = self._told.setdefault(change.system, []), repr(change).encode()
        if change.version == len(told) + 1:
            told.append(said)
        elif change.version > len(told):
            self._trace.violate(f"event {change.version} of {change.system} came after event {len(told)}")
        elif told[change.version - 1] != said:
            self._trace.violate(
                f"event {change.version} of {change.system}: {said!r} after {told[change.version - 1]!r}"
            )

    def _marker(self, partition: int, value: bytes) -> None:
        marker = decode_marker(value)
        if marker.era > self._latest_eras.get(partition, 0):
            self._latest_eras[partition] = marker.era
            self._lineages[partition] = marker.lineage
            self.durable.update({(topic, partition): 0 for topic in marker.positions})
        if self._lineages.setdefault(partition, marker.lineage) != marker.lineage and not self._damaged:
            self._trace.violate(f"partition {partition} was rebuilt from its journal, though nothing was damaged")
        for topic, position in marker.positions.items():
            place = (topic, partition)
            same_life = self._lineages.get(partition) == marker.lineage
            if same_life and position < self.durable.get(place, 0) and self._broker.transactions:
                self._trace.violate(f"the state of {place} went back from {self.durable[place]} to {position}")
            self.durable[place] = position
        self._lineages[partition], self._eras_of_states[partition] = marker.lineage, marker.era

    def _committed(self, positions: Mapping[Place, int]) -> None:
        for place, position in positions.items():
            if position > self.durable.get(place, 0):
                self._trace.violate(f"{place} was committed to {position}, durable is {self.durable.get(place)}")

    def told(self, system: str) -> list[bytes]:
        """A system's events, as a reader has them who drops what it has seen."""
        return self._told.get(system, [])


class Verdict:
    """Compares all that is there at the end with the truth."""

    def __init__(self, broker: Broker, layout: Layout, truth: Truth, watch: Watch) -> None:
        self._broker = broker
        self._layout = layout
        self._truth = truth
        self._watch = watch
        self._complain = broker.trace.violate

    def give(self, machines: Iterable[Machine], *, changelog_is_damaged: bool) -> None:
        """Tell the trace of everything that is not as it should be."""
        for name, folding in self._truth.systems.items():
            told = self._watch.told(name)
            expected = [repr(change).encode() for change in self._truth.changes.get(name, [])]
            self._differ(f"changes of {name}", told, expected)
            self._units(name, folding)
            self._system(name, folding)
            self._blasts(name, folding)
            self._stills(name)
        self._heartbeats()
        rows = [decode_rejected(line.value or b"") for line in self._told(self._layout.topics.rejected)]
        found = {(row.topic, row.partition, row.offset) for row in rows}
        self._differ("rejected", sorted(found), sorted(self._truth.rejected))
        for machine in machines:
            self._table_on_disk(machine, UNITS_TABLE, self._layout.topics.units)
            if not changelog_is_damaged:  # else a disk may have the row as it was
                self._table_on_disk(machine, STATE_TABLE, self._layout.state)

    def _heartbeats(self) -> None:
        """Whatever one called applied had been told before."""
        for partition, era, positions, told in self._watch.beats:
            if era < self._watch.era_of_state(partition):
                continue  # of a worker that didn't know yet that all was withdrawn
            for topic, position in positions.items():
                for system, version in self._truth.told_by((topic, partition), position).items():
                    if told.get(system, 0) < version:
                        self._complain(
                            f"a heartbeat of {topic}/{partition} called {position} applied, when event {version} of "
                            f"{system} was not told"
                        )

    def _stills(self, name: str) -> None:
        """Each still is how the system stood at its version, and the events after it are where it says."""
        place = self._truth.places[name]
        told = [
            (line.offset, change.version)
            for line in self._told(self._layout.topics.changes, place)
            if (change := decode_change(line.value or b"")).system == name
        ]
        lines = [line for line in self._told(self._layout.topics.history, place) if line.key == name.encode()]
        stills = [join_still([decode_still_part(line.value or b"")]) for line in lines]
        units: dict[str, Fields] = {}
        changes, folded = self._truth.changes.get(name, []), 0
        for still in sorted(filter(None, stills), key=lambda one: one.version):
            for change in changes[folded : still.version]:
                fold_change(units, change)
            folded = still.version
            got = {path: fields | {"as_of": 0} for path, fields in read_still(name, still.data).units()}
            self._differ(f"still {still.version} of {name}", got, {path: units[path] | {"as_of": 0} for path in units})
            after = {version for offset, version in told if offset >= still.changes_offset}
            missing = {version for _, version in told if version > still.version} - after
            self._differ(f"events after still {still.version} of {name}", missing, set())
        self._differ(f"stills of {name} that can be read", len(stills) > 0 and None not in stills, True)

    def _differ(self, what: str, got: Any, expected: Any) -> None:
        if got != expected:
            self._complain(f"{what} differ: {got!r:.600} instead of {expected!r:.600}")

    def _lines(self, topic: str, partition: int | None = None) -> list[LogLine]:
        return [
            line
            for (name, number), there in self._broker.partitions.items()
            if name == topic and partition in {None, number}
            for line in there.visible(0, there.end)
        ]

    def _told(self, topic: str, partition: int | None = None) -> list[LogLine]:
        """What is of the era that counts."""
        numbers = {number for name, number in self._broker.partitions if name == topic}
        wanted = numbers if partition is None else {partition}
        return [
            line
            for number in sorted(wanted)
            for line in self._lines(topic, number)
            if era_of(line.headers) == self._watch.era_of_state(number)
        ]

    def _table(self, topic: str, partition: int) -> dict[bytes, bytes]:
        return last_values(self._lines(topic, partition))

    def _units(self, name: str, folding: Folding) -> None:
        system = folding.system
        table = self._table(self._layout.topics.units, self._truth.places[name])
        rows = [row for row in map(decode_unit, table.values()) if row.system == name]
        got = {row.unit: (row.version, row.fields) for row in rows}
        expected = {path: (system.unit_version(path), fields) for path, fields in system.units()}
        for path in sorted(got.keys() | expected.keys()):
            self._differ(f"unit {path} of {name}", got.get(path), expected.get(path))
        assert all(unit_key(name, row.unit) in table for row in rows)

    def _system(self, name: str, folding: Folding) -> None:
        value = self._table(self._layout.topics.systems, self._truth.places[name]).get(name.encode())
        if value is None:
            self._complain(f"no row of {name} in systems")
            return
        row, system = decode_system(value), folding.system
        take_rows(system)
        expected = (system.version, system.time, system.mode, state_hash(system), dict(system.counters))
        self._differ(f"system {name}", (row.version, row.time, row.mode, row.state_hash, row.counters), expected)

    def _blasts(self, name: str, folding: Folding) -> None:
        parts: dict[tuple[str, str], dict[int, BlastPart]] = {}
        for value in self._table(self._layout.topics.blasts, self._truth.places[name]).values():
            part = decode_blast_part(value)
            if part.system == name:
                parts.setdefault((part.blast, part.what), {})[part.part] = part
        got = {which: join_document(found.values()).content for which, found in parts.items()}
        for document in folding.documents():
            if document["closed"] is not None:
                blast = str(document["blast"])
                self._differ(f"the report of {blast}", got.pop((blast, "report"), None), canonical_json(document))
        for (blast, which), content in folding.snapshots.items():
            self._differ(f"snapshot {which} of {blast}", got.pop((blast, which), None), content)
        opened = {blast for blast, what in got if what != "report"}
        self._differ(f"blasts of {name} that never were", opened, set())

    def _table_on_disk(self, machine: Machine, table: str, topic: str) -> None:
        for keeper in machine.keepers:
            partition, restored = keeper.partition, keeper._restored
            given_up = restored is not None and restored.state._given_up
            if machine.disk.full or given_up or (table, partition) in machine.disk.damaged:
                continue
            lies, says = machine.disk.newest(table, partition).rows, self._table(topic, partition)
            wrong = sorted(key for key in lies.keys() | says.keys() if lies.get(key) != says.get(key))
            self._differ(f"table {table}/{partition} on disk {machine.number}", wrong, [])
