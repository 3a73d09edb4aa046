"""One partition of the journal, folded: records in, encoded rows out. Synchronous, and without any I/O.

What it emits for a record depends on the records before it alone, so a repeat after a crash is identical.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stateserver.codec.appended import appended_at
from stateserver.codec.change import SYSTEM_TIME, encode_changes, time_bytes
from stateserver.codec.cloud_event import cloud_event_headers
from stateserver.codec.era import FIRST_ERA
from stateserver.codec.rejected import RejectedRow, encode_rejected
from stateserver.codec.standing import answered_rows, clocks_ahead, warning_rows
from stateserver.codec.still import Still
from stateserver.codec.system import ClockSetBack, SystemRow
from stateserver.codec.topics import unit_key
from stateserver.codec.unit import UnitRow, encode_unit, encode_windows
from stateserver.domain.apply import apply
from stateserver.domain.blast import BlastStage
from stateserver.domain.change import Change
from stateserver.domain.checkpoint import paths_of, state_hash, take_moved_units, take_rows, take_touched_units
from stateserver.domain.records import Record
from stateserver.domain.system import ITSELF, Places, System
from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.security.envelope import open_record
from stateserver.security.keyring import KeyRing
from stateserver.stream.errors import EventsDiffer, RecordsLost, RecordStopsPartition
from stateserver.stream.intake import Intake
from stateserver.stream.ports import Batch, LogRecord, Row
from stateserver.stream.state_rows import core_key, notes_key
from stateserver.stream.stills import Stills
from stateserver.stream.told import Told
from stateserver.stream.tracked import Tracked

logger = logging.getLogger(__name__)

TICK_RETRY_MS = 60_000
"""A tick that was appended but never came back (its key may not seal for that system) is asked for again then."""

BUSY_RECORDS = 1_500
"""With more than that in a cut, what can wait does."""
PUBLISH_EVERY_BUSY_CUTS = 8
PUBLISHED_UNITS_MAX = 250
PUBLISHED_UNITS_MAX_WHEN_IDLE = 2_000
"""Nothing else happens while a cut is made, so none may take long."""


class Emitted(NamedTuple):
    """What goes out at once for a batch. `stopped` says why nothing follows any more."""

    changes: list[Row]
    rejected: list[Row]
    stopped: StateServerError | None


class Cut(NamedTuple):
    """All that moved since the last cut, as of `positions`: the journal offset of the next record wanted, by topic.

    All events that follow lie in `changes` from `changes_offset` on, where that is known. `held` is how many systems
    there are, moved or not. `blasts` are stages by system, yet to be encoded. In `systems`, `checkpointed_at` and
    `changes_offset` are left to whoever writes them.
    """

    positions: dict[str, int]
    state: list[Row]
    units: list[Row]
    blasts: list[tuple[str, BlastStage]]
    systems: list[SystemRow]
    changes_offset: int | None
    held: int
    stills: Sequence[Still] = ()


class TickDue(NamedTuple):
    """A tick to be appended. `created_at` in ms."""

    topic: str
    system: str
    created_at: int
    mode: Mode


class _Caused(NamedTuple):
    """A record's events, and the system's time once it was applied."""

    record: LogRecord
    changes: list[Change]
    time: int | None


class PartitionProcessor:
    """The systems of one partition number, and how far its topics are applied. `era`: that of what is told."""

    def __init__(
        self,
        partition: int,
        ring: KeyRing,
        positions: dict[str, int],
        systems: dict[str, Tracked] | None = None,
        *,
        era: int = FIRST_ERA,
    ) -> None:
        self.partition = partition
        self.era = era
        self.positions = positions
        self.systems = {} if systems is None else systems
        self.intake = Intake()
        self._ring = ring
        self._cut_at = dict(positions)
        self._moved: set[str] = set()
        # Whose units' `as_of` may be behind in `units`, longest first.
        self._unpublished = dict.fromkeys(name for name, tracked in self.systems.items() if tracked.system.unpublished)
        self._blasts: list[tuple[str, BlastStage]] = []
        self._told: Told | None = None
        self._busy_cuts = 0
        self._stills = Stills()
        self._stills.await_all(self.systems)

    def expect(self, told: Told) -> None:
        """The next events were told before: they are checked, not told again."""
        self._told = told or None

    @property
    def expects(self) -> bool:
        """Whether some events that were told before were not met yet."""
        return bool(self._told)

    def take_blasts(self) -> list[tuple[str, BlastStage]]:
        """The stages since the last cut: they will not be in the next one."""
        blasts, self._blasts = self._blasts, []
        return blasts

    @property
    def moved(self) -> bool:
        """Whether anything was applied since the last cut."""
        return self.positions != self._cut_at

    @property
    def unpublished(self) -> bool:
        """Whether some unit's `as_of` has moved since it was published."""
        return bool(self._unpublished)

    def process(self, batch: Batch) -> Emitted:
        """Apply a batch. Records before our position are passed over: they have been.

        Raises RecordsLost where a batch before this one is missing.
        """
        topic, position = batch.topic, self.positions[batch.topic]
        if batch.follows > position:
            raise RecordsLost(topic, self.partition, position, batch.follows)
        records = [record for record in batch.records if record.offset >= position]
        # One kind of work after the other, over the whole batch.
        opened = [self._open(record) for record in records]
        emitted, caused = Emitted([], [], None), list[_Caused]()
        stopped = self._apply_all(topic, records, opened, caused, emitted)
        stopped = self._encode_all(topic, caused, emitted) or stopped
        return emitted._replace(stopped=stopped)

    def _open(self, record: LogRecord) -> tuple[str, Record] | Rejected:
        try:
            return open_record(self._ring, record.key, record.value, appended_at(record.timestamp, record.headers))
        except Rejected as rejection:
            return rejection

    def _apply_all(
        self,
        topic: str,
        records: Sequence[LogRecord],
        opened: Sequence[tuple[str, Record] | Rejected],
        caused: list["_Caused"],
        emitted: Emitted,
    ) -> StateServerError | None:
        for record, known in zip(records, opened, strict=True):
            try:
                if isinstance(known, Rejected):
                    raise known
                changes = self._apply(topic, record, *known)
                if changes:
                    caused.append(_Caused(record, changes, self.systems[known[0]].system.time))
            except Rejected as rejection:
                emitted.rejected.append(self._rejected_row(topic, record, rejection))
                self.intake.rejected(topic, self.partition, record, rejection)
            except Exception as trouble:  # noqa: BLE001 whatever it is: say where, and let others go on
                return self._stop(topic, record, trouble)
            self.positions[topic] = record.offset + 1
        return None

    def _encode_all(self, topic: str, caused: Iterable["_Caused"], emitted: Emitted) -> StateServerError | None:
        for record, changes, time in caused:
            key = record.key
            try:
                rows = [
                    tuple.__new__(Row, (key, value, headers))
                    for value, headers in zip(
                        encode_changes(changes), cloud_event_headers(changes, self.era), strict=True
                    )
                ]
                if any(change.at != time for change in changes):
                    rows = _with_time(rows, changes, time)
                if self._told is not None:
                    rows = self._told.untold(changes[0].system, changes[0].version, rows)
                    self._told = self._told or None
                emitted.changes.extend(rows)
            except Exception as trouble:  # noqa: BLE001 as above: no checkpoint is made of what was applied since
                return self._stop(topic, record, trouble)
        return None

    def _stop(self, topic: str, record: LogRecord, trouble: Exception) -> StateServerError:
        self.positions[topic] = record.offset
        if isinstance(trouble, EventsDiffer):
            return trouble
        stopped = RecordStopsPartition(topic, self.partition, record.offset, trouble)
        stopped.__cause__ = trouble
        return stopped

    def _apply(self, topic: str, record: LogRecord, name: str, opened: Record) -> list[Change]:
        tracked = self.systems.get(name)
        if tracked is None:
            tracked = Tracked(System(name), topic)
        elif tracked.topic != topic:
            logger.error("system %s is in %s and in %s: each must live in one topic", name, tracked.topic, topic)
        try:
            changes, blasts = apply(tracked.system, opened)
        except Rejected:
            if name in self.systems:
                self._moved.add(name)  # an open blast counts it
            raise
        self.systems[name] = tracked
        self._moved.add(name)
        self._unpublished[name] = None
        is_duplicate = tracked.note(topic, record, opened)
        if is_duplicate or self.intake.watch.runs:  # else a good frame ends nothing
            self.intake.applied(name, opened, duplicate=is_duplicate)
        if changes:
            tracked.note_sources(changes)
        if blasts:
            self._blasts.extend((name, stage) for stage in blasts)
        return changes

    def _rejected_row(self, topic: str, record: LogRecord, rejection: Rejected) -> Row:
        row = RejectedRow(
            rejection.reason,
            rejection.detail,
            topic,
            self.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
        )
        return Row(record.key, encode_rejected(row))

    def cut(self, changes_offset: int | None = None) -> Cut:
        """What moved since the last cut. What it gives is forgotten here: write it, or start anew from the last one.

        `changes_offset` is the cut's. Units whose `as_of` alone has moved are far more than those that changed: they
        wait until there is time.
        """
        applied = sum(self.positions.values()) - sum(self._cut_at.values())
        cut = Cut(dict(self.positions), [], [], self.take_blasts(), [], changes_offset, len(self.systems))
        moved = sorted(self._moved)
        for name in moved:
            system = self.systems[name].system
            cut.state.extend(Row(core_key(name, row), value) for row, value in take_rows(system).items())
            cut.units.extend(_unit_rows(system, take_touched_units(system)))
            cut.systems.append(self._system_row(self.systems[name]))
        published = self._publish(cut.units, busy=applied > BUSY_RECORDS)
        for name in sorted({*moved, *published}):
            notes = self.systems[name].notes(unpublished=name in self._unpublished)
            cut.state.append(Row(notes_key(name), notes.encode()))
        self._cut_at = cut.positions
        self._moved = set()
        # While events are folded that were told before, that offset stays behind: a reader would read them all again.
        place = changes_offset if self._told is None else None
        return cut._replace(stills=self._stills.take(self.systems, moved, place))

    def _publish(self, units: list[Row], *, busy: bool) -> list[str]:
        """Bring units whose `as_of` has moved up to date in `units`. Returns the systems that are done.

        As many as a cut may have: most where nothing else was to be done, with much to do some every few cuts.
        """
        self._busy_cuts = self._busy_cuts + 1 if busy else 0
        published: list[str] = []
        if busy and self._busy_cuts % PUBLISH_EVERY_BUSY_CUTS:
            return published
        left = PUBLISHED_UNITS_MAX if self.moved else PUBLISHED_UNITS_MAX_WHEN_IDLE
        for name in list(self._unpublished):
            system = self.systems[name].system
            rows = _unit_rows(system, take_moved_units(system, left))
            units.extend(rows)
            left -= len(rows)
            if not system.unpublished:
                del self._unpublished[name]
                published.append(name)
            if left <= 0:
                break
        return published

    def _system_row(self, tracked: Tracked) -> SystemRow:
        system = tracked.system
        return SystemRow(
            system.name,
            system.version,
            system.time,
            system.mode,
            self.partition,
            tracked.offset,
            tracked.appended_at,
            dict(system.counters),
            {source: state.last_sequence for source, state in system.sources.items()},
            dict(tracked.gaps),
            state_hash(system),
            checkpointed_at=0,
            changes_offset=None,
            warnings=warning_rows(system),
            answered_after_blast=answered_rows(system),
            clocks_ahead=clocks_ahead(system),
            clocks_set_back=[ClockSetBack(source, *told) for source, told in sorted(tracked.set_back.items())],
        )

    def ticks_due(self, now_ms: int, lateness_ms: int) -> list[TickDue]:
        """Ticks for the systems that fell silent. To be asked only when the journal is read to its end."""
        due: list[TickDue] = []
        for name, tracked in self.systems.items():
            deadline = tracked.tick_due(now_ms, lateness_ms)
            if deadline is None or tracked.system.mode is None:
                continue
            if tracked.asked is not None and tracked.asked[0] == deadline and now_ms < tracked.asked[1] + TICK_RETRY_MS:
                continue
            tracked.asked = (deadline, now_ms)
            due.append(TickDue(tracked.topic, name, deadline, tracked.system.mode))
        return due

    def forget_asked(self, systems: Iterable[str]) -> None:
        """The ticks that were due for these were not appended."""
        for name in systems:
            self.systems[name].asked = None


def _with_time(rows: Sequence[Row], changes: Sequence[Change], time: int | None) -> list[Row]:
    """Events whose own time is not the system's say in a header which that is."""
    header = (SYSTEM_TIME, time_bytes(time))
    return [
        row if change.at == time else row._replace(headers=(*row.headers, header))
        for row, change in zip(rows, changes, strict=True)
    ]


def _unit_rows(system: System, places: Places) -> list[Row]:
    """Units as they stand, tombstones for those that are gone."""
    name, rows = system.name, list[Row]()
    for speaker, windows in places.items():
        unit = system.speakers.get(speaker)
        if unit is None:
            rows.extend(Row(unit_key(name, path), None) for path in paths_of(speaker, windows))
            continue
        if ITSELF in windows:
            row = UnitRow(name, speaker, unit.version, unit.fields())
            rows.append(Row(unit_key(name, speaker), encode_unit(row)))
        if unit.bank is not None:
            encoded = encode_windows(name, unit.bank, windows - {ITSELF})
            rows.extend([tuple.__new__(Row, (*row, ())) for row in encoded])
    return rows
