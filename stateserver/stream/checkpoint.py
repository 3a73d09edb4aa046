"""Making a partition's state durable: one cut, written in an order that is safe wherever it is cut off.

Four steps, each begun when the one before is safe:

1. the events that led to the cut: who finds a state finds its events;
2. in one transaction, where the broker has them: what others read (`units`, `blasts`, `systems`, and in `history`
   systems as they stood), the state's rows,
   the marker that makes these rows the state, and the group's position in the journal. Without transactions they
   are written in this order: until the marker is there, a restore begins from the marker before, and what is
   repeated is identical;
3. the tables on disk, each with its changelog position: they may lag behind the changelog, never lead it;
4. without transactions, the group's position: it tells others how far we are, a restore goes by the marker.
"""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from stateserver.codec.blast import encode_blast
from stateserver.codec.era import era_headers
from stateserver.codec.still import Still, encode_still
from stateserver.codec.system import encode_system
from stateserver.codec.topics import system_key
from stateserver.domain.blast import BlastStage
from stateserver.stream.disk_copy import DiskCopy
from stateserver.stream.layout import Layout
from stateserver.stream.outbox import Outbox
from stateserver.stream.partition import Cut
from stateserver.stream.ports import Pen, Ports, Row, Sheet
from stateserver.stream.state_rows import MARKER_KEY, Marker, stands_for

LARGE_SNAPSHOT = 1 << 20
"""From that size on a snapshot or a still is compressed in a thread, bytes."""


class Events(NamedTuple):
    """Where a partition's events go out."""

    changes: Outbox
    rejected: Outbox

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be written."""
        return self.changes.waiting_bytes + self.rejected.waiting_bytes

    @property
    def full(self) -> bool:
        """Whether no more should be put for now."""
        return self.changes.full or self.rejected.full

    async def room(self) -> None:
        """Wait until more may be put."""
        await asyncio.gather(self.changes.room(), self.rejected.room())

    async def flush(self) -> None:
        """Wait until all put so far are safe."""
        await asyncio.gather(self.changes.flush(), self.rejected.flush())


class Copies(NamedTuple):
    """A partition's tables on disk."""

    state: DiskCopy
    units: DiskCopy


async def write_checkpoint(
    partition: int, cut: Cut, before: Marker, ports: Ports, layout: Layout, events: Events, pen: Pen, copies: Copies
) -> None:
    """Write a cut, which goes on from the marker `before`; see the four steps above.

    Raises what the ports raise: the partition must then start anew.
    """
    topics, headers, era = layout.topics, stands_for(cut.positions), era_headers(before.era)
    positions = {(topic, partition): cut.positions[topic] for topic in layout.journals}

    await events.flush()

    marker = before._replace(
        positions=cut.positions, changes_offset=cut.changes_offset, whole=pen.commits, systems=cut.held
    )
    state = [*cut.state, Row(MARKER_KEY, marker.encode())]
    sheets = [
        Sheet(topics.units, cut.units, headers),
        Sheet(topics.blasts, await _blast_rows(cut.blasts)),
        Sheet(topics.history, await _still_rows(cut.stills), era),
        Sheet(topics.systems, _system_rows(cut, ports.clock.now_ms()), (*headers, *era)),
        Sheet(layout.state, state, headers),
    ]
    ends = await pen.write(sheets, positions)

    origin = bytes.fromhex(marker.lineage)
    if topics.units in ends:
        await copies.units.keep_up(cut.units, ends[topics.units], origin)
    await copies.state.keep_up(state, ends[layout.state], origin)

    if not pen.commits:
        await ports.journal.commit(positions)


def _system_rows(cut: Cut, now_ms: int) -> list[Row]:
    return [
        Row(
            system_key(row.system),
            encode_system(row._replace(checkpointed_at=now_ms, changes_offset=cut.changes_offset)),
        )
        for row in cut.systems
    ]


async def _still_rows(stills: Iterable[Still]) -> list[Row]:
    rows: list[Row] = []
    for still in stills:
        large = len(still.data) > LARGE_SNAPSHOT
        values = await asyncio.to_thread(encode_still, still) if large else encode_still(still)
        rows.extend(Row(system_key(still.system), value) for value in values)
    return rows


async def _blast_rows(blasts: list[tuple[str, BlastStage]]) -> list[Row]:
    rows: list[Row] = []
    for system, stage in blasts:
        large = stage.snapshot is not None and len(stage.snapshot) > LARGE_SNAPSHOT
        encoded = await asyncio.to_thread(encode_blast, system, stage) if large else encode_blast(system, stage)
        rows.extend(Row(key, value) for key, value in encoded)
    return rows
