"""A partition, and what it is read with."""

from typing import NamedTuple

from stateserver.stream.layout import Layout
from stateserver.stream.ports import Log


class Place(NamedTuple):
    """One partition number, in every topic."""

    partition: int
    log: Log
    layout: Layout
