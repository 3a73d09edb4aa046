"""What was told is withdrawn and told anew, whoever dies when: another release's state, or a key that is back."""

import asyncio
import copy
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stateserver.codec.change import decode_change
from stateserver.codec.era import era_headers, era_of
from stateserver.stream.errors import CannotRebuild, DeletionRefused, EventsDiffer, Fenced, KeysMissing, LaterRelease
from stateserver.stream.keeper import PartitionKeeper
from stateserver.stream.place import Place
from stateserver.stream.ports import Batch
from stateserver.stream.rebuild import check_rebuild, rebuild_partition
from tests.stream.journals import CAPTURE, EXAMPLES, RING, SYSTEM, example_records
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
    values,
    world_with,
)
from tests.stream.withdrawn import FULL_RING, SHORT_RING, eras, of_another_release, partly_sealed_late

TOPICS = LAYOUT.topics
LATE_LINES = partly_sealed_late(LINES[CAPTURE], example_records(CAPTURE))


def place_in(world: World) -> Place:
    return Place(P, world.log, LAYOUT)


async def rebuild(world: World) -> None:
    """As the command does."""
    await check_rebuild(place_in(world), FULL_RING)
    await rebuild_partition(place_in(world), world.clock.now_ms())


async def short_world() -> World:
    """A worker that lacked a key for a while told of what it could read."""
    world = world_with(LATE_LINES, transactions=True)
    await live(world, ring=SHORT_RING)
    assert len(values(world, TOPICS.rejected)) > 0
    return world


def assert_all_is_as_if_nothing_had_been(world: World, example: str = CAPTURE) -> None:
    """The topics say what the oracle's fold says, and nothing of what was told before."""
    assert_all_is_there(world, example)
    assert_tables_agree(world)
    assert_hash_is_the_oracles(world, example)
    (system,) = [line for line in world.log.held(TOPICS.systems, P) if line.key == SYSTEM.encode()][-1:]
    assert {era_of(line.headers) for line in (*world.log.held(TOPICS.history, P), system)} == eras(world)
    events = [decode_change(value).version for value in values(world, TOPICS.changes)]
    assert events == list(range(1, len(events) + 1)), "each told once"


@pytest.mark.parametrize("keep_disk", [True, False])
@pytest.mark.parametrize("example", EXAMPLES)
async def test_the_state_of_an_older_release_is_made_anew(
    example: str, keep_disk: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world = world_with(LINES[example], transactions=True)
    await live(world)
    of_another_release(world)
    world.restart(Power(), keep_disk=keep_disk)
    await live(world)
    assert_all_is_as_if_nothing_had_been(world, example)
    assert eras(world) == {world.clock.now_ms()}
    assert "its state is of another release (the rows have format" in caplog.text
    assert f"{len(LINES[example])} records were applied so far" in caplog.text
    assert "damaged" not in caplog.text


async def test_files_of_an_older_release_are_read_anew_from_kafka(caplog: pytest.LogCaptureFixture) -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    state = copy.deepcopy(world.log.topics[LAYOUT.state, P])
    of_another_release(world)
    world.log.topics[LAYOUT.state, P] = state
    await live(world)
    assert_tables_agree(world)
    assert eras(world) == {0}
    assert "its files are another release's" in caplog.text


async def test_the_state_of_a_later_release_is_left_alone() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await live(world)
    of_another_release(world, +1)
    before = copy.deepcopy(world.log.topics)
    with pytest.raises(LaterRelease, match="of a later release"):
        await live(world)
    assert world.log.topics == before


async def test_frames_rejected_for_a_missing_key_come_back(caplog: pytest.LogCaptureFixture) -> None:
    world = await short_world()
    with pytest.raises(AssertionError):
        assert_all_is_there(world, CAPTURE)
    await rebuild(world)
    assert compacted(world, TOPICS.units) == compacted(world, TOPICS.systems) == compacted(world, TOPICS.blasts) == {}
    await live(world, ring=FULL_RING)
    assert_all_is_as_if_nothing_had_been(world)
    assert values(world, TOPICS.rejected) == []


async def test_so_they_do_when_another_release_comes_at_the_same_time() -> None:
    world = await short_world()
    of_another_release(world)
    await live(world, ring=FULL_RING)
    assert_all_is_as_if_nothing_had_been(world)


async def test_a_second_time_begins_another_era() -> None:
    world = await short_world()
    eras_seen: list[int] = []
    for _ in range(2):
        await rebuild(world)
        await live(world, ring=FULL_RING)
        eras_seen += eras(world)
    assert eras_seen == sorted(set(eras_seen)), "later ones are larger, also where the clock stands still"
    assert_all_is_as_if_nothing_had_been(world)


async def test_the_worker_that_is_at_it_is_fenced_and_what_it_still_tells_is_passed_over() -> None:
    world, half = world_with(LATE_LINES, transactions=True), len(LATE_LINES) // 2
    keeper = PartitionKeeper(P, care_for(world)._replace(ring=SHORT_RING))
    await keeper.restore()
    await keeper.take(Batch(PACKETS, P, 0, LATE_LINES[:half]))
    await keeper.checkpoint()
    await rebuild(world)
    await keeper.take(Batch(PACKETS, P, half, LATE_LINES[half:]))
    await keeper._events.flush()
    assert eras(world) == {0}
    with pytest.raises(Fenced):
        await keeper.checkpoint()
    await keeper.close()
    await live(world, ring=FULL_RING, batch=40)
    await live(world, ring=FULL_RING)
    for topic in (TOPICS.changes, TOPICS.rejected):
        world.log.topics[topic, P] = [line for line in world.log.held(topic, P) if era_of(line.headers)]
        world.log.starts[topic, P] = 0
    assert_all_is_there(world, CAPTURE)
    assert_hash_is_the_oracles(world, CAPTURE)


@settings(max_examples=60)
@given(
    deaths=st.lists(st.tuples(st.integers(1, 300), st.booleans(), st.booleans()), min_size=1, max_size=5),
    automatic=st.booleans(),
    batch=st.integers(20, 90),
)
def test_killed_at_any_step_it_ends_whole(deaths: list[tuple[int, bool, bool]], automatic: bool, batch: int) -> None:
    """Again and again: in the withdrawal, and in the fold that follows."""

    async def lived() -> None:
        world = await short_world()
        if automatic:
            of_another_release(world)
        for number, (cut_at, late, keep_disk) in enumerate(deaths):
            world.restart(Power(cut_at, late=late), keep_disk=keep_disk)
            try:
                if number == 0 and not automatic:
                    await rebuild(world)
                await live(world, ring=FULL_RING, batch=batch)
            except PowerCut:
                continue
        world.restart(Power(), keep_disk=deaths[-1][2])
        if not automatic and eras(world) == {0}:
            await rebuild(world)  # it was killed before anything was withdrawn: run it again
        await live(world, ring=FULL_RING, batch=batch)
        assert_all_is_there(world, CAPTURE)
        assert_tables_agree(world)
        assert_hash_is_the_oracles(world, CAPTURE)
        assert len(eras(world)) == 1

    asyncio.run(lived())


@pytest.mark.parametrize("step", range(1, 40))
async def test_killed_in_the_withdrawal_the_next_start_goes_on_with_it(step: int) -> None:
    world = await short_world()
    world.restart(Power(step), keep_disk=True)
    with suppress(PowerCut):
        await rebuild(world)
    began = any(era_of(line.headers) for line in world.log.held(TOPICS.systems, P))
    world.restart(Power(), keep_disk=True)
    if began:
        await live(world, ring=FULL_RING)
        assert_all_is_as_if_nothing_had_been(world)
    else:
        assert eras(world) == {0}
        await live(world, ring=SHORT_RING)


class TestRefused:
    """Before anything is changed."""

    async def test_without_transactions(self) -> None:
        world = world_with(LINES[CAPTURE])
        await live(world)
        of_another_release(world)
        before = copy.deepcopy(world.log.topics)
        with pytest.raises(CannotRebuild, match="no transactions"):
            await live(world)
        assert world.log.topics == before

    async def test_where_the_journal_lost_its_beginning(self) -> None:
        world = world_with(LINES[CAPTURE], transactions=True)
        await live(world)
        of_another_release(world)
        world.log.starts[PACKETS, P] = 7
        before = copy.deepcopy(world.log.topics)
        for attempt in (live(world), rebuild(world)):
            with pytest.raises(CannotRebuild, match="begins at offset 7"):
                await attempt
        assert world.log.topics == before

    async def test_not_where_it_begins_where_it_was_begun(self) -> None:
        """As with another prefix, on a journal whose beginning was gone already."""
        world = world_with(LINES[CAPTURE], transactions=True)
        world.log.starts[PACKETS, P] = 7
        await live(world)
        of_another_release(world)
        await live(world)
        assert eras(world) == {world.clock.now_ms()}

    async def test_where_the_ring_no_longer_opens_what_it_opened(self) -> None:
        world = world_with(LATE_LINES, transactions=True)
        await live(world, ring=FULL_RING)
        of_another_release(world)
        before = copy.deepcopy(world.log.topics)
        with pytest.raises(KeysMissing, match="the key ring has no key 'late'"):
            await live(world, ring=SHORT_RING)
        with pytest.raises(KeysMissing, match="rebuild --forget-what-cannot-be-opened"):
            await check_rebuild(place_in(world), SHORT_RING)
        await check_rebuild(place_in(world), SHORT_RING, forget=True)
        assert world.log.topics == before

    async def test_where_records_may_not_be_deleted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        world = world_with(LINES[CAPTURE], transactions=True)
        await live(world)
        of_another_release(world)

        async def refuse(topic: str, partition: int, offset: int) -> None:
            raise DeletionRefused(topic, partition, PermissionError("not you"))

        monkeypatch.setattr(world.log, "delete_before", refuse)
        before = copy.deepcopy(world.log.topics)
        with pytest.raises(DeletionRefused, match="not you"):
            await live(world)
        assert world.log.topics == before

    async def test_where_it_comes_of_a_journal_that_is_not_named(self) -> None:
        world = world_with(LINES[CAPTURE], transactions=True)
        await live(world)
        other = LAYOUT._replace(journals=("t.other",))
        with pytest.raises(CannotRebuild, match=f"also comes of {PACKETS}"):
            await check_rebuild(Place(P, world.log, other), RING)


async def test_other_events_than_were_told_stop_the_partition_until_it_is_rebuilt() -> None:
    """A key that is added lets what no checkpoint followed be read otherwise."""
    world = world_with(LATE_LINES, transactions=True)
    keeper = PartitionKeeper(P, care_for(world)._replace(ring=SHORT_RING))
    await keeper.restore()
    await keeper.take(Batch(PACKETS, P, 0, LATE_LINES))
    await keeper._events.flush()
    await keeper.close()
    stopped = await live(world, ring=FULL_RING)
    assert isinstance(stopped.stopped, EventsDiffer)
    assert "stateserver rebuild" in stopped.stopped.hint
    await rebuild(world)
    await live(world, ring=FULL_RING)
    assert_all_is_as_if_nothing_had_been(world)


def test_a_record_says_its_era_and_the_first_says_none() -> None:
    assert era_headers(0) == ()
    assert era_of(era_headers(1_753_000_000_000)) == 1_753_000_000_000
    assert era_of((("ce_id", b"1"), ("time", b""))) == 0
