"""A partition's keeper in a simulated world: killed at any step, with and without its disk, it ends up the same."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stateserver.codec.blast import BlastPart, decode_blast_part, join_document
from stateserver.codec.change import decode_change
from stateserver.codec.rejected import decode_rejected
from stateserver.codec.system import decode_system
from stateserver.codec.unit import decode_unit
from stateserver.domain.change import change_to_json
from stateserver.domain.checkpoint import state_hash, take_rows
from stateserver.domain.deadlines import next_deadline
from stateserver.security.keyring import KeyRing
from stateserver.stream.errors import HistoryTrimmed, JournalCutBack, PartitionStuck
from stateserver.stream.keeper import STUCK_AFTER_MS, Care, PartitionKeeper
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE, Layout
from stateserver.stream.metrics import Metrics
from stateserver.stream.ports import Batch, Bounds, Progress
from stateserver.stream.state_rows import MARKER_KEY
from tests.stream.journals import (
    CAPTURE,
    EXAMPLES,
    RING,
    SYSTEM,
    LogLine,
    example_records,
    expected,
    folded,
    last_values,
    log_lines,
    opened,
)
from tests.stream.simulated import Power, PowerCut, World

P = 3
LAYOUT = Layout.with_prefix("t.", ("t.packets",))
PACKETS = "t.packets"
LINES = {example: log_lines(example_records(example)) for example in EXAMPLES}


def care_for(world: World) -> Care:
    return Care(RING, world.ports, LAYOUT, 5_000, Metrics())


def world_with(lines: list[LogLine], *, transactions: bool = False) -> World:
    world = World(transactions=transactions)
    world.log.topics[PACKETS, P] = list(lines)
    return world


async def live(world: World, *, batch: int = 9, ring: KeyRing = RING) -> PartitionKeeper:
    """A worker's life for one partition: restored, the journal applied to its end, all of it checkpointed."""
    keeper = PartitionKeeper(P, care_for(world)._replace(ring=ring))
    try:
        await keeper.restore()
        lines = world.log.topics[PACKETS, P]
        while keeper.stopped is None and (at := keeper.position(PACKETS)) < len(lines):
            await keeper.take(Batch(PACKETS, P, at, lines[at : at + batch]))
            await asyncio.sleep(0)
            await keeper.checkpoint()
        await keeper.checkpoint()
        await keeper.checkpoint()
        await keeper.catch_up()
    except BaseException:
        await keeper.close()
        raise
    return keeper


def values(world: World, topic: str) -> list[bytes]:
    return [line.value for line in world.log.held(topic, P) if line.value is not None]


def versions(world: World) -> dict[int, dict[str, Any]]:
    """Events by version, as a reader has them who drops what it has seen; a repeat has to be identical."""
    seen: dict[int, dict[str, Any]] = {}
    for value in values(world, LAYOUT.topics.changes):
        change = json.loads(json.dumps(change_to_json(decode_change(value))))
        assert seen.setdefault(change["version"], change) == change
    return seen


def compacted(world: World, topic: str) -> dict[bytes, bytes]:
    return last_values(world.log.topics.get((topic, P), []))


def reports(world: World) -> dict[str, dict[str, Any]]:
    """The last report of each blast."""
    parts: dict[tuple[str, int], dict[int, BlastPart]] = {}
    for value in values(world, LAYOUT.topics.blasts):
        part = decode_blast_part(value)
        if part.what == "report":
            parts.setdefault((part.blast, part.version), {})[part.part] = part
    return {
        blast: json.loads(join_document(parts[blast, version].values()).content) for blast, version in sorted(parts)
    }


def assert_all_is_there(world: World, example: str) -> None:
    assert list(versions(world).values()) == expected(example, "changes.jsonl")
    rows = [decode_unit(value) for value in compacted(world, LAYOUT.topics.units).values()]
    units = {row.unit: {"system": row.system, "unit": row.unit, **row.fields} for row in rows}
    assert units == {unit["unit"]: unit for unit in expected(example, "units.jsonl")}
    closed = [report for report in expected(example, "blasts.jsonl") if report["closed"] is not None]
    found = reports(world)
    assert [found[report["blast"]] for report in closed] == closed
    reasons = {
        (row.offset, row.reason) for row in (decode_rejected(value) for value in values(world, LAYOUT.topics.rejected))
    }
    assert len(reasons) == folded(example_records(example)).rejected.total()


def assert_tables_agree(world: World) -> None:
    """What is on disk is what the changelogs say."""
    for table, topic in ((UNITS_TABLE, LAYOUT.topics.units), (STATE_TABLE, LAYOUT.state)):
        store = world.stores.open(table, P)
        assert store.table == compacted(world, topic)
        assert store.position == len(world.log.topics[topic, P])


def assert_hash_is_the_oracles(world: World, example: str) -> None:
    oracle = folded(example_records(example)).system
    take_rows(oracle)
    row = decode_system(compacted(world, LAYOUT.topics.systems)[SYSTEM.encode()])
    assert (row.version, row.time, row.state_hash) == (oracle.version, oracle.time, state_hash(oracle))
    assert row.offset == len(LINES[example]) - 1 or folded(example_records(example)).rejected


@pytest.mark.parametrize("transactions", [True, False], ids=["transactions", "none"])
@pytest.mark.parametrize("example", EXAMPLES)
async def test_an_undisturbed_life(example: str, transactions: bool) -> None:
    world = world_with(LINES[example], transactions=transactions)
    await live(world)
    assert_all_is_there(world, example)
    assert_tables_agree(world)
    assert_hash_is_the_oracles(world, example)
    assert world.journal.committed == {(PACKETS, P): len(LINES[example])}


@settings(max_examples=60)
@given(
    deaths=st.lists(st.tuples(st.integers(1, 900), st.booleans(), st.booleans()), min_size=1, max_size=4),
    batch=st.integers(3, 20),
    transactions=st.booleans(),
)
def test_killed_at_any_step_it_ends_up_the_same(
    deaths: list[tuple[int, bool, bool]], batch: int, transactions: bool
) -> None:
    async def lives() -> None:
        world = world_with(LINES[CAPTURE], transactions=transactions)
        for cut_at, late, keep_disk in deaths:
            world.restart(Power(cut_at, late=late), keep_disk=keep_disk)
            try:
                await live(world, batch=batch)
            except PowerCut:
                continue
        world.restart(Power(), keep_disk=deaths[-1][2])
        await live(world, batch=batch)
        assert_all_is_there(world, CAPTURE)
        assert_tables_agree(world)
        assert_hash_is_the_oracles(world, CAPTURE)

    asyncio.run(lives())


async def test_a_checkpoint_says_from_where_on_later_events_are_found() -> None:
    world = world_with(LINES[CAPTURE][:20])
    keeper = await live(world)
    row = decode_system(compacted(world, LAYOUT.topics.systems)[SYSTEM.encode()])
    await keeper.take(Batch(PACKETS, P, 20, LINES[CAPTURE][20:]))
    await keeper.checkpoint()
    told = [decode_change(value).version for value in values(world, LAYOUT.topics.changes)]
    assert row.changes_offset is not None
    assert set(range(row.version + 1, told[-1] + 1)) <= set(told[row.changes_offset :])


async def test_events_told_before_a_crash_are_found_when_another_journal_goes_ahead() -> None:
    """The order between two journals is nobody's: one may add events while the other's are still folded again."""
    layout, more = Layout.with_prefix("t.", (PACKETS, "t.more")), "t.more"
    world, lines, other = World(transactions=True), LINES[CAPTURE], log_lines(example_records("HYDRA"), "other")
    world.log.topics[PACKETS, P], world.log.topics[more, P] = list(lines), list(other)
    care = Care(RING, world.ports, layout, 5_000, Metrics())

    async def started() -> PartitionKeeper:
        world.restart(Power(), keep_disk=True)
        keeper = PartitionKeeper(P, care._replace(ports=world.ports))
        await keeper.restore()
        return keeper

    first = await started()
    await first.take(Batch(PACKETS, P, 0, lines[:20]))
    await first.checkpoint()
    await first.take(Batch(PACKETS, P, 20, lines[20:]))
    await first._events.flush()  # killed here: told, and in no checkpoint
    second = await started()
    await second.take(Batch(more, P, 0, other))
    await second._events.flush()
    await second.checkpoint()  # and here
    row = decode_system(compacted(world, layout.topics.systems)[b"other"])
    third = await started()
    await third.take(Batch(PACKETS, P, 20, lines[20:]))
    await third.checkpoint()
    told = [decode_change(value) for value in values(world, layout.topics.changes)]
    versions = [change.version for change in told if change.system == SYSTEM]
    assert versions == list(range(1, versions[-1] + 1)), "each told once"
    assert row.changes_offset is not None
    assert row.changes_offset <= min(at for at, change in enumerate(told) if change.system == "other")


async def test_files_of_another_life_of_the_log_are_not_used() -> None:
    """The embedded broker begins anew with each start, and the disk may hold what an older one was told."""
    world = world_with(LINES["AXXIS100"])
    await live(world)
    disk = world.stores.disk
    world = world_with(LINES[CAPTURE])
    await live(world)
    world.stores.disk = disk
    keeper = await live(world)
    await keeper.close()
    assert_all_is_there(world, CAPTURE)
    assert_tables_agree(world)


def spoil_a_row(table: dict[bytes, bytes]) -> None:
    damaged = next(key for key in table if key != MARKER_KEY and len(table[key]) > 20)
    table[damaged] = table[damaged][:-1] + b"?"


def lose_a_system(table: dict[bytes, bytes]) -> None:
    for key in [key for key in table if key != MARKER_KEY]:
        del table[key]


@pytest.mark.parametrize("damage", [spoil_a_row, lose_a_system])
async def test_damaged_files_are_restored_from_the_changelog(damage: Callable[[dict[bytes, bytes]], None]) -> None:
    world = world_with(LINES[CAPTURE][:20])
    await live(world)
    damage(world.stores.open(STATE_TABLE, P).table)
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    await live(world)
    assert_all_is_there(world, CAPTURE)
    assert_tables_agree(world)


async def test_a_damaged_changelog_is_made_good_from_the_journal() -> None:
    world = world_with(LINES[CAPTURE][:20])
    await live(world)
    damage_changelog(world)
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    await live(world)
    assert_all_is_there(world, CAPTURE)
    assert_tables_agree(world)
    assert_hash_is_the_oracles(world, CAPTURE)


def damage_changelog(world: World) -> None:
    lines = world.log.topics[LAYOUT.state, P]
    for at, line in enumerate(lines):
        if line.key != MARKER_KEY and line.value is not None:
            lines[at] = line._replace(value=line.value[:-1] + b"?")
    world.stores.disk.clear()


def trim_journal(world: World, patch: pytest.MonkeyPatch) -> None:
    """The journal says that it begins at offset 7."""
    bounds = world.log.bounds

    async def trimmed(topic: str, partition: int) -> Bounds:
        there = await bounds(topic, partition)
        return there._replace(start=7) if topic == PACKETS else there

    patch.setattr(world.log, "bounds", trimmed)


async def test_a_journal_that_lost_its_beginning_cannot_make_it_good(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with(LINES[CAPTURE])
    await live(world)
    damage_changelog(world)
    trim_journal(world, monkeypatch)
    with pytest.raises(HistoryTrimmed, match="begins at offset 7"):
        await live(world)


async def test_a_journal_shorter_than_its_state_is_refused() -> None:
    world = world_with(LINES[CAPTURE])
    await live(world)
    del world.log.topics[PACKETS, P][10:]
    with pytest.raises(JournalCutBack, match="ends at offset 10"):
        await live(world)


async def test_undisturbed_until_someone_else_writes_its_state() -> None:
    world = world_with(LINES[CAPTURE][:20], transactions=True)
    keeper = await live(world)
    assert await keeper.undisturbed()
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    mine = dict(world.stores.disk)
    world.stores.disk = {}
    await live(world)
    world.stores.disk = mine
    assert not await keeper.undisturbed()


class TestSilence:
    """A system whose records stop gets a tick, sealed as any record is."""

    async def silent(self) -> tuple[World, PartitionKeeper, int]:
        world = world_with(LINES[CAPTURE])
        keeper = await live(world)
        deadline = next_deadline(folded(example_records(CAPTURE)).system)
        assert deadline is not None
        world.clock.time_ms = world.log.now_ms = deadline + 5_000
        return world, keeper, deadline

    async def test_a_tick_at_the_end_of_the_journal(self) -> None:
        world, keeper, deadline = await self.silent()
        end = len(LINES[CAPTURE])
        world.journal.seen[PACKETS, P] = Progress(end, end, end)
        await keeper.append_ticks()
        await keeper.append_ticks()
        (tick,) = world.log.topics[PACKETS, P][end:]
        system, record = opened(tick)
        assert (system, record.created_at) == (SYSTEM, deadline)
        await keeper.take(Batch(PACKETS, P, end, [tick]))
        await keeper.checkpoint()
        assert versions(world)[len(expected(CAPTURE, "changes.jsonl")) + 1]["deadline"]

    async def test_none_while_there_is_more_to_read(self) -> None:
        world, keeper, _ = await self.silent()
        end = len(LINES[CAPTURE])
        world.journal.seen[PACKETS, P] = Progress(end, end, end + 1)
        await keeper.append_ticks()
        assert len(world.log.topics[PACKETS, P]) == end
        world.journal.seen[PACKETS, P] = Progress(end + 1, end, end + 1)
        await keeper.append_ticks()
        assert len(world.log.topics[PACKETS, P]) == end + 1


async def test_ready_when_read_to_the_end() -> None:
    world = world_with(LINES[CAPTURE])
    keeper = await live(world)
    end = len(LINES[CAPTURE])
    world.journal.seen[PACKETS, P] = Progress(end, end, end + 1)
    await keeper.look_around()
    assert not keeper.caught_up
    world.journal.seen[PACKETS, P] = Progress(end, end, end)
    await keeper.look_around()
    assert keeper.caught_up


async def test_a_reader_that_silently_stopped_is_noticed() -> None:
    world = world_with(LINES[CAPTURE])
    keeper = await live(world)
    end = len(LINES[CAPTURE])
    world.journal.seen[PACKETS, P] = Progress(end, end, end + 1)
    await keeper.look_around()
    world.clock.time_ms += STUCK_AFTER_MS + 1
    with pytest.raises(PartitionStuck, match=f"offset {end} of {end + 1}"):
        await keeper.look_around()
