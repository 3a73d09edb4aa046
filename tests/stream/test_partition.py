"""The partition processor, held to the pure core: whatever the batches, wherever it starts anew."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from stateserver.codec.change import decode_change
from stateserver.codec.packet import Kind, write_packet, write_packet_prefix
from stateserver.codec.rejected import decode_rejected
from stateserver.codec.topics import split_unit_key
from stateserver.codec.unit import decode_unit
from stateserver.domain.apply import apply
from stateserver.domain.change import change_to_json
from stateserver.domain.checkpoint import restore
from stateserver.domain.deadlines import next_deadline
from stateserver.domain.records import FrameRecord, Record, TickRecord
from stateserver.domain.reporting import take_snapshot
from stateserver.domain.system import System
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.stream import partition
from stateserver.stream.errors import RecordsLost, RecordStopsPartition
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.ports import Batch, Row
from stateserver.stream.state_rows import rows_by_system
from stateserver.stream.tracked import tracked_again
from tests.domain.journals import journals
from tests.stream.journals import (
    CAPTURE,
    EXAMPLES,
    OTHER_RING,
    RING,
    SYSTEM,
    LogLine,
    example_records,
    expected,
    folded,
    log_lines,
    sealed,
)

TOPIC = "packets"
EXAMPLE_LINES = {example: log_lines(example_records(example)) for example in EXAMPLES}
JSON = dict[str, Any]


def processor(systems: Any = None, position: int = 0) -> PartitionProcessor:
    return PartitionProcessor(3, RING, {TOPIC: position}, systems)


def batches(lines: Sequence[LogLine], cuts: Sequence[int]) -> Iterator[Batch]:
    """The lines as batches that end at `cuts`."""
    for start, end in pairwise([0, *sorted({cut % (len(lines) + 1) for cut in cuts} - {0, len(lines)}), len(lines)]):
        yield Batch(TOPIC, 3, lines[start].offset, lines[start:end])


def as_json(rows: Sequence[Row]) -> list[JSON]:
    changes: list[JSON] = []
    for row in rows:
        assert row.value is not None
        changes.append(json.loads(json.dumps(change_to_json(decode_change(row.value)))))
    return changes


def fold_rows(table: dict[bytes, bytes], rows: Sequence[Row]) -> None:
    for key, value, _ in rows:
        assert key is not None
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value


def unit_documents(table: dict[bytes, bytes]) -> dict[str, JSON]:
    documents = {}
    for key, value in table.items():
        row = decode_unit(value)
        assert split_unit_key(key) == (row.system, row.unit)
        documents[row.unit] = {"system": row.system, "unit": row.unit, **row.fields}
    return documents


def restored(state: dict[bytes, bytes], position: int) -> PartitionProcessor:
    systems = {
        name: tracked_again(restore(name, rows.core), rows.notes) for name, rows in rows_by_system(state).items()
    }
    return processor(systems, position)


ALL_EXAMPLES = settings(max_examples=20)


@ALL_EXAMPLES
@given(example=st.sampled_from(EXAMPLES), cuts=st.lists(st.integers(0, 500), max_size=8))
def test_events_and_units_are_the_examples_whatever_the_batches(example: str, cuts: list[int]) -> None:
    ours = processor()
    changes: list[Row] = []
    units: dict[bytes, bytes] = {}
    for batch in batches(EXAMPLE_LINES[example], cuts):
        changes += ours.process(batch).changes
        fold_rows(units, ours.cut().units)
    while ours.unpublished:
        fold_rows(units, ours.cut().units)
    assert as_json(changes) == expected(example, "changes.jsonl")
    assert unit_documents(units) == {unit["unit"]: unit for unit in expected(example, "units.jsonl")}


@given(journal=journals(), cuts=st.lists(st.integers(0, 100), max_size=8))
def test_any_journal_in_any_split_into_batches_gives_what_the_core_alone_makes_of_it(
    journal: list[Record], cuts: list[int]
) -> None:
    ours, alone = processor(), System(SYSTEM)
    changes, rejected = 0, 0
    for batch in batches(log_lines(journal), cuts):
        emitted = ours.process(batch)
        expected_changes, expected_rejected = _applied(alone, journal[batch.records[0].offset :][: len(batch.records)])
        assert as_json(emitted.changes) == expected_changes
        assert len(emitted.rejected) == expected_rejected
        changes, rejected = changes + len(emitted.changes), rejected + len(emitted.rejected)
    event(f"changes: {changes > 0}, rejected: {rejected > 0}")
    if ours.systems:
        assert take_snapshot(ours.systems[SYSTEM].system) == take_snapshot(alone)


def _applied(system: System, records: Sequence[Record]) -> tuple[list[JSON], int]:
    """What the core says of the records one by one: its events, and how many were rejected."""
    changes: list[JSON] = []
    rejected = 0
    for record in records:
        try:
            changes += [json.loads(json.dumps(change_to_json(change))) for change in apply(system, record).changes]
        except Rejected:
            rejected += 1
    return changes, rejected


@ALL_EXAMPLES
@given(example=st.sampled_from(EXAMPLES), cuts=st.lists(st.integers(0, 500), max_size=6), died_in=st.integers(0, 6))
def test_started_anew_from_a_cut_it_says_the_same_again(example: str, cuts: list[int], died_in: int) -> None:
    """All is kept up to one cut, then the process dies some batches later: the next one goes on from the cut."""
    ours = processor()
    state: dict[bytes, bytes] = {}
    units: dict[bytes, bytes] = {}
    changes: dict[int, JSON] = {}
    position, all_batches = 0, list(batches(EXAMPLE_LINES[example], cuts))
    for number, batch in enumerate(all_batches):
        for change in as_json(ours.process(batch).changes):
            changes[change["version"]] = change
        if number < died_in % len(all_batches):
            cut = ours.cut()
            fold_rows(state, cut.state)
            fold_rows(units, cut.units)
            position = cut.positions[TOPIC]
    again = restored(state, position)
    for batch in all_batches:
        for change in as_json(again.process(batch._replace(follows=0)).changes):
            assert changes[change["version"]] == change
    while again.moved or again.unpublished:
        fold_rows(units, again.cut().units)
    assert list(changes.values()) == expected(example, "changes.jsonl")
    assert unit_documents(units) == {unit["unit"]: unit for unit in expected(example, "units.jsonl")}


def test_records_already_applied_are_passed_over() -> None:
    ours, lines = processor(), EXAMPLE_LINES[CAPTURE]
    first = ours.process(Batch(TOPIC, 3, 0, lines[:20]))
    assert first.changes
    again = ours.process(Batch(TOPIC, 3, 0, lines[:20]))
    assert (again.changes, again.rejected) == ([], [])
    assert ours.positions == {TOPIC: 20}


def test_a_batch_that_got_lost_is_noticed() -> None:
    ours, lines = processor(), EXAMPLE_LINES[CAPTURE]
    ours.process(Batch(TOPIC, 3, 0, lines[:5]))
    with pytest.raises(RecordsLost, match="from offset 5 to 10"):
        ours.process(Batch(TOPIC, 3, 10, lines[10:]))


def test_offsets_that_hold_no_record_are_no_loss() -> None:
    ours, lines = processor(), EXAMPLE_LINES[CAPTURE]
    ours.process(Batch(TOPIC, 3, 0, lines[:5]))
    spread = [line._replace(offset=line.offset + 2) for line in lines[5:]]
    ours.process(Batch(TOPIC, 3, 5, spread))
    assert ours.positions == {TOPIC: len(lines) + 2}


def broken_lines() -> list[tuple[str, LogLine]]:
    good = EXAMPLE_LINES[CAPTURE][0]
    assert good.value is not None
    changed = bytearray(good.value)
    changed[-1] ^= 1
    frame = FrameRecord(1, example_records(CAPTURE)[0].mode, "file", 1, b"\xaa\xaa\x08\x00")
    foreign = sealed(example_records(CAPTURE)[0], ring=OTHER_RING)
    return [
        ("bad_encoding", good._replace(value=None)),
        ("bad_encoding", good._replace(value=b"")),
        ("bad_encoding", good._replace(value=good.value[:-20])),
        ("key_mismatch", good._replace(key=b"elsewhere")),
        ("key_mismatch", good._replace(key=None)),
        ("bad_seal", good._replace(value=bytes(changed))),
        ("bad_seal", good._replace(value=foreign.value)),
        ("bad_time", good._replace(value=of_no_time())),
        ("too_short", LogLine(0, 1, *sealed(frame))),
    ]


def of_no_time() -> bytes:
    """A record that nobody here would seal."""
    prefix = write_packet_prefix(SYSTEM, "ps-1", 1, -1, Mode.AXXIS100, Kind.FRAME, "test")
    return write_packet(prefix, bytes(12), RING.key("test").cipher.encrypt(bytes(12), b"", prefix))


@pytest.mark.parametrize(("reason", "line"), broken_lines())
def test_a_broken_record_goes_whole_to_rejected_and_the_next_is_applied(reason: str, line: LogLine) -> None:
    ours = processor()
    good = [each._replace(offset=each.offset + 1) for each in EXAMPLE_LINES[CAPTURE]]
    emitted = ours.process(Batch(TOPIC, 3, 0, [line, *good]))
    assert as_json(emitted.changes) == expected(CAPTURE, "changes.jsonl")
    (row,) = emitted.rejected
    assert row.key == line.key
    assert row.value is not None
    rejected = decode_rejected(row.value)
    assert (rejected.reason, rejected.key, rejected.value) == (reason, line.key, line.value)
    assert (rejected.topic, rejected.partition, rejected.offset, rejected.appended_at) == (TOPIC, 3, 0, line.timestamp)


@given(
    value=st.binary(max_size=200), key=st.none() | st.binary(max_size=10), timestamp=st.none() | st.integers(-1, 2**40)
)
def test_no_bytes_stop_it(value: bytes, key: bytes | None, timestamp: int | None) -> None:
    emitted = processor().process(Batch(TOPIC, 3, 0, [LogLine(0, timestamp, key, value)]))
    assert emitted.stopped is None
    assert len(emitted.rejected) == 1


def test_a_failure_in_the_core_stops_the_partition_before_that_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_at_the_tenth(system: System, record: Record) -> Any:
        if isinstance(record, FrameRecord) and record.sequence == 10:
            raise ZeroDivisionError("of all things")
        return apply(system, record)

    monkeypatch.setattr(partition, "apply", fail_at_the_tenth)
    ours = processor()
    emitted = ours.process(Batch(TOPIC, 3, 0, EXAMPLE_LINES[CAPTURE]))
    assert emitted.stopped is not None
    assert isinstance(emitted.stopped, RecordStopsPartition)
    assert emitted.stopped.offset == 9
    assert "offset 9" in str(emitted.stopped)
    assert "ZeroDivisionError: of all things" in str(emitted.stopped)
    assert as_json(emitted.changes) == [
        change for change in expected(CAPTURE, "changes.jsonl") if change["sequence"] < 10
    ]
    assert ours.positions == {TOPIC: 9}


class TestTicks:
    """Given when the time guessed by the last record is past the next deadline by the lateness."""

    LATENESS_MS = 5_000

    def silent(self, headers: Any = ()) -> tuple[PartitionProcessor, int]:
        """A processor after the capture, and when its next deadline lies by the clock that appended it."""
        ours = processor()
        late_ms = 3_600_000  # as uploaded an hour later
        lines = [
            line._replace(timestamp=(line.timestamp or 0) + late_ms, headers=headers) for line in EXAMPLE_LINES[CAPTURE]
        ]
        ours.process(Batch(TOPIC, 3, 0, lines))
        deadline = next_deadline(folded(example_records(CAPTURE)).system)
        assert deadline is not None
        return ours, deadline + late_ms

    def test_not_before(self) -> None:
        ours, deadline = self.silent()
        assert ours.ticks_due(deadline + self.LATENESS_MS - 1, self.LATENESS_MS) == []

    def test_then_with_the_deadlines_own_time(self) -> None:
        ours, deadline = self.silent()
        (tick,) = ours.ticks_due(deadline + self.LATENESS_MS, self.LATENESS_MS)
        assert (tick.topic, tick.system, tick.created_at) == (TOPIC, "site", deadline - 3_600_000)
        assert tick.mode == "AXXIS100"

    def test_once_while_it_is_under_way(self) -> None:
        ours, deadline = self.silent()
        due = deadline + self.LATENESS_MS
        assert len(ours.ticks_due(due, self.LATENESS_MS)) == 1
        assert ours.ticks_due(due + 1_000, self.LATENESS_MS) == []
        assert len(ours.ticks_due(due + partition.TICK_RETRY_MS, self.LATENESS_MS)) == 1

    def test_again_if_it_could_not_be_appended(self) -> None:
        ours, deadline = self.silent()
        due = deadline + self.LATENESS_MS
        ours.forget_asked([tick.system for tick in ours.ticks_due(due, self.LATENESS_MS)])
        assert len(ours.ticks_due(due, self.LATENESS_MS)) == 1

    def test_never_for_a_system_forwarded_from_elsewhere(self) -> None:
        ours, deadline = self.silent(headers=(("via", b"mine"),))
        assert ours.ticks_due(deadline + 10 * self.LATENESS_MS, self.LATENESS_MS) == []

    def test_after_an_outage_all_that_is_overdue_is_told_at_once_one_after_the_other(self) -> None:
        """Counted from the last frame: a tick that comes an hour late is no sign of an hour's silence less."""
        ours, deadline = self.silent()
        now_ms, ticks = deadline + 3_600_000, list[int]()
        while due := ours.ticks_due(now_ms, self.LATENESS_MS):
            (tick,) = due
            ticks.append(tick.created_at)
            offset = ours.positions[TOPIC]
            record = sealed(TickRecord(tick.created_at, tick.mode))
            ours.process(Batch(TOPIC, 3, offset, [LogLine(offset, now_ms, *record)]))
        assert ticks[0] == deadline - 3_600_000
        assert ticks == sorted(set(ticks))
        assert len(ticks) > 1
        assert next_deadline(ours.systems["site"].system) is None

    @pytest.mark.parametrize("late", ["another source, long before", "a duplicate"])
    def test_what_is_appended_later_but_tells_no_later_time_sets_the_silence_not_back(self, late: str) -> None:
        ours, deadline = self.silent()
        last = example_records(CAPTURE)[-1]
        assert isinstance(last, FrameRecord)
        record = last if late == "a duplicate" else last._replace(source="late", sequence=1, created_at=1563531134999)
        offset, frames = ours.positions[TOPIC], ours.systems["site"].system.counters["duplicate"]
        ours.process(Batch(TOPIC, 3, offset, [LogLine(offset, deadline, *sealed(record))]))
        assert ours.systems["site"].system.counters["duplicate"] == frames + (late == "a duplicate")
        assert len(ours.ticks_due(deadline + self.LATENESS_MS, self.LATENESS_MS)) == 1

    def test_also_by_a_worker_started_anew(self) -> None:
        ours, deadline = self.silent()
        state: dict[bytes, bytes] = {}
        fold_rows(state, ours.cut().state)
        again = restored(state, ours.positions[TOPIC])
        assert again.ticks_due(deadline + self.LATENESS_MS, self.LATENESS_MS) == ours.ticks_due(
            deadline + self.LATENESS_MS, self.LATENESS_MS
        )


def test_each_of_two_systems_has_its_own_rows() -> None:
    records = example_records(CAPTURE)
    mixed = [row for record in records for row in (sealed(record, "north"), sealed(record, "south"))]
    lines = [LogLine(offset, records[offset // 2].created_at, *row) for offset, row in enumerate(mixed)]
    ours = processor()
    ours.process(Batch(TOPIC, 3, 0, lines))
    cut = ours.cut()
    assert [row.system for row in cut.systems] == ["north", "south"]
    assert {row.offset for row in cut.systems} == {len(lines) - 2, len(lines) - 1}
    state: dict[bytes, bytes] = {}
    fold_rows(state, cut.state)
    assert rows_by_system(state).keys() == {"north", "south"}
