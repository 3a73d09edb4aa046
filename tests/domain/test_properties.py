"""What holds for any journal (spec page 2)."""

from collections import Counter
from itertools import pairwise

from hypothesis import event, given
from hypothesis import strategies as st

from stateserver.domain.apply import apply
from stateserver.domain.bank import DETONATORS
from stateserver.domain.blast import BlastStage
from stateserver.domain.change import Change, Fields, fold_change
from stateserver.domain.checkpoint import (
    forget_published,
    restore,
    state_hash,
    take_moved_units,
    take_rows,
    take_touched_units,
)
from stateserver.domain.counts import count_children
from stateserver.domain.deadlines import next_deadline
from stateserver.domain.records import FrameRecord, Record
from stateserver.domain.report import report
from stateserver.domain.reporting import take_snapshot
from stateserver.domain.system import System
from stateserver.domain.warnings import FAULTS
from stateserver.protocol.reasons import Rejected
from tests.domain.journals import journals
from tests.domain.places import unit_paths

Outcome = tuple[list[Change], list[BlastStage]]


def fold(system: System, journal: list[Record]) -> Outcome:
    changes: list[Change] = []
    blasts: list[BlastStage] = []
    for record in journal:
        try:
            applied = apply(system, record)
        except Rejected:
            continue
        changes += applied.changes
        blasts += applied.blasts
    return changes, blasts


def without_as_of(units: dict[str, Fields]) -> dict[str, Fields]:
    return {path: {name: fields[name] for name in fields if name != "as_of"} for path, fields in units.items()}


def keep(rows: dict[str, bytes], taken: dict[str, bytes | None]) -> None:
    for key, row in taken.items():
        if row is None:
            rows.pop(key)
        else:
            rows[key] = row


@given(journals())
def test_events_alone_rebuild_the_units(journal: list[Record]) -> None:
    system = System("site")
    changes, _ = fold(system, journal)
    units: dict[str, Fields] = {}
    for change in changes:
        fold_change(units, change)
    assert without_as_of(units) == without_as_of(dict(system.units()))
    event(f"events: {len(changes) // 50 * 50}")


@given(journals())
def test_versions_have_no_gaps(journal: list[Record]) -> None:
    changes, _ = fold(System("site"), journal)
    assert [change.version for change in changes] == list(range(1, len(changes) + 1))


@given(journals())
def test_a_replay_is_identical(journal: list[Record]) -> None:
    one, other = System("site"), System("site")
    assert fold(one, journal) == fold(other, journal)
    assert take_snapshot(one) == take_snapshot(other)
    take_rows(one)
    take_rows(other)
    assert state_hash(one) == state_hash(other)


@given(journals())
def test_counts_are_a_fresh_count_after_every_record(journal: list[Record]) -> None:
    system = System("site")
    for record in journal:
        fold(system, [record])
        assert all(unit.counts == count_children(system, unit) for unit in system.speakers.values())


@given(journals())
def test_open_warnings_are_the_faults_of_the_units(journal: list[Record]) -> None:
    system = System("site")
    fold(system, journal)
    faults = {
        (path, name) for path, fields in system.units() for name, fault in FAULTS.items() if fields.get(name) is fault
    }
    assert set(system.warnings) == faults


@given(journals())
def test_nothing_due_is_left_undone(journal: list[Record]) -> None:
    system = System("site")
    for record in journal:
        fold(system, [record])
        deadline = next_deadline(system)
        assert deadline is None or system.clock is None or deadline > system.clock
        assert deadline is None or system.deadline_floor <= deadline


@given(journals(), st.integers(1, 5))
def test_a_checkpoint_and_restore_anywhere_changes_nothing(journal: list[Record], every: int) -> None:
    straight, stopped = System("site"), System("site")
    rows: dict[str, bytes] = {}
    for number, record in enumerate(journal):
        assert fold(stopped, [record]) == fold(straight, [record])
        if number % every == 0:
            keep(rows, take_rows(stopped))
            stopped = restore("site", rows)
    keep(rows, take_rows(stopped))
    at_once = {key: row for key, row in take_rows(straight).items() if row is not None}
    assert rows == at_once
    assert take_snapshot(stopped) == take_snapshot(straight)
    blasts = (stopped.open_blast, straight.open_blast)
    documents = [report(system, blast) for system, blast in zip((stopped, straight), blasts, strict=True) if blast]
    assert not documents or documents[0] == documents[1]


@given(journals(), st.integers(1, 7), st.integers(0, 5))
def test_published_units_follow_the_state(journal: list[Record], every: int, a_time: int) -> None:
    system = System("site")
    published: dict[str, Fields] = {}

    def publish(wanted: int | None) -> None:
        take_rows(system)
        for path in unit_paths(take_touched_units(system)) | unit_paths(take_moved_units(system, wanted)):
            fields = system.unit(path)
            if fields is None:
                published.pop(path, None)
            else:
                published[path] = fields

    for start in range(0, len(journal), every):
        fold(system, journal[start : start + every])
        publish(a_time)
    publish(None)
    assert published == dict(system.units())
    assert not system.unpublished
    published.clear()
    forget_published(system)
    while system.unpublished:
        publish(1)
    assert published == dict(system.units())


@given(journals())
def test_what_is_rejected_changes_nothing_but_frame_counts(journal: list[Record]) -> None:
    system = System("site")
    for record in journal:
        before = (take_snapshot(system), system.version, system.time, system.mode, dict(system.warnings))
        counted = Counter(system.counters)
        try:
            apply(system, record)
        except Rejected:
            assert before == (
                take_snapshot(system),
                system.version,
                system.time,
                system.mode,
                dict(system.warnings),
            )
            is_frame = isinstance(record, FrameRecord)
            assert system.counters - counted == (Counter(frames=1, rejected=1) if is_frame else Counter())


@given(journals())
def test_report_numbers_hold_together(journal: list[Record]) -> None:
    _, blasts = fold(System("site"), journal)
    for stage in blasts:
        document = stage.report
        detonators, boosters = document["detonators"], document["boosters"]
        assert detonators["total"] == detonators["answering_before"] + detonators["silent_before"]
        assert boosters["total"] == sum(boosters[name] for name in ("active", "possibly_live", "excluded", "inactive"))
        versions = [change["version"] for change in document["timeline"]]
        assert all(later == earlier + 1 for earlier, later in pairwise(versions))
        assert versions[0] == document["versions"]["opened"]
        if stage.stage != "closed":
            assert (detonators["fired"], document["closed"], stage.snapshot is None) == (
                None,
                None,
                stage.stage != "opened",
            )
            continue
        assert versions[-1] == document["versions"]["closed"]
        outcomes = Counter(row["outcome"] for booster in document["active"] for row in booster["not_fired"])
        assert (detonators["missed"], detonators["unreported"]) == (outcomes["missed"], outcomes["unreported"])
        assert detonators["answering_before"] == detonators["fired"] + outcomes.total()
        assert boosters["fired"] == sum(booster["successful"] for booster in document["active"])
        event(f"closed: {document['how']}")


def test_a_bit_of_no_name_is_never_counted() -> None:
    assert DETONATORS.count(0xFFFF_FFFF, "key_switch") == 0
