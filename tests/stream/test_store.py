"""Faust's tables over our store: found by its entry point, read like any table, written by checkpoints alone."""

from pathlib import Path

import pytest
from faust.tables.table import Table
from faust.types import TP
from yarl import URL

from stateserver.settings import Settings
from stateserver.stream.app import App, FaustStores, create_app
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE, Layout
from stateserver.stream.ports import Row
from stateserver.stream.store import Store, TableIsReadOnly

LINEAGE = bytes(16)


@pytest.fixture
def app(tmp_path: Path) -> App:
    settings = Settings(data_dir=tmp_path / "data")
    return create_app(settings, Layout.with_prefix("t.", ("t.packets",)), 4)


def table_of(app: App, name: str) -> Table[bytes, bytes]:
    table = app.tables[name]
    assert isinstance(table, Table)
    return table


def store_of(app: App, table: str) -> Store:
    store = table_of(app, table).data
    assert isinstance(store, Store)
    return store


def test_it_is_the_store_of_both_tables(app: App) -> None:
    assert {type(store_of(app, table)) for table in (STATE_TABLE, UNITS_TABLE)} == {Store}
    assert store_of(app, UNITS_TABLE).url == URL("stateserver:")
    assert app.tables.changelog_topics == {"t.state", "t.units"}


async def test_tables_are_read_over_all_open_partitions(app: App) -> None:
    stores = FaustStores(app)
    await stores.open(UNITS_TABLE, 0).write([Row(b"a/0/1", b"one"), Row(b"a/0/2", b"two")], 7, LINEAGE)
    await stores.open(UNITS_TABLE, 3).write([Row(b"b/0/1", b"three")], 1, LINEAGE)
    table = table_of(app, UNITS_TABLE)
    assert table[b"a/0/2"] == b"two"
    assert b"b/0/1" in table
    assert b"c/0/1" not in table
    assert dict(store_of(app, UNITS_TABLE).items()) == {b"a/0/1": b"one", b"a/0/2": b"two", b"b/0/1": b"three"}
    assert len(store_of(app, UNITS_TABLE)) == 3
    for partition in (0, 3):
        stores.close(UNITS_TABLE, partition)


async def test_it_tells_faust_how_far_the_changelog_is_in_it(app: App) -> None:
    stores, store = FaustStores(app), store_of(app, STATE_TABLE)
    assert store.persisted_offset(TP("t.state", 1)) is None
    await stores.open(STATE_TABLE, 1).write([Row(b"k", b"v")], 7, LINEAGE)
    assert store.persisted_offset(TP("t.state", 1)) == 6
    store.set_persisted_offset(TP("t.state", 1), 99)
    assert store.persisted_offset(TP("t.state", 1)) == 6
    stores.close(STATE_TABLE, 1)


async def test_what_faust_stops_can_still_be_written(app: App) -> None:
    """The last checkpoint comes when Faust gives its partitions away, which it does while it stops."""
    stores = FaustStores(app)
    partition = stores.open(STATE_TABLE, 1)
    await store_of(app, STATE_TABLE).on_stop()
    await partition.write([Row(b"k", b"v")], 7, LINEAGE)
    assert list(partition.rows()) == [(b"k", b"v")]
    stores.close(STATE_TABLE, 1)


def test_nobody_else_writes_it(app: App) -> None:
    store = store_of(app, STATE_TABLE)
    with pytest.raises(TableIsReadOnly):
        store[b"k"] = b"v"
    with pytest.raises(TableIsReadOnly):
        del store[b"k"]
    with pytest.raises(TableIsReadOnly):
        store.clear()


async def test_closed_and_opened_again_it_is_all_there(app: App) -> None:
    stores = FaustStores(app)
    await stores.open(STATE_TABLE, 1).write([Row(b"k", b"v")], 7, LINEAGE)
    stores.close(STATE_TABLE, 1)
    again = stores.open(STATE_TABLE, 1)
    assert (again.position, list(again.rows())) == (7, [(b"k", b"v")])
    stores.close(STATE_TABLE, 1)


async def test_reset_deletes_the_files(app: App) -> None:
    stores, store = FaustStores(app), store_of(app, STATE_TABLE)
    await stores.open(STATE_TABLE, 1).write([Row(b"k", b"v")], 7, LINEAGE)
    store.reset_state()
    assert stores.open(STATE_TABLE, 1).position == 0
    stores.close(STATE_TABLE, 1)
