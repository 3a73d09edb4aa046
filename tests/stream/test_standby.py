"""A standby follows another worker's partition onto its own disk. In a simulated world."""

from stateserver.stream.keeper import PartitionKeeper
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE
from stateserver.stream.ports import Batch
from stateserver.stream.standby import Standby
from stateserver.stream.worker import Worker
from tests.stream.journals import CAPTURE
from tests.stream.simulated import SimulatedStores, World
from tests.stream.test_keeper import LAYOUT, LINES, PACKETS, P, assert_tables_agree, care_for, live, world_with


def other_disk(world: World) -> SimulatedStores:
    """A second machine's disk, in the same world."""
    world.stores = SimulatedStores(world.log.power)
    return world.stores


async def test_it_has_what_the_changelogs_have() -> None:
    world = world_with(LINES[CAPTURE][:20], transactions=True)
    keeper = await live(world)
    theirs, ours = world.stores, other_disk(world)
    standby = Standby(P, world.ports, LAYOUT)
    await standby.follow()
    await keeper.take(Batch(PACKETS, P, 20, LINES[CAPTURE][20:]))
    await keeper.checkpoint()
    await standby.follow()
    for table in (STATE_TABLE, UNITS_TABLE):
        assert ours.disk[table, P].table == theirs.disk[table, P].table
        assert ours.disk[table, P].position == theirs.disk[table, P].position
    await standby.close()


async def test_it_begins_anew_with_another_log() -> None:
    world = world_with(LINES["AXXIS100"], transactions=True)
    await live(world)
    disk = other_disk(world)
    standby = Standby(P, world.ports, LAYOUT)
    await standby.follow()
    world.log.topics.clear()
    world.journal.committed.clear()
    world.log.topics[PACKETS, P] = list(LINES[CAPTURE])
    other_disk(world)
    await live(world)
    world.stores = disk
    for _ in range(3):
        await standby.follow()
    assert_tables_agree(world)


async def test_a_worker_stops_standing_by_for_what_becomes_its_own() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await (await live(world)).close()
    other_disk(world)
    worker = Worker(care_for(world))
    await worker.stand_by({P, P + 1})
    await worker.assign({P})
    assert worker.partitions == {P}
    assert worker.standing_by == {P + 1}
    await worker.stand_by(set())
    assert worker.standing_by == set()
    await worker.close()
    assert worker.partitions == set()


async def test_taking_over_reads_only_what_the_standby_lacks() -> None:
    world = world_with(LINES[CAPTURE], transactions=True)
    await (await live(world)).close()
    other_disk(world)
    standby = Standby(P, world.ports, LAYOUT)
    await standby.follow()
    await standby.close()
    starts: list[int] = []
    read = world.log.read

    def noted(topic: str, partition: int, start: int, end: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
        if topic == LAYOUT.state:
            starts.append(start)
        return read(topic, partition, start, end)

    world.log.read = noted  # type: ignore[method-assign]
    keeper = PartitionKeeper(P, care_for(world))
    await keeper.restore()
    assert starts == [len(world.log.topics[LAYOUT.state, P]) - 1]
    await keeper.close()
