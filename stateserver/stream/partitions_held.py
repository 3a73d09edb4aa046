"""Whether topics have as many partitions as when their state was made, also where all of them were given more alike."""

import asyncio

from stateserver.stream.errors import PartitionsChanged
from stateserver.stream.last_marker import last_marker
from stateserver.stream.layout import Layout
from stateserver.stream.place import Place
from stateserver.stream.ports import Log
from stateserver.stream.state_rows import DamagedRow


async def check_partitions(log: Log, layout: Layout) -> None:
    """Ask the state of every partition. Raises PartitionsChanged, and what the log raises."""
    there = layout.partitions or 0
    for made_for in await asyncio.gather(*(_made_for(Place(number, log, layout)) for number in range(there))):
        if made_for is not None and made_for != there:
            raise PartitionsChanged(dict.fromkeys(layout.journals, there), made_for)


async def _made_for(place: Place) -> int | None:
    """How many partitions there were when its state was written; None where it doesn't say."""
    try:
        marker = await last_marker(place)
    except DamagedRow:
        return None  # who restores it finds out
    return None if marker is None else marker.partitions
