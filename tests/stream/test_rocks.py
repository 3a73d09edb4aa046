"""RocksDB as a partition's store: rows and position together, files closed, damage survived."""

from pathlib import Path

import pytest

from stateserver.stream.errors import StoreInUse, StoreUnusable
from stateserver.stream.ports import Row
from stateserver.stream.rocks import RocksPartition

LINEAGE = bytes(range(16))
ROWS = [Row(b"b", b"2"), Row(b"", b"empty key"), Row(b"a", b"1"), Row(b"\xff", b"\x00")]


async def test_an_empty_store(tmp_path: Path) -> None:
    store = RocksPartition(tmp_path / "t")
    assert (store.position, store.lineage, list(store.rows())) == (0, b"", [])
    store.close()


async def test_rows_and_position_are_there_after_a_restart(tmp_path: Path) -> None:
    store = RocksPartition(tmp_path / "t")
    await store.write(ROWS, 7, LINEAGE)
    await store.write([Row(b"b", None), Row(b"c", b"3")], 9, LINEAGE)
    store.close()
    again = RocksPartition(tmp_path / "t")
    assert (again.position, again.lineage) == (9, LINEAGE)
    assert list(again.rows()) == [(b"", b"empty key"), (b"a", b"1"), (b"c", b"3"), (b"\xff", b"\x00")]
    assert again.get(b"a") == b"1"
    assert again.get(b"b") is None
    again.close()


async def test_a_position_alone_can_be_written(tmp_path: Path) -> None:
    store = RocksPartition(tmp_path / "t")
    await store.write([], 3, LINEAGE)
    assert (store.position, list(store.rows())) == (3, [])
    store.close()


async def test_more_rows_than_go_in_one_batch(tmp_path: Path) -> None:
    store = RocksPartition(tmp_path / "t")
    await store.write([Row(b"%06d" % number, b"x") for number in range(120_000)], 120_000, LINEAGE)
    assert sum(1 for _ in store.rows()) == 120_000
    assert store.position == 120_000
    store.close()


async def test_cleared_it_is_empty_and_usable(tmp_path: Path) -> None:
    store = RocksPartition(tmp_path / "t")
    await store.write(ROWS, 7, LINEAGE)
    await store.clear()
    assert (store.position, store.lineage, list(store.rows())) == (0, b"", [])
    await store.write(ROWS, 1, LINEAGE)
    assert store.position == 1
    store.close()


async def test_files_in_use_are_refused_until_they_are_closed(tmp_path: Path) -> None:
    store = RocksPartition(tmp_path / "t")
    await store.write(ROWS, 7, LINEAGE)
    with pytest.raises(StoreInUse, match="another worker"):
        RocksPartition(tmp_path / "t")
    store.close()
    again = RocksPartition(tmp_path / "t")
    assert again.position == 7
    again.close()


async def test_files_that_cannot_be_read_are_made_anew(tmp_path: Path) -> None:
    store = RocksPartition(tmp_path / "t")
    await store.write(ROWS, 7, LINEAGE)
    store.close()
    for file in (tmp_path / "t").iterdir():
        if file.name.startswith(("MANIFEST", "CURRENT")):
            file.write_bytes(b"rubbish")
    again = RocksPartition(tmp_path / "t")
    assert (again.position, list(again.rows())) == (0, [])
    again.close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match=str(tmp_path / "file")):
        RocksPartition(tmp_path / "file" / "t")
