"""A restore that finds less than was made refuses, and says what to do; it never begins at version 1 in silence."""

import copy
from collections.abc import Callable

import pytest

from stateserver.codec.era import era_headers
from stateserver.stream.errors import Fenced, StateLost
from stateserver.stream.keeper import PartitionKeeper
from stateserver.stream.layout import STATE_TABLE
from stateserver.stream.place import Place
from stateserver.stream.ports import Batch
from stateserver.stream.rebuild import check_rebuild, rebuild_partition
from stateserver.stream.state_rows import MARKER_KEY
from tests.stream.journals import CAPTURE, RING, LogLine
from tests.stream.simulated import Power, World
from tests.stream.test_keeper import (
    LAYOUT,
    LINES,
    PACKETS,
    P,
    assert_all_is_there,
    assert_hash_is_the_oracles,
    assert_tables_agree,
    care_for,
    live,
    values,
    world_with,
)

TOPICS = LAYOUT.topics


def emptied(world: World) -> None:
    """As by whoever deletes a topic that is only a changelog."""
    world.log.topics[LAYOUT.state, P] = []


def gone_with_the_groups_offsets(world: World) -> None:
    emptied(world)
    world.journal.committed.clear()


def gone_but_for_events(world: World) -> None:
    gone_with_the_groups_offsets(world)
    world.log.topics[TOPICS.systems, P] = []


def gone_but_for_systems(world: World) -> None:
    gone_with_the_groups_offsets(world)
    world.log.topics[TOPICS.changes, P] = []


def all_gone_but_the_groups_offsets(world: World) -> None:
    for topic in (*TOPICS, LAYOUT.state):
        if topic != PACKETS:
            world.log.topics[topic, P] = []


def cut_back(world: World) -> None:
    """As by a broker that takes over without the last records."""
    lines = world.log.topics[LAYOUT.state, P]
    markers = [at for at, line in enumerate(lines) if line.key == MARKER_KEY]
    del lines[markers[len(markers) // 2] + 1 :]


def cut_back_and_forgotten_by_the_group(world: World) -> None:
    cut_back(world)
    world.journal.committed.clear()


WAYS = [
    emptied,
    gone_with_the_groups_offsets,
    gone_but_for_events,
    gone_but_for_systems,
    all_gone_but_the_groups_offsets,
    cut_back,
    cut_back_and_forgotten_by_the_group,
]


@pytest.mark.parametrize("keep_disk", [True, False])
@pytest.mark.parametrize("lose", WAYS)
async def test_it_is_refused_and_made_anew_by_one_command(lose: Callable[[World], None], keep_disk: bool) -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    lose(world)
    world.restart(Power(), keep_disk=keep_disk)
    before = copy.deepcopy(world.log.topics)
    disk = {table: dict(store.table) for table, store in world.stores.disk.items()}
    with pytest.raises(StateLost, match=r"partition 3 is lost.*though.*stateserver rebuild --partitions 3"):
        await live(world)
    assert world.log.topics == before
    assert {table: dict(store.table) for table, store in world.stores.disk.items() if table in disk} == disk
    place = Place(P, world.log, LAYOUT)
    await check_rebuild(place, RING)
    await rebuild_partition(place, world.clock.now_ms())
    await live(world)
    assert_all_is_there(world, CAPTURE)
    assert_tables_agree(world)
    assert_hash_is_the_oracles(world, CAPTURE)


async def test_without_transactions_a_state_that_is_gone_whole_is_noticed() -> None:
    world = world_with(LINES[CAPTURE])
    await live(world)
    emptied(world)
    with pytest.raises(StateLost, match=r"is empty, though t\.systems tells of 1 systems, and events were told"):
        await live(world)


async def test_events_of_an_era_that_the_state_does_not_know_of_say_that_it_is_lost() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    lines = world.log.topics[TOPICS.changes, P]
    lines.append(LogLine(len(lines), 0, lines[-1].key, lines[-1].value, era_headers(5)))
    with pytest.raises(StateLost, match=r"is of the era 0, though t\.changes tells of the era 5"):
        await live(world)


async def test_a_marker_lies_there_before_anything_is_told() -> None:
    """So a first start that is killed with its first events told leaves no state that looks lost."""
    world = world_with(LINES[CAPTURE], transactions=True)
    keeper = PartitionKeeper(P, care_for(world))
    await keeper.restore()
    assert len(values(world, LAYOUT.state)) == 1
    assert values(world, TOPICS.changes) == []
    await keeper.take(Batch(PACKETS, P, 0, LINES[CAPTURE][:20]))
    await keeper._events.flush()
    await keeper.close()
    await live(world)
    assert_all_is_there(world, CAPTURE)


async def test_a_group_that_has_forgotten_is_no_loss() -> None:
    """As Kafka does after a week without members; or it was given another name."""
    world = world_with(LINES[CAPTURE][:20], transactions=True)
    await live(world)
    world.journal.committed.clear()
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    await live(world)
    assert_all_is_there(world, CAPTURE)


async def test_a_disk_that_is_gone_is_no_loss() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    world.stores.disk.pop((STATE_TABLE, P))
    await live(world)
    assert_tables_agree(world)


async def test_a_journal_whose_beginning_is_gone_already_is_begun_where_it_begins_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    world.log.starts[PACKETS, P] = 7
    await live(world)
    assert f"partition 3 of {PACKETS} begins at offset 7: what came before is not known here" in caplog.text


async def test_another_that_has_written_on_meanwhile_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was taken for dead as it restored finds the group ahead of what it read: it ends, alarming nobody."""
    world = world_with(LINES[CAPTURE][:20], transactions=True)
    await live(world)
    committed, asked = world.log.committed, False

    async def after_another(topic: str, partition: int) -> int | None:
        nonlocal asked
        if not asked:
            asked = True
            world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
            await live(world)
        return await committed(topic, partition)

    monkeypatch.setattr(world.log, "committed", after_another)
    keeper = PartitionKeeper(P, care_for(world))
    with pytest.raises(Fenced):
        await keeper.restore()
    monkeypatch.undo()
    await live(world)
    assert_all_is_there(world, CAPTURE)
