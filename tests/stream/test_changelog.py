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


def test_a_log_that_does_not_go_on_from_the_marker_is_another() -> None:
    reader = CutReader(9, bytes.fromhex(LINEAGE))
    assert reader.start == 8
    with pytest.raises(OtherLog, match="offset 10"):
        reader.take([row(10, b"newer", 12)])
