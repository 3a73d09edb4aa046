"""A partition in another worker's care, followed onto our disk: whoever takes it over then has little left to read."""

import asyncio

from stateserver.stream.disk_copy import DiskCopy
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE, Layout
from stateserver.stream.ports import Ports


class Standby:
    """Copies of a partition's tables. Raises StoreInUse where another process has the files."""

    def __init__(self, partition: int, ports: Ports, layout: Layout) -> None:
        self._partition = partition
        self._log = ports.log
        self._state = DiskCopy(STATE_TABLE, layout.state, partition, ports)
        self._units = DiskCopy(UNITS_TABLE, layout.topics.units, partition, ports)

    async def follow(self) -> None:
        """Read what its changelogs have got since the last time. Raises what the log raises."""
        for copy in (self._state, self._units):
            end = (await self._log.bounds(copy.topic, self._partition)).end
            if copy.head != end or (end and not copy.position):
                copy.head = end
                # The state's cuts name the log that they are of; where that changes, the units are read anew too.
                await copy.catch_up(self._state.lineage)

    async def close(self) -> None:
        """Close the files: the partition is to be ours, or no longer our concern."""
        await asyncio.gather(self._state.close(), self._units.close())
