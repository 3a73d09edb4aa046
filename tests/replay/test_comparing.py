"""Tables that a worker's own code made of a journal, read at any moment: nothing differs, unless somebody meddled."""

import random
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stateserver.codec.system import WarningRow
from stateserver.codec.topics import split_unit_key
from stateserver.codec.unit import decode_unit, encode_unit
from stateserver.protocol.reasons import Rejected
from stateserver.replay.comparing import Comparison, Difference, LiveSystem, LiveTables, LiveUnit, differs
from stateserver.replay.folding_many import ManyFoldings
from stateserver.stream.partition import Cut, PartitionProcessor
from stateserver.stream.ports import Batch
from tests.stream.journals import EXAMPLES, RING, LogLine, example_records, log_lines

TOPIC = "packets"


@cache
def journal(example: str) -> list[LogLine]:
    """Two systems' records, one after another's."""
    records = example_records(example)
    lines = [line for pair in zip(log_lines(records, "a"), log_lines(records, "b"), strict=True) for line in pair]
    return [line._replace(offset=offset) for offset, line in enumerate(lines)]


def checkpoints(lines: list[LogLine], ends: list[int]) -> list[Cut]:
    """What a worker writes that takes a checkpoint at each of these offsets."""
    processor, cuts, start = PartitionProcessor(0, RING, {TOPIC: 0}), [], 0
    for end in ends:
        if end > start:
            processor.process(Batch(TOPIC, 0, start, lines[start:end]))
            cuts.append(processor.cut())
            start = end
    return cuts


def tables(cuts: list[Cut], safe: int, torn: int | None = None) -> LiveTables:
    """The rows of these checkpoints, of which `safe` were when reading began; of the last one `torn` rows alone."""
    live = LiveTables(cuts[safe].positions)
    for cut in cuts:
        last = torn is not None and cut is cuts[-1]
        for row in cut.units[: torn if last else None]:
            assert row.key is not None
            system, path = split_unit_key(row.key)
            live.units.setdefault(system, {})[path] = LiveUnit(row.value, cut.positions)
        for system_row in cut.systems[: 0 if last else None]:
            live.systems[system_row.system] = LiveSystem(system_row, cut.positions)
    return live


def compare(lines: list[LogLine], live: LiveTables) -> list[Difference]:
    """Fold the whole journal beside the comparison, as the command does."""
    foldings, comparison = ManyFoldings(RING), Comparison(live)
    for line in lines:
        name = (line.key or b"").decode()
        folding = foldings.systems.get(name)
        comparison.before(name, None if folding is None else folding.system, TOPIC, line.offset)
        try:
            foldings.apply(line)
        except Rejected:
            continue
    systems = {name: folding.system for name, folding in foldings.systems.items()}
    comparison.end(systems, dict.fromkeys(systems, TOPIC))
    return comparison.differences


@given(st.data())
@settings(max_examples=20)
def test_whenever_the_tables_are_read_they_are_what_the_journal_says(data: st.DataObject) -> None:
    lines = journal(data.draw(st.sampled_from(EXAMPLES)))
    ends = sorted(data.draw(st.lists(st.integers(1, len(lines)), min_size=1, max_size=6)))
    cuts = checkpoints(lines, ends)
    safe = data.draw(st.integers(0, len(cuts) - 1))
    torn = data.draw(st.none() | st.integers(0, len(cuts[-1].units))) if safe < len(cuts) - 1 else None
    assert compare(lines, tables(cuts, safe, torn)) == []


@given(st.data())
@settings(max_examples=20)
def test_whatever_is_changed_in_a_row_is_found(data: st.DataObject) -> None:
    lines = journal(data.draw(st.sampled_from(EXAMPLES)))
    cuts = checkpoints(lines, sorted({data.draw(st.integers(len(lines) // 2, len(lines))), len(lines)}))
    live = tables(cuts, len(cuts) - 1)
    paths = sorted(path for path, row in live.units["a"].items() if row.value is not None)
    path = data.draw(st.sampled_from(paths))
    held = live.units["a"][path]
    assert held.value is not None
    unit = decode_unit(held.value)
    name = data.draw(st.sampled_from(sorted(unit.fields)))
    meddled = encode_unit(unit._replace(fields=unit.fields | {name: "meddled with"}))
    # With the position that the row stood for, or without any, as somebody else would write it.
    live.units["a"][path] = LiveUnit(meddled, data.draw(st.sampled_from([held.positions, None])))
    found = compare(lines, live)
    assert ("a", path, name, "meddled with") in [difference[:4] for difference in found]
    assert {difference[:2] for difference in found} == {("a", path)}


def test_what_is_missing_and_what_is_too_much() -> None:
    lines = journal("AXXIS100")
    live = tables(checkpoints(lines, [len(lines)]), 0)
    chosen = random.Random(1).choice([path for path, row in live.units["a"].items() if row.value is not None])
    row = live.units["a"].pop(chosen)
    live.units["a"]["3/65000"] = row
    live.units["ghost"] = {chosen: row}
    del live.systems["b"]
    assert [difference[:3] for difference in compare(lines, live)] == [
        ("a", chosen, None),
        ("a", "3/65000", None),
        ("b", None, None),
        ("ghost", None, None),
    ]


@pytest.mark.parametrize("name", ["version", "time", "mode", "counters", "sources", "state_hash"])
def test_what_is_changed_in_a_systems_row_is_found(name: str) -> None:
    lines = journal("IBS")
    live = tables(checkpoints(lines, [len(lines)]), 0)
    row = live.systems["a"].row
    meddled: dict[str, Any] = {
        "version": 1,
        "time": 1,
        "mode": "HYDRA",
        "counters": {},
        "sources": {},
        "state_hash": bytes(16),
    }
    live.systems["a"] = LiveSystem(row._replace(**{name: meddled[name]}), None)
    assert [difference[:3] for difference in compare(lines, live)] == [("a", None, name)]


def test_what_is_changed_among_a_systems_warnings_is_found() -> None:
    lines = journal("AXXIS500")
    live = tables(checkpoints(lines, [len(lines)]), 0)
    row = live.systems["a"].row
    assert row.warnings
    first = row.warnings[0]
    stranger = WarningRow("3/65000", "mains", 1)
    meddled = [first._replace(acknowledged=5, actor="somebody"), *row.warnings[2:], stranger]
    live.systems["a"] = LiveSystem(row._replace(warnings=meddled), None)
    expected = [(first.unit, first.field), *((one.unit, one.field) for one in row.warnings[1:2]), ("3/65000", "mains")]
    assert sorted((one.unit, one.field) for one in compare(lines, live)) == sorted(
        (unit, f"warning {field}") for unit, field in expected
    )
    live.systems["a"] = LiveSystem(row._replace(warnings=None), None)
    assert compare(lines, live) == []


def test_a_note_that_was_cut_to_have_the_row_fit_is_no_difference() -> None:
    whole = WarningRow("3/1", "mains", 1, 2, "anna", "a long story")
    for live, same in (("a long…", True), ("another…", False), ("a long", False), ("…", True)):
        assert differs(whole._replace(note=live), whole) is not same
    assert differs(whole._replace(note="a long…", actor="bert"), whole)
