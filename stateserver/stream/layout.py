"""Which topics a worker reads and writes."""

from typing import NamedTuple

from stateserver.codec.topics import Topics

STATE_TABLE = "state"
UNITS_TABLE = "units"


class Layout(NamedTuple):
    """`journals` are the topics to read; `state` is the changelog of the table that restores the systems.

    `partitions` is how many each topic has, once that is known: by it keys find their partition, so it must stay.
    """

    journals: tuple[str, ...]
    topics: Topics
    state: str
    partitions: int | None = None

    @classmethod
    def with_prefix(cls, prefix: str, journals: tuple[str, ...]) -> "Layout":
        """The prefix with its dot, as in Topics."""
        return cls(journals, Topics.with_prefix(prefix), prefix + STATE_TABLE)
