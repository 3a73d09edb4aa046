"""The model of one system: whatever a reader meets, in whatever order, it is the fold of the events."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.standing import clocks_ahead
from stateserver.codec.system import SystemRow, WarningRow
from stateserver.codec.unit import UnitRow
from stateserver.domain.change import Change, Fields, fold_change
from stateserver.domain.records import Record
from stateserver.gateway.read_model import ReadModel, Rows
from stateserver.gateway.standing import Standing
from stateserver.gateway.system_model import Folded, SystemModel, Trouble
from stateserver.gateway.unit_table import UnitTable, raw_unit
from tests.domain.journals import journals
from tests.gateway.worker import Gone, Worker


def folded(events: list[Change]) -> dict[str, Fields]:
    units: dict[str, Fields] = {}
    for event in events:
        fold_change(units, event)
    return units


def standing_of(events: list[Change]) -> Standing:
    """What events tell for long, by all there ever were."""
    told = Standing(None)
    for event in events:
        told.fold(event)
    return told


def assert_stands(model: SystemModel, events: list[Change]) -> None:
    told = standing_of(events)
    assert model.warnings.rows() == told.warnings.rows()
    assert model.standing.answered.rows() == told.answered.rows()
    assert model.standing.clocks.set_back() == told.clocks.set_back()


def without_as_of(units: Mapping[str, Fields]) -> dict[str, Fields]:
    return {path: {name: value for name, value in fields.items() if name != "as_of"} for path, fields in units.items()}


def put(rows: Rows, row: UnitRow | SystemRow | Gone) -> None:
    if isinstance(row, UnitRow):
        rows.put_unit(raw_unit(row))
    elif isinstance(row, SystemRow):
        rows.put_system(row)
    else:
        rows.drop_unit(row.system, row.unit)


def refresh(reading: ReadModel, row: UnitRow | SystemRow | Gone) -> None:
    if isinstance(row, UnitRow):
        reading.refresh_unit(raw_unit(row))
    elif isinstance(row, SystemRow):
        reading.refresh(row)


class Reader(NamedTuple):
    """When a gateway comes: how many rows it finds, how many events are there, from which it reads."""

    worker: Worker
    rows_found: int
    events_found: int
    reads_from: int


@st.composite
def readers(draw: st.DrawFn) -> Reader:
    checkpoints = draw(st.lists(st.booleans(), min_size=1, max_size=5))
    worker = Worker().run(draw(journals()), checkpoints)
    rows_found = draw(st.integers(0, len(worker.rows)))
    at_least = worker.rows[rows_found - 1].events_before if rows_found else 0
    events_found = draw(st.integers(at_least, len(worker.events)))
    offsets = [one.row.changes_offset or 0 for one in worker.rows[:rows_found] if isinstance(one.row, SystemRow)]
    return Reader(worker, rows_found, events_found, draw(st.integers(0, offsets[-1] if offsets else 0)))


def begin(reader: Reader) -> ReadModel:
    rows = Rows()
    for written in reader.worker.rows[: reader.rows_found]:
        put(rows, written.row)
    reading = ReadModel().begin(rows)
    for event in reader.worker.events[reader.reads_from : reader.events_found]:
        assert reading.fold(event) in (Folded.APPLIED, Folded.EARLIER)
    return reading


@given(readers())
def test_a_reader_that_comes_at_any_time_holds_the_fold_of_all_events(reader: Reader) -> None:
    reading, worker = begin(reader), reader.worker
    if "site" not in reading.systems:
        assert reader.events_found == 0
        return
    model = reading.systems["site"]
    assert model.whole
    assert model.version == reader.events_found
    assert without_as_of(model.units) == without_as_of(folded(worker.events[: reader.events_found]))
    assert_stands(model, worker.events[: reader.events_found])


@given(readers(), st.randoms(use_true_random=False))
def test_what_follows_in_any_interleaving_leads_to_the_state_of_the_core(reader: Reader, random: object) -> None:
    reading, worker = begin(reader), reader.worker
    events, rows = worker.events[reader.events_found :], worker.rows[reader.rows_found :]
    taken = reader.events_found
    while events or rows:
        if events and (not rows or random.random() < 0.5):  # type: ignore[attr-defined]
            assert reading.fold(events.pop(0)) is Folded.APPLIED
            taken += 1
        else:
            refresh(reading, rows.pop(0).row)
        if "site" in reading.systems:
            model = reading.systems["site"]
            assert model.whole
            assert model.version == taken
            assert without_as_of(model.units) == without_as_of(folded(worker.events[:taken]))
            assert_stands(model, worker.events[:taken])
    if "site" in reading.systems:
        model = reading.systems["site"]
        assert model.units == dict(worker.system.units())
        assert model.time == worker.system.time
        assert model.mode == worker.system.mode
        assert {(row["unit"], row["field"]) for row in model.warnings.rows()} == set(worker.system.warnings)
        assert {row["unit"] for row in model.standing.answered.rows()} == set(worker.system.answered)
        assert model.standing.clocks.ahead() == clocks_ahead(worker.system)


@given(journals())
def test_warnings_read_from_the_first_event_on_are_those_of_the_core(journal: list[Record]) -> None:
    worker, model = Worker().run(journal), SystemModel("site")
    for event in worker.events:
        model.fold(event)
    expected = [
        {
            "unit": one.unit,
            "field": one.field,
            "raised": one.raised,
            "acknowledged": one.acknowledged,
            "actor": one.actor,
            "note": one.note,
        }
        for one in worker.system.warnings.values()
    ]
    assert sorted(model.warnings.rows(), key=str) == sorted(expected, key=str)


@given(journals(), st.data())
def test_repeats_change_nothing(journal: list[Record], data: st.DataObject) -> None:
    worker, model = Worker().run(journal), SystemModel("site")
    for index, event in enumerate(worker.events):
        model.fold(event)
        again = data.draw(st.integers(0, index))
        assert model.fold(worker.events[again]) is Folded.REPEATED
    assert without_as_of(model.units) == without_as_of(folded(worker.events))
    assert model.whole


def sample_events() -> list[Change]:
    """Unit 3/1 is added and changed twice."""
    fields: Fields = {"type": 3, "serial": 1, "as_of": 5, "communication_status": True}
    added = Change("site", 1, 5, "unit_added", "3/1", {}, fields, "ps", 1, False, {})
    changed = added._replace(version=2, at=6, kind="unit_changed", before={"mains": None}, after={"mains": True})
    return [added, changed, changed._replace(version=3, at=7, before={"mains": True}, after={"mains": False})]


def test_a_missing_event_is_told_and_nothing_after_it_is_applied() -> None:
    first, _, third = sample_events()
    model = SystemModel("site")
    model.fold(first)
    assert model.fold(third) is Folded.GAP
    assert model.trouble is Trouble.EVENTS_MISSING
    assert not model.whole
    assert model.version == 1


def test_a_repeat_that_differs_is_told_and_not_applied() -> None:
    first, second, _ = sample_events()
    model = SystemModel("site")
    model.fold(first)
    model.fold(second)
    assert model.fold(second._replace(after={"mains": False})) is Folded.CONFLICT
    assert model.trouble is Trouble.EVENTS_CONTRADICT
    assert model.units["3/1"]["mains"] is True


def test_a_row_that_differs_from_the_events_is_told() -> None:
    model = SystemModel("site")
    for event in sample_events():
        model.fold(event)
    model.refresh_unit(raw_unit(UnitRow("site", "3/1", 3, model.units["3/1"] | {"mains": True})))
    assert model.trouble is Trouble.UNITS_DIFFER


def test_a_row_moves_as_of_and_back_too_as_clocks_are_set_back() -> None:
    model = SystemModel("site")
    for event in sample_events():
        model.fold(event)
    for as_of, expected in ((9, 9), (8, 8), (10, 10)):
        model.refresh_unit(raw_unit(UnitRow("site", "3/1", 3, model.units["3/1"] | {"as_of": as_of})))
        assert model.units["3/1"]["as_of"] == expected


def test_a_row_ahead_of_the_events_waits_for_them() -> None:
    first, second, _ = sample_events()
    model = SystemModel("site")
    model.fold(first)
    model.refresh_unit(raw_unit(UnitRow("site", "3/1", 2, first.after | {"mains": True, "as_of": 9})))
    assert "mains" not in model.units["3/1"]
    model.fold(second)
    assert model.units["3/1"] == first.after | {"mains": True, "as_of": 9}


def test_events_that_were_trimmed_away_before_the_first_one_found_are_missed_loudly() -> None:
    _, second, third = sample_events()
    model = SystemModel("site")
    assert model.fold(second) is Folded.GAP
    assert model.fold(third) is Folded.GAP
    assert not model.whole


def test_a_unit_that_is_changed_but_never_was_added_leaves_the_model_not_whole() -> None:
    _, second, _ = sample_events()
    row = SystemRow("site", 1, 5, None, 0, 0, None, {}, {}, {}, bytes(16), 0, 1)
    model = SystemModel("site", row)
    assert model.fold(second) is Folded.APPLIED
    assert not model.whole


@pytest.mark.parametrize(("source", "deadline", "time"), [("ps", False, 99), (None, True, 99), (None, False, 5)])
def test_only_frames_and_ticks_move_the_time(source: str | None, deadline: bool, time: int) -> None:
    first, second, _ = sample_events()
    model = SystemModel("site")
    model.fold(first)
    model.fold(second._replace(at=99, source=source, sequence=source and 2, deadline=deadline))  # type: ignore[arg-type]
    assert model.time == time


RAISED = Change("site", 2, 8, "warning_raised", "3/1", {}, {}, "ps", 2, False, {"field": "cable_fault"})
ROW = SystemRow("site", 1, 5, None, 0, 0, None, {}, {}, {}, bytes(16), 0, 1)
OPEN = WarningRow("3/1", "cable_fault", 8)


def model_with(fault: bool, row: SystemRow) -> SystemModel:
    units = UnitTable()
    units.put("3/1", 1, {"type": 3, "cable_fault": fault})
    return SystemModel("site", row, units)


def test_a_row_of_an_older_worker_leaves_open_since_when_a_warning_is_until_a_newer_row_tells() -> None:
    model = model_with(True, ROW)
    assert [(one["field"], one["raised"]) for one in model.warnings.rows()] == [("cable_fault", None)]
    model.refresh(ROW._replace(warnings=[OPEN._replace(acknowledged=9, actor="anna", note="seen")]))
    assert [one["note"] for one in model.warnings.rows()] == ["seen"]
    assert model.whole
    # From then on it is known, and what is said otherwise is a contradiction.
    model.refresh(ROW._replace(warnings=[OPEN]))
    assert model.trouble is Trouble.ROWS_DIFFER


def test_a_row_that_is_behind_the_events_or_has_cut_a_note_says_nothing_new_of_warnings() -> None:
    noted = OPEN._replace(acknowledged=9, actor="anna", note="a long story")
    model = model_with(True, ROW._replace(warnings=[noted]))
    model.refresh(ROW._replace(warnings=[noted._replace(note="a long…")]))
    assert [one["note"] for one in model.warnings.rows()] == ["a long story"]
    model.fold(RAISED._replace(details={"field": "mains"}))
    model.refresh(ROW._replace(warnings=[noted]))
    assert len(model.warnings) == 2
    assert model.whole


def test_events_from_before_a_row_that_tells_of_warnings_change_none_of_them() -> None:
    row = ROW._replace(version=3, warnings=[OPEN._replace(acknowledged=9, actor="anna")])
    model = model_with(True, row)
    assert model.fold(RAISED) is Folded.EARLIER
    assert model.fold(RAISED._replace(version=3, kind="warning_cleared")) is Folded.EARLIER
    assert [one["actor"] for one in model.warnings.rows()] == ["anna"]
