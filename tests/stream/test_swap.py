"""Tables made anew in a simulated world: right again, whole or not at all, and never against what was told."""

import asyncio
import copy
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stateserver.codec.blast import decode_blast_part
from stateserver.codec.change import decode_change, encode_change
from stateserver.codec.schemas import SCHEMAS
from stateserver.codec.unit import decode_unit, encode_unit
from stateserver.stream.errors import CannotSwap, Fenced, ToldOtherwise, WorkersAtWork
from stateserver.stream.keeper import PartitionKeeper
from stateserver.stream.place import Place
from stateserver.stream.ports import Batch, Pen
from stateserver.stream.rebuild import rebuild_partition
from stateserver.stream.state_rows import is_of_the_core
from stateserver.stream.swap import Surroundings, Swapped, swap_partition
from tests.stream.journals import CAPTURE, EXAMPLES, OTHER_RING, RING, SYSTEM, LogLine
from tests.stream.simulated import Power, PowerCut, World
from tests.stream.test_keeper import (
    LAYOUT,
    LINES,
    PACKETS,
    P,
    assert_all_is_there,
    assert_hash_is_the_oracles,
    assert_tables_agree,
    care_for,
    compacted,
    live,
    trim_journal,
    versions,
    world_with,
)
from tests.stream.withdrawn import eras

TOPICS = LAYOUT.topics


async def swap(world: World, *, at_work: bool = False) -> Swapped | None:
    """As the command does; `at_work` says whether workers are in the group."""

    async def group_at_work() -> bool:
        return at_work

    async def strike_stills() -> None:
        world.log.power.before()
        world.log.topics[TOPICS.history, P] = []
        world.log.power.after()

    around = Surroundings(RING, group_at_work, strike_stills, world.clock.now_ms, lambda _: None)
    return await swap_partition(Place(P, world.log, LAYOUT), around)


def write(world: World, topic: str, key: bytes | None, value: bytes | None) -> None:
    """A row that no worker wrote."""
    lines = world.log.topics[topic, P]
    lines.append(LogLine(len(lines), 0, key, value, lines[-1].headers))


def spoil_tables(world: World) -> None:
    """A unit that says something else, one that is gone, one that never was; a blast changed and one made up."""
    units = compacted(world, TOPICS.units)
    first, second = sorted(units)[:2]
    row = decode_unit(units[first])
    write(world, TOPICS.units, first, encode_unit(row._replace(version=row.version + 1)))
    write(world, TOPICS.units, second, None)
    write(world, TOPICS.units, b"nobody/3/9", units[first])
    for key, value in sorted(compacted(world, TOPICS.blasts).items())[:1]:
        other = decode_blast_part(value)._replace(version=0)
        write(world, TOPICS.blasts, key, SCHEMAS.encode("blast", other._asdict()))
        write(world, TOPICS.blasts, b"nobody", value)
    write(world, TOPICS.systems, SYSTEM.encode(), b"nonsense")


def spoil_state(world: World) -> None:
    """A row of the state that is not what the journal says, in a checkpoint of its own."""
    lines = world.log.topics[LAYOUT.state, P]
    victim = next(line for line in reversed(lines) if line.key is not None and is_of_the_core(line.key) and line.value)
    marker = lines[-1]
    for key, value in ((victim.key, (victim.value or b"") + b"?"), (marker.key, marker.value)):
        lines.append(LogLine(len(lines), 0, key, value, marker.headers))


def tables(world: World) -> dict[str, dict[bytes, bytes]]:
    """What lies in the tables that readers see."""
    return {topic: compacted(world, topic) for topic in (TOPICS.units, TOPICS.blasts)}


@pytest.mark.parametrize("transactions", [True, False], ids=["transactions", "none"])
@pytest.mark.parametrize("example", EXAMPLES)
async def test_tables_that_were_spoilt_are_as_they_were(example: str, transactions: bool) -> None:
    world = world_with(LINES[example], transactions=transactions)
    await live(world)
    right = tables(world)
    spoil_tables(world)
    swapped = await swap(world, at_work=transactions)
    assert swapped is not None
    assert (swapped.systems, swapped.differing["state"]) == (1, 0)
    assert tables(world) == right
    assert_hash_is_the_oracles(world, example)
    assert_all_is_there(world, example)
    # The worker finds its disk to be of the log before, and what follows on it.
    await live(world)
    assert_tables_agree(world)
    assert_all_is_there(world, example)


async def test_nothing_to_be_made_good_changes_no_row_that_readers_see() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    ends = {topic: len(world.log.topics[topic, P]) for topic in (TOPICS.units, TOPICS.blasts, TOPICS.changes)}
    swapped = await swap(world, at_work=True)
    assert swapped is not None
    assert set(swapped.differing.values()) == {0}
    assert {topic: len(world.log.topics[topic, P]) for topic in ends} == ends


async def test_a_partition_without_a_checkpoint_has_no_tables_yet() -> None:
    assert await swap(world_with(LINES[CAPTURE])) is None


@pytest.mark.parametrize("keep_disk", [True, False])
async def test_a_state_that_differs_is_made_good_once_nobody_goes_on_from_it(
    keep_disk: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world = world_with(LINES[CAPTURE][:20], transactions=True)
    await live(world)
    spoil_state(world)
    before = copy.deepcopy(world.log.topics)
    with pytest.raises(WorkersAtWork, match="not what the journal says"):
        await swap(world, at_work=True)
    assert world.log.topics == before
    assert world.log.topics[TOPICS.history, P]
    swapped = await swap(world)
    assert swapped is not None
    assert swapped.differing["state"] == 1
    assert not world.log.topics[TOPICS.history, P]
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    world.restart(Power(), keep_disk=keep_disk)
    await live(world)
    assert "damaged" not in caplog.text
    assert_all_is_there(world, CAPTURE)
    assert_tables_agree(world)
    assert_hash_is_the_oracles(world, CAPTURE)


async def test_the_worker_that_was_at_it_is_fenced_and_the_next_goes_on() -> None:
    world = world_with(LINES[CAPTURE][:20], transactions=True)
    keeper = await live(world)
    spoil_tables(world)
    await swap(world, at_work=True)
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    await keeper.take(Batch(PACKETS, P, 20, LINES[CAPTURE][20:30]))
    with pytest.raises(Fenced):
        await keeper.checkpoint()
    await keeper.close()
    await live(world)
    assert_all_is_there(world, CAPTURE)
    assert_tables_agree(world)


async def test_what_a_worker_does_while_the_journal_is_folded_is_folded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on until its pen is taken: with checkpoints, and with events that no checkpoint follows."""
    world = world_with(LINES[CAPTURE][:20], transactions=True)
    keeper = await live(world)
    spoil_tables(world)
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    take_pen = world.log.take_pen

    async def after_the_worker(partition: int) -> Pen:
        await keeper.take(Batch(PACKETS, P, 20, LINES[CAPTURE][20:30]))
        await keeper.checkpoint()
        await keeper.take(Batch(PACKETS, P, 30, LINES[CAPTURE][30:35]))
        await keeper._events.flush()
        return await take_pen(partition)

    monkeypatch.setattr(world.log, "take_pen", after_the_worker)
    swapped = await swap(world, at_work=True)
    assert swapped is not None
    assert world.journal.committed == {(PACKETS, P): 30}
    await keeper.close()
    monkeypatch.undo()
    await live(world)
    assert_all_is_there(world, CAPTURE)
    assert len(versions(world)) == len(world.log.topics[TOPICS.changes, P]), "nothing is told twice"


@settings(max_examples=40)
@given(
    cut_at=st.integers(1, 140), late=st.booleans(), transactions=st.booleans(), state=st.booleans(),
    keep_disk=st.booleans(),
)  # fmt: skip
def test_killed_at_any_step_it_is_whole_or_not_at_all(
    cut_at: int, late: bool, transactions: bool, state: bool, keep_disk: bool
) -> None:
    async def lives() -> None:
        world = world_with(LINES[CAPTURE][:30], transactions=transactions)
        await live(world)
        right = tables(world)
        spoil_tables(world)
        if state:
            spoil_state(world)
        spoilt = tables(world)
        world.restart(Power(cut_at, late=late), keep_disk=True)
        try:
            await swap(world)
        except PowerCut:
            if transactions:
                assert tables(world) in (spoilt, right)
        world.restart(Power(), keep_disk=keep_disk)
        # A worker may have worked on it, before it is run again.
        if not state or transactions:
            world.log.topics[PACKETS, P] = list(LINES[CAPTURE][:34])
            await live(world)
        await swap(world)
        world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
        await live(world)
        assert_all_is_there(world, CAPTURE)
        assert_tables_agree(world)
        assert_hash_is_the_oracles(world, CAPTURE)

    asyncio.run(lives())


async def test_without_transactions_nobody_may_be_at_work() -> None:
    world = world_with(LINES[CAPTURE])
    await live(world)
    spoil_tables(world)
    before = copy.deepcopy(world.log.topics)
    with pytest.raises(WorkersAtWork, match="no transactions"):
        await swap(world, at_work=True)
    assert world.log.topics == before


def told_otherwise(world: World) -> None:
    changes = world.log.topics[TOPICS.changes, P]
    other = decode_change(changes[29].value or b"")._replace(at=1)
    changes[29] = changes[29]._replace(value=encode_change(other))


def told_more(world: World) -> None:
    last = decode_change(world.log.topics[TOPICS.changes, P][-1].value or b"")
    write(world, TOPICS.changes, SYSTEM.encode(), encode_change(last._replace(version=last.version + 1)))


@pytest.mark.parametrize("told", [told_otherwise, told_more])
async def test_what_was_told_is_never_contradicted(told: Callable[[World], None]) -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    told(world)
    before = copy.deepcopy(world.log.topics)
    with pytest.raises(ToldOtherwise, match="readers were told otherwise"):
        await swap(world)
    assert world.log.topics == before


async def test_what_nobody_was_told_is_not_told_with_the_tables() -> None:
    """A worker that lacked a key rejected everything: `stateserver rebuild` is for that."""
    world = world_with(LINES[CAPTURE], transactions=True)
    keeper = PartitionKeeper(P, care_for(world)._replace(ring=OTHER_RING))
    await keeper.restore()
    await keeper.take(Batch(PACKETS, P, 0, LINES[CAPTURE]))
    await keeper.checkpoint()
    await keeper.close()
    before = copy.deepcopy(world.log.topics)
    with pytest.raises(ToldOtherwise, match=r"event 1 of system 'site' was not told.*stateserver rebuild"):
        await swap(world)
    assert world.log.topics == before


async def test_a_partition_that_is_being_withdrawn_is_left_to_that() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    world.restart(Power(15), keep_disk=True)
    with pytest.raises(PowerCut):
        await rebuild_partition(Place(P, world.log, LAYOUT), world.clock.now_ms())
    world.restart(Power(), keep_disk=True)
    with pytest.raises(CannotSwap, match="is being withdrawn"):
        await swap(world)


async def test_tables_of_a_later_era_are_put_right_within_it() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    await rebuild_partition(Place(P, world.log, LAYOUT), world.clock.now_ms())
    await live(world)
    right = tables(world)
    spoil_tables(world)
    assert await swap(world, at_work=True) is not None
    assert tables(world) == right
    await live(world)
    assert_all_is_there(world, CAPTURE)
    assert len(eras(world)) == 1


async def test_events_that_retention_took_are_not_told_again() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    world.log.topics[TOPICS.changes, P][:5] = []
    for at, line in enumerate(world.log.topics[TOPICS.changes, P]):
        world.log.topics[TOPICS.changes, P][at] = line._replace(offset=at)
    told = list(world.log.topics[TOPICS.changes, P])
    assert await swap(world, at_work=True) is not None
    assert world.log.topics[TOPICS.changes, P] == told


async def test_a_journal_that_lost_its_beginning_makes_no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with(LINES[CAPTURE])
    await live(world)
    trim_journal(world, monkeypatch)
    with pytest.raises(CannotSwap, match="begins at offset 7"):
        await swap(world)
