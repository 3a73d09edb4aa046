"""Making a partition's state durable: one cut, written in an order that is safe wherever it is cut off.

Five steps, each begun when the one before is safe:

1. the events that led to the cut: who finds a state finds its events;
2. what others read (`units`, `blasts`, `systems`) and the state's rows: repeated after a crash, they are identical;
3. the marker, which makes these rows the state: until it is there, a restore begins from the marker before;
4. the tables on disk, each with its changelog position: they may lag behind the changelog, never lead it;
5. the group's position in the journal: it tells others how far we are, a restore goes by the marker.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from stateserver.codec.blast import encode_blast
from stateserver.codec.system import encode_system
from stateserver.codec.topics import system_key
from stateserver.domain.blast import BlastStage
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE, Layout
from stateserver.stream.outbox import Outbox
from stateserver.stream.partition import Cut
from stateserver.stream.ports import Headers, Ports, Row
from stateserver.stream.state_rows import MARKER_KEY, Marker, stands_for

LARGE_SNAPSHOT = 1 << 20
"""From that size on a snapshot is compressed in a thread, bytes."""


class Events(NamedTuple):
    """Where a partition's events go out."""

    changes: Outbox
    rejected: Outbox

    async def flush(self) -> None:
        """Wait until all put so far are safe."""
        await asyncio.gather(self.changes.flush(), self.rejected.flush())


async def write_checkpoint(
    partition: int, cut: Cut, lineage: str, ports: Ports, layout: Layout, events: Events
) -> None:
    """Write a cut; see the five steps above. Raises what the ports raise: the partition must then start anew."""
    log, topics, headers = ports.log, layout.topics, stands_for(cut.positions)

    async def append(topic: str, rows: Sequence[Row], headers: Headers = ()) -> int | None:
        return await log.append(topic, partition, rows, headers) if rows else None

    await events.flush()

    systems = _system_rows(cut, ports.clock.now_ms(), events.changes.next_offset)
    blasts = await _blast_rows(cut.blasts)
    units_end, *_ = await asyncio.gather(
        append(topics.units, cut.units, headers),
        append(topics.blasts, blasts),
        append(topics.systems, systems),
        append(layout.state, cut.state, headers),
    )

    marker = Marker(cut.positions, lineage, events.changes.next_offset)
    marker_row = Row(MARKER_KEY, marker.encode())
    state_end = await log.append(layout.state, partition, [marker_row], headers)

    origin = bytes.fromhex(lineage)
    if units_end is not None:
        await ports.stores.open(UNITS_TABLE, partition).write(cut.units, units_end, origin)
    await ports.stores.open(STATE_TABLE, partition).write([*cut.state, marker_row], state_end, origin)

    await ports.journal.commit({(topic, partition): offset for topic, offset in cut.positions.items()})


def _system_rows(cut: Cut, now_ms: int, changes_offset: int | None) -> list[Row]:
    return [
        Row(
            system_key(row.system),
            encode_system(row._replace(checkpointed_at=now_ms, changes_offset=changes_offset)),
        )
        for row in cut.systems
    ]


async def _blast_rows(blasts: list[tuple[str, BlastStage]]) -> list[Row]:
    rows: list[Row] = []
    for system, stage in blasts:
        large = stage.snapshot is not None and len(stage.snapshot) > LARGE_SNAPSHOT
        encoded = await asyncio.to_thread(encode_blast, system, stage) if large else encode_blast(system, stage)
        rows.extend(Row(key, value) for key, value in encoded)
    return rows
