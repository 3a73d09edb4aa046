"""Rows of another release are known as such, and not taken for damage."""

import orjson
import pytest

from stateserver.domain.checkpoint import SYSTEM_ROW, CorruptCheckpoint, restore, take_rows
from stateserver.domain.rows import OtherRowFormat
from stateserver.domain.still import read_still, take_still
from stateserver.domain.system import System
from tests.stream.journals import example_records, folded
from tests.stream.withdrawn import of_format


def system() -> System:
    """One with all that an example's journal makes."""
    return folded(example_records("AXXIS100")).system


@pytest.mark.parametrize("change", [-1, 1])
def test_rows_of_another_release_are_no_damage(change: int) -> None:
    rows = {key: row for key, row in take_rows(system()).items() if row is not None}
    reads = orjson.loads(rows[SYSTEM_ROW])["format"]
    rows[SYSTEM_ROW] = of_format(rows[SYSTEM_ROW], change)
    with pytest.raises(OtherRowFormat, match=f"format {reads + change}, this release reads {reads}") as caught:
        restore("site", rows)
    assert (caught.value.found, caught.value.reads) == (reads + change, reads)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_still_of_another_release_is_no_damage(change: int) -> None:
    with pytest.raises(OtherRowFormat):
        read_still("site", of_format(take_still(system()), change))


def test_a_row_without_a_format_is_damage() -> None:
    rows = {key: row for key, row in take_rows(system()).items() if row is not None}
    rows[SYSTEM_ROW] = rows[SYSTEM_ROW].replace(b'"format":', b'"formal":')
    with pytest.raises(CorruptCheckpoint):
        restore("site", rows)
