"""Which systems a still is taken of, and when."""

from collections.abc import Iterable

import pytest

from stateserver.codec.still import Still
from stateserver.domain.still import read_still
from stateserver.domain.system import System
from stateserver.stream import stills as stills_module
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.ports import Batch
from stateserver.stream.stills import OWN_EVENTS_MAX, PARTITION_EVENTS_MAX, ROWS_MAX, STILLS_A_CUT_MAX, Stills
from stateserver.stream.tracked import Tracked
from tests.stream.journals import CAPTURE, RING, example_records, folded, log_lines


class Partition:
    """Systems whose events are only counted."""

    def __init__(self, *names: str) -> None:
        self.systems = {name: Tracked(System(name), "packets") for name in names}
        self.stills = Stills()
        self.offset = 0

    def cut(self, **events: int) -> list[str]:
        """So many events of each of these since the last cut; the systems that have a still taken."""
        for name, count in events.items():
            self.systems[name].system.version += count
            self.offset += count
        return names(self.stills.take(self.systems, events, self.offset))


def names(stills: Iterable[Still]) -> list[str]:
    return [still.system for still in stills]


def test_a_new_system_has_one_at_once_and_then_after_so_many_events_of_its_own() -> None:
    partition = Partition("a", "b")
    assert partition.cut(a=1) == ["a"]
    assert partition.cut(a=OWN_EVENTS_MAX - 1, b=1) == ["b"]
    assert partition.cut(a=0) == []
    assert partition.cut(a=1) == ["a"]
    assert partition.cut(a=OWN_EVENTS_MAX - 1) == []


def test_one_with_few_events_has_one_once_its_partition_had_many() -> None:
    partition = Partition("busy", "few", "quiet")
    assert partition.cut(busy=1, few=1, quiet=1) == ["busy", "few", "quiet"]
    assert partition.cut(few=1, quiet=0) == []
    for _ in range(PARTITION_EVENTS_MAX // OWN_EVENTS_MAX - 1):
        assert partition.cut(busy=OWN_EVENTS_MAX) == ["busy"]
    # It has not moved in this cut, nor the other one since its still.
    assert partition.cut(busy=OWN_EVENTS_MAX) == ["busy", "few"]
    assert partition.cut(busy=1) == []


def test_one_that_is_silent_has_one_after_very_many_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stills_module, "OWN_EVENTS_MAX", 1)
    partition = Partition("busy", "silent")
    assert partition.cut(busy=1, silent=1) == ["busy", "silent"]
    for _ in range(ROWS_MAX):
        assert partition.cut(busy=1) == ["busy"]
    assert partition.cut(busy=1) == ["busy", "silent"]


def test_few_are_taken_at_a_time_and_all_in_their_turn() -> None:
    partition = Partition(*"abcdefghi")
    partition.stills.await_all("abcdefghi")
    assert partition.cut() == list("abcdefghi")[:STILLS_A_CUT_MAX]
    assert partition.cut(i=1) == list("abcdefghi")[STILLS_A_CUT_MAX : 2 * STILLS_A_CUT_MAX]
    assert partition.cut() == list("abcdefghi")[2 * STILLS_A_CUT_MAX :]
    assert partition.cut() == []


def test_none_is_taken_while_nobody_knows_where_events_end() -> None:
    partition = Partition("a")
    partition.systems["a"].system.version = 1
    assert partition.stills.take(partition.systems, ["a"], None) == []
    assert partition.cut() == ["a"]


def test_a_cut_has_stills_that_are_the_systems_as_they_stand() -> None:
    records = example_records(CAPTURE)
    processor = PartitionProcessor(0, RING, {"packets": 0})
    processor.process(Batch("packets", 0, 0, log_lines(records)))
    assert not processor.cut(None).stills
    (still,) = processor.cut(7).stills
    oracle = folded(records).system
    assert still[:5] == ("site", oracle.version, oracle.time, oracle.mode, 7)
    assert list(read_still("site", still.data).units()) == list(oracle.units())
    assert read_still("site", still.data).warnings == oracle.warnings
