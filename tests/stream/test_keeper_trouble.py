"""A partition's keeper when things go wrong around a checkpoint: repeats, zombies, full disks, cancelled writes."""

import asyncio
import json

import pytest

from stateserver.codec.change import decode_change, encode_change
from stateserver.domain.change import change_to_json
from stateserver.stream.disk_copy import TRY_AGAIN_AFTER_MS
from stateserver.stream.errors import EventsDiffer, Fenced
from stateserver.stream.keeper import PartitionKeeper
from stateserver.stream.layout import STATE_TABLE
from stateserver.stream.ports import Batch
from stateserver.stream.state_rows import MARKER_KEY, decode_marker
from tests.stream.journals import CAPTURE, expected
from tests.stream.simulated import Power, PowerCut, SimulatedStores, World
from tests.stream.test_keeper import (
    LAYOUT,
    LINES,
    PACKETS,
    P,
    assert_all_is_there,
    assert_tables_agree,
    care_for,
    damage_changelog,
    live,
    values,
    world_with,
)


async def test_events_that_were_told_are_not_told_again() -> None:
    """Killed between its events and their checkpoint, it finds them in `changes`."""
    world = world_with(LINES[CAPTURE], transactions=True)
    keeper = PartitionKeeper(P, care_for(world))
    await keeper.restore()
    await keeper.take(Batch(PACKETS, P, 0, LINES[CAPTURE]))
    while len(values(world, LAYOUT.topics.changes)) < len(expected(CAPTURE, "changes.jsonl")):
        await asyncio.sleep(0)
    await keeper.close()
    await live(world)
    told = [change_to_json(decode_change(value)) for value in values(world, LAYOUT.topics.changes)]
    assert json.loads(json.dumps(told)) == expected(CAPTURE, "changes.jsonl")
    assert_all_is_there(world, CAPTURE)


async def test_an_event_that_differs_from_the_one_told_stops_the_partition() -> None:
    world = world_with(LINES[CAPTURE])
    await live(world)
    changes = world.log.topics[LAYOUT.topics.changes, P]
    other = decode_change(changes[29].value or b"")._replace(at=1)
    changes[29] = changes[29]._replace(value=encode_change(other))
    damage_changelog(world)  # so that the journal is folded again
    keeper = PartitionKeeper(P, care_for(world))
    await keeper.restore()
    state = list(world.log.topics[LAYOUT.state, P])
    await keeper.take(Batch(PACKETS, P, 0, LINES[CAPTURE]))
    assert isinstance(keeper.stopped, EventsDiffer)
    assert f"the event {other.version} of system 'site'" in str(keeper.stopped)
    await keeper.checkpoint()
    assert world.log.topics[LAYOUT.state, P] == state


async def test_whoever_was_taken_for_dead_writes_no_state() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    zombie = PartitionKeeper(P, care_for(world))
    await zombie.restore()
    await zombie.take(Batch(PACKETS, P, 0, LINES[CAPTURE][:20]))
    await live(world)
    state = list(world.log.topics[LAYOUT.state, P])
    with pytest.raises(Fenced):
        await zombie.checkpoint()
    assert world.log.topics[LAYOUT.state, P] == state
    assert_all_is_there(world, CAPTURE)


@pytest.mark.parametrize("steps", range(1, 30))
async def test_whoever_is_cancelled_as_it_takes_the_pen_back_writes_no_state(steps: int) -> None:
    """As by the next rebalance: what it holds may be older than what is there."""
    world = world_with(LINES[CAPTURE][:20], transactions=True)
    keeper = await live(world)
    await keeper.take(Batch(PACKETS, P, 20, LINES[CAPTURE][20:25]))
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    disk, world.stores = world.stores, SimulatedStores(world.log.power)
    await live(world)
    world.stores = disk
    state = list(world.log.topics[LAYOUT.state, P])
    asking = asyncio.create_task(keeper.undisturbed())
    for _ in range(steps):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await asyncio.gather(keeper.checkpoint(), return_exceptions=True)
    assert world.log.topics[LAYOUT.state, P] == state


@pytest.mark.parametrize("steps", range(1, 90, 8))
@pytest.mark.parametrize("transactions", [True, False], ids=["transactions", "none"])
async def test_whoever_is_cancelled_in_a_checkpoint_does_not_cut_it_off(steps: int, transactions: bool) -> None:
    """As a worker's loop is when it is told to stop: what that checkpoint had would be missing in the next."""
    world = world_with(LINES[CAPTURE], transactions=transactions)
    keeper = PartitionKeeper(P, care_for(world))
    await keeper.restore()
    await keeper.take(Batch(PACKETS, P, 0, LINES[CAPTURE]))
    checkpoint = asyncio.create_task(keeper.checkpoint())
    for _ in range(steps):
        await asyncio.sleep(0)
    checkpoint.cancel()
    await asyncio.gather(checkpoint, return_exceptions=True)
    await keeper.checkpoint()
    await keeper.checkpoint()
    await keeper.catch_up()
    assert_all_is_there(world, CAPTURE)
    assert_tables_agree(world)


async def test_nothing_follows_a_checkpoint_that_failed() -> None:
    world = world_with(LINES[CAPTURE])
    keeper = PartitionKeeper(P, care_for(world))
    await keeper.restore()
    await keeper.take(Batch(PACKETS, P, 0, LINES[CAPTURE][:20]))
    world.restart(Power(60), keep_disk=True)
    with pytest.raises(PowerCut):
        await keeper.checkpoint()
    world.restart(Power(), keep_disk=True)
    written = values(world, LAYOUT.topics.units)
    await keeper.take(Batch(PACKETS, P, 20, LINES[CAPTURE][20:]))
    with pytest.raises(PowerCut):
        await keeper.checkpoint()
    assert values(world, LAYOUT.topics.units) == written
    (beginning,) = values(world, LAYOUT.state)
    assert decode_marker(beginning).positions == {PACKETS: 0}


async def test_a_full_disk_holds_nothing_up_and_is_made_good() -> None:
    world = world_with(LINES[CAPTURE])
    world.stores.full = True
    keeper = await live(world)
    assert_all_is_there(world, CAPTURE)
    assert world.stores.disk[STATE_TABLE, P].table == {}
    world.stores.full = False
    world.clock.time_ms += TRY_AGAIN_AFTER_MS
    await keeper.catch_up()
    assert_tables_agree(world)


async def test_files_that_a_damaged_changelog_cannot_make_good_wait_for_the_next_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = world_with(LINES[CAPTURE][:20])
    world.stores.full = True
    keeper = await live(world)
    world.stores.full = False
    world.clock.time_ms += TRY_AGAIN_AFTER_MS
    damage_marker(world)
    for _ in range(3):
        await keeper.catch_up()
    assert caplog.text.count("their changelog is damaged") == 1
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    await live(world)
    assert_all_is_there(world, CAPTURE)
    assert_tables_agree(world)


def damage_marker(world: World) -> None:
    lines = world.log.topics[LAYOUT.state, P]
    last = max(at for at, line in enumerate(lines) if line.key == MARKER_KEY)
    lines[last] = lines[last]._replace(value=(lines[last].value or b"")[:-1] + b"?")
