"""Signs of life of the workers, a partition each, as they lie in `heartbeats`."""

from enum import StrEnum
from typing import Final, NamedTuple

from stateserver.codec.schemas import SCHEMAS

EVERY_S: Final = 2.0
"""How often a worker gives one."""
TROUBLED_MAX: Final = 20


class PartitionCondition(StrEnum):
    """How far a worker has come with a partition in its care."""

    RESTORING = "restoring"
    READING = "reading"
    LIVE = "live"
    STOPPED = "stopped"


class TroubledSource(NamedTuple):
    """A source all whose frames are of no use, for a minute or longer. `since` in ms since 1970.

    `system` and `source` are None where they could not be read. `why` is rejected or duplicates, `reason` a name of
    `protocol.reasons.Reason` where they are rejected, `frames` how many there were.
    """

    system: str | None
    source: str | None
    why: str
    reason: str | None
    frames: int
    since: int


class Heartbeat(NamedTuple):
    """One sign of life. Times in ms since 1970 (UTC), all but `clock` by the worker's own clock.

    `condition` is a name of `PartitionCondition`, or of a later version's, and `since` when it began. `positions` are
    journal offsets by topic: all before is applied and told. `clock` is the latest of all `systems` held. `worker`
    names the process, `held_since` when it was given the partition.
    """

    partition: int
    condition: str
    why: str | None
    since: int
    positions: dict[str, int]
    systems: int
    clock: int | None
    at: int
    worker: str
    version: str
    held_since: int
    troubled: list[TroubledSource]


def heartbeat_key(partition: int) -> bytes:
    return b"%d" % partition


def encode_heartbeat(beat: Heartbeat) -> bytes:
    """The value of its record."""
    troubled = [one._asdict() for one in beat.troubled[:TROUBLED_MAX]]
    return SCHEMAS.encode("heartbeat", beat._asdict() | {"troubled": troubled})


def decode_heartbeat(value: bytes) -> Heartbeat:
    """The sign of life in a value, whatever version its schema has. Raises UnreadableValue."""
    record = SCHEMAS.decode("heartbeat", value)
    return Heartbeat(**record | {"troubled": [TroubledSource(**one) for one in record["troubled"]]})
