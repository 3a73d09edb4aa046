"""Reading a state table's changelog from cut to cut."""

import pytest

from stateserver.stream.changelog import CutReader, OtherLog
from stateserver.stream.ports import Row
from stateserver.stream.state_rows import MARKER_KEY, Marker, stands_for
from tests.stream.journals import LogLine

LINEAGE = "ab" * 16


def row(offset: int, key: bytes, position: int) -> LogLine:
    return LogLine(offset, 0, key, b"%d" % position, tuple(stands_for({"packets": position})))


def marker(offset: int, position: int, *, whole: bool) -> LogLine:
    value = Marker({"packets": position}, LINEAGE, 0, whole).encode()
    return LogLine(offset, 0, MARKER_KEY, value, tuple(stands_for({"packets": position})))


def keys(rows: list[Row]) -> list[bytes | None]:
    return [each.key for each in rows if each.key != MARKER_KEY]


def test_rows_whose_marker_was_compacted_away_count() -> None:
    reader = CutReader(0, b"")
    rows = reader.take([row(1, b"older", 5), row(7, b"newer", 9), marker(8, 9, whole=True), row(9, b"not yet", 12)])
    assert keys(rows) == [b"older", b"newer"]
    assert (reader.position, reader.lineage.hex()) == (9, LINEAGE)


def test_without_transactions_they_are_of_a_checkpoint_that_was_cut_off() -> None:
    reader = CutReader(0, b"")
    rows = reader.take([row(1, b"cut off", 5), row(7, b"newer", 9), marker(8, 9, whole=False)])
    assert keys(rows) == [b"newer"]


@pytest.mark.parametrize("begun_at", [0, 3])
def test_without_transactions_what_a_dead_worker_left_may_come_late(begun_at: int) -> None:
    reader = CutReader(begun_at, bytes.fromhex(LINEAGE) if begun_at else b"")
    log = [row(1, b"first", 7), marker(2, 7, whole=False), row(3, b"late", 5), marker(4, 5, whole=False)]
    rows = reader.take(log[begun_at and 1 :])
    assert b"late" not in keys(rows)
    assert reader.position == 5
    assert [each.value for each in rows if each.key == MARKER_KEY][-1] == log[1].value
    assert keys(reader.take([row(5, b"next", 9), marker(6, 9, whole=False)])) == [b"next"]


def test_a_log_that_does_not_go_on_from_the_marker_is_another() -> None:
    reader = CutReader(9, bytes.fromhex(LINEAGE))
    assert reader.start == 8
    with pytest.raises(OtherLog, match="offset 10"):
        reader.take([row(10, b"newer", 12)])
