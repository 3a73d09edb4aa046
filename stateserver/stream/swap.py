"""The tables of a partition, made anew from its journal, in place of the live ones: whole, or not at all.

The fold comes first, beside the workers (see `fresh_tables`). Then the partition's pen is taken, which fences its
worker; what that one did meanwhile is folded too; and one transaction writes what differs, strikes out what should not
be there, and ends with a marker at the very cut that the live tables stood for. So wherever it is killed, the live
tables are as they were, or all are new; and the worker, started again, goes on from either.

Without transactions nobody is fenced and a swap may be cut off: nobody may work then, and it is to be run again.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from stateserver.codec.era import era_headers
from stateserver.codec.system import encode_system
from stateserver.codec.topics import system_key
from stateserver.security.keyring import KeyRing
from stateserver.stream.errors import CannotRebuild, CannotSwap, EventsDiffer, Fenced, ToldOtherwise, WorkersAtWork
from stateserver.stream.fresh_tables import LiveTable, Passed, Rebuilding
from stateserver.stream.place import Place
from stateserver.stream.ports import Pen, Row, Sheet
from stateserver.stream.state_rows import MARKER_KEY, DamagedRow, Marker, new_lineage, stands_for, swapped_rows
from stateserver.stream.withdrawal import journal_beginnings


class Swapped(NamedTuple):
    """What was done: how many systems there are, and how many rows differed, by table."""

    partition: int
    systems: int
    differing: dict[str, int]


class Live(NamedTuple):
    """The live tables of a partition."""

    units: LiveTable
    blasts: LiveTable
    systems: LiveTable
    state: LiveTable

    async def read_on(self) -> Marker | None:
        """Take in what they have got since; the state's last marker. Raises CannotSwap, and what the log raises."""
        # The state first: what its checkpoints wrote is in all tables that are read after it.
        try:
            for table in (self.state, self.units, self.blasts, self.systems):
                await table.read_on()
        except DamagedRow as trouble:
            raise CannotSwap(
                f"its last checkpoint can't be told: {trouble}", "a worker makes it good from the journal by itself"
            ) from trouble
        return self.state.marker


class Surroundings(NamedTuple):
    """`group_at_work` tells whether workers are in the group, `now_ms` the present.

    `strike_stills` deletes all that `history` holds of the partition.
    """

    ring: KeyRing
    group_at_work: Callable[[], Awaitable[bool]]
    strike_stills: Callable[[], Awaitable[None]]
    now_ms: Callable[[], int]
    passed: Passed


async def swap_partition(place: Place, around: Surroundings) -> Swapped | None:
    """Make the tables anew and put them in place of the live ones; None where there are none yet.

    Raises CannotSwap, WorkersAtWork, ToldOtherwise, RecordStopsPartition, and what the log raises.
    """
    topics = place.layout.topics
    live = Live(
        *(LiveTable(place, topic) for topic in (topics.units, topics.blasts, topics.systems, place.layout.state))
    )
    marker = await live.read_on()
    if marker is None:
        return None
    starts = await _starts(place, marker)
    fold = Rebuilding(place, around.ring, starts, marker.era, live.blasts, around.passed)
    try:
        await fold.read_told()
        await fold.fold_to(marker.positions)
        fold.cut()
        await _check(place, around, live, fold)
        pen = await place.log.take_pen(place.partition)
        try:
            return await _swap(place, around, live, fold, marker, pen)
        finally:
            await pen.close()
    except EventsDiffer as trouble:
        raise ToldOtherwise(place.partition, trouble) from trouble
    except Fenced as trouble:
        raise CannotSwap(
            f"a worker was started and took partition {place.partition} back before all was written",
            "nothing of this partition was written; stop the workers for as long as the swap takes",
        ) from trouble


async def _check(place: Place, around: Surroundings, live: Live, fold: Rebuilding) -> None:
    """Readers were told all of it, and nobody goes on from a state that is wrong: what it tells can't be taken back.

    Raises ToldOtherwise and WorkersAtWork.
    """
    untold = fold.rebuilt.untold
    if untold is not None:
        raise ToldOtherwise(place.partition, f"the event {untold.version} of system {untold.system!r} was not told")
    if fold.rebuilt.states_that_differ(live.state) and await around.group_at_work():
        raise WorkersAtWork(place.partition, "the state that they go on from is not what the journal says")


async def _starts(place: Place, marker: Marker) -> dict[str, int]:
    """Where to begin to fold, by topic. Raises CannotSwap where that doesn't lead to what the tables stand for."""
    if marker.withdraws is not None:
        raise CannotSwap(
            f"what was told of partition {place.partition} is being withdrawn, and will be told anew",
            "start a worker: it goes on with that",
        )
    try:
        return await journal_beginnings(place, marker)
    except CannotRebuild as trouble:
        raise CannotSwap(trouble.message, trouble.hint) from trouble


async def _swap(place: Place, around: Surroundings, live: Live, fold: Rebuilding, before: Marker, pen: Pen) -> Swapped:
    if not pen.commits and await around.group_at_work():
        raise WorkersAtWork(place.partition, "this broker has no transactions that would keep them out")
    marker = await live.read_on()
    if marker is None or any(marker.positions.get(topic, -1) < at for topic, at in before.positions.items()):
        raise CannotSwap(f"partition {place.partition} was begun anew meanwhile", "try again")
    await _starts(place, marker)
    rebuilt = fold.rebuilt
    await fold.read_told()
    await fold.fold_to(marker.positions)
    fold.cut()
    await fold.check_what_was_told_since()
    await _check(place, around, live, fold)

    new_marker = marker._replace(
        positions=rebuilt.positions, lineage=new_lineage(), whole=pen.commits, systems=len(rebuilt.systems)
    )
    headers = stands_for(rebuilt.positions)
    systems = {
        system_key(name): encode_system(
            row._replace(checkpointed_at=around.now_ms(), changes_offset=marker.changes_offset)
        )
        for name, row in rebuilt.systems.items()
    }
    differing = {
        "units": live.units.differing(rebuilt.units),
        "blasts": rebuilt.blasts_that_differ(live.blasts),
    }
    states = rebuilt.states_that_differ(live.state)
    if states:
        # They may be of the state that was wrong. Before the swap, as killed in between, too few are better.
        await around.strike_stills()
    await pen.write(
        [
            Sheet(place.layout.topics.units, differing["units"], headers),
            Sheet(place.layout.topics.blasts, differing["blasts"]),
            Sheet(place.layout.topics.systems, live.systems.replacing(systems), (*headers, *era_headers(marker.era))),
            Sheet(
                place.layout.state,
                [*live.state.replacing(rebuilt.state), Row(MARKER_KEY, new_marker.encode())],
                swapped_rows(rebuilt.positions, new_marker.lineage),
            ),
        ],
        {(topic, place.partition): rebuilt.positions[topic] for topic in place.layout.journals},
    )
    counts = {table: len(rows) for table, rows in differing.items()} | {"state": states}
    return Swapped(place.partition, len(rebuilt.systems), counts)
