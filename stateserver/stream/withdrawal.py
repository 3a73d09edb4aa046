"""Withdrawing all that was told of a partition, so that it is told anew from its journal: another history, another era.

Events have versions, and a version one content. Where the rules of another release, a key that was missing, or a state
that was lost make them other ones, what was told can't be mended piece by piece. So all of it is taken back, and the
worker begins again at the journal's beginning, as if for the first time. What readers are told from then on names its
era, so nobody takes a new event for a repeat of an old one (see `codec.era`).

Three steps, each safe to be cut off, by whoever has the partition's pen:

1. in one transaction the state becomes that of nothing, in a new era, with the positions at the journal's beginning,
   and no system is told of any more. Its marker says what is still to be taken away. From here on there is no way
   back, and every restore goes on with step 2 before anything else;
2. all rows of the tables are struck out, and the records of `changes`, `history` and `rejected` deleted that were there
   at step 1. Done again, it does nothing more;
3. the marker no longer says so.

Then the journal is folded and checkpointed as ever. What a worker that was taken for dead still appends to `changes`,
which nothing fences, is of an earlier era, and readers pass it over.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from stateserver.codec.era import FIRST_ERA, era_headers, era_of
from stateserver.stream.errors import BEGIN_ELSEWHERE, CannotRebuild
from stateserver.stream.place import Place
from stateserver.stream.ports import Pen, Row, Sheet
from stateserver.stream.state_rows import MARKER_KEY, Marker, new_lineage, stands_for

ROWS_AT_ONCE: Final = 50_000
"""So many are struck out in a transaction: it is over long before its limit."""


async def journal_beginnings(place: Place, before: Marker | None) -> dict[str, int]:
    """Where the fold is to begin, by topic.

    `before` is what the state stands for, None where that is lost. Raises CannotRebuild where it would not lead to it.
    """
    began = {} if before is None else before.began or {}
    unread = set() if before is None else before.positions.keys() - set(place.layout.journals)
    if unread:
        raise CannotRebuild(
            f"partition {place.partition}: its state also comes of {', '.join(sorted(unread))}",
            "name every journal that the workers read, or have read, in STATESERVER_PACKETS_TOPICS",
        )
    starts = {topic: (await place.log.bounds(topic, place.partition)).start for topic in place.layout.journals}
    for topic, start in starts.items():
        if start > began.get(topic, 0):
            raise CannotRebuild(
                f"partition {place.partition} of {topic} begins at offset {start}: what came before can't be told anew",
                BEGIN_ELSEWHERE,
            )
    return starts


async def check_deletion(place: Place) -> None:
    """Raises DeletionRefused where what was told could not be deleted; deletes nothing."""
    for topic in _told(place):
        await place.log.delete_before(topic, place.partition, (await place.log.bounds(topic, place.partition)).start)


async def begin_anew(place: Place, pen: Pen, before: Marker | None, now_ms: int) -> Marker:
    """Step 1. The new marker. Raises CannotRebuild and DeletionRefused, and then nothing has changed; Fenced."""
    partition, layout = place.partition, place.layout
    if not pen.commits:
        raise CannotRebuild(
            f"what was told of partition {partition} can't be withdrawn: this broker has no transactions, and deletes "
            "no records",
            "the embedded broker is for the demo and for tests: start it anew, and fill its journal again",
        )
    starts = await journal_beginnings(place, before)
    await check_deletion(place)
    withdraws = {topic: (await place.log.bounds(topic, partition)).end for topic in _told(place)}
    told_in = await latest_era(place) if before is None else before.era
    marker = Marker(
        starts,
        new_lineage(),
        changes_offset=withdraws[layout.topics.changes],
        whole=True,
        systems=0,
        era=max(now_ms, told_in + 1),
        began=starts,
        partitions=layout.partitions,
        withdraws=withdraws,
    )
    systems = _struck_out(await live_keys(place, layout.topics.systems))
    sheets = [Sheet(layout.topics.systems, systems, era_headers(marker.era)), _marker_sheet(place, marker)]
    await pen.write(sheets, _positions(place, starts))
    return marker


class Finished(NamedTuple):
    """The marker from which to go on, and the offset behind it in the state's changelog."""

    marker: Marker
    end: int


async def finish(place: Place, pen: Pen, marker: Marker) -> Finished:
    """Steps 2 and 3, of a marker that `withdraws`. Raises as `begin_anew`."""
    layout, positions = place.layout, _positions(place, marker.positions)
    for topic in (layout.topics.units, layout.topics.blasts, layout.state):
        gone = await live_keys(place, topic)
        headers = stands_for(marker.positions) if topic == layout.state else era_headers(marker.era)
        for rows in _pieces(_struck_out(gone)):
            await pen.write([Sheet(topic, rows, headers)], positions)
    for topic, end in (marker.withdraws or {}).items():
        await place.log.delete_before(topic, place.partition, end)
    done = marker._replace(withdraws=None)
    ends = await pen.write([_marker_sheet(place, done)], positions)
    return Finished(done, ends[layout.state])


async def live_keys(place: Place, topic: str) -> list[bytes]:
    """The keys of a compacted topic that have a value, but for the marker's, in order."""
    bounds = await place.log.bounds(topic, place.partition)
    keys: set[bytes] = set()
    async for records in place.log.read(topic, place.partition, bounds.start, bounds.end):
        for record in records:
            if record.value is None:
                keys.discard(record.key or b"")
            elif record.key is not None:
                keys.add(record.key)
    return sorted(keys - {MARKER_KEY})


async def latest_era(place: Place) -> int:
    """The era of what was told, where no marker says it: rows of `systems` do, what struck them out, and events."""
    latest = FIRST_ERA
    for topic in (place.layout.topics.systems, place.layout.topics.changes):
        bounds = await place.log.bounds(topic, place.partition)
        async for records in place.log.read(topic, place.partition, bounds.start, bounds.end):
            latest = max(latest, *(era_of(record.headers) for record in records))
    return latest


def _told(place: Place) -> tuple[str, str, str]:
    topics = place.layout.topics
    return topics.changes, topics.history, topics.rejected


def _marker_sheet(place: Place, marker: Marker) -> Sheet:
    return Sheet(place.layout.state, [Row(MARKER_KEY, marker.encode())], stands_for(marker.positions))


def _positions(place: Place, positions: Mapping[str, int]) -> dict[tuple[str, int], int]:
    return {(topic, place.partition): offset for topic, offset in positions.items()}


def _struck_out(keys: Iterable[bytes]) -> list[Row]:
    return [Row(key, None) for key in keys]


def _pieces(rows: Sequence[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while piece := list(islice(left, ROWS_AT_ONCE)):
        yield piece
