"""Where a system stands at a checkpoint, as it lies in `systems` (spec page 4)."""

from typing import NamedTuple

from stateserver.codec.schemas import SCHEMAS


class SystemRow(NamedTuple):
    """A system at a checkpoint. Times in ms since 1970 (UTC).

    `offset` is the journal offset of the last record applied, `appended_at` Kafka's timestamp of it.
    `sources` has the last sequence of each source, `gaps` how many frames of each are missing, where any.
    `mode` is a name of `protocol.modes.Mode`, or of a later version's. `state_hash` is 16 bytes.
    `checkpointed_at` is the worker's own clock: every event up to `version` was written to `changes` before.
    From `changes_offset` on, same partition, all later ones are found (None: not known).
    """

    system: str
    version: int
    time: int | None
    mode: str | None
    partition: int
    offset: int
    appended_at: int | None
    counters: dict[str, int]
    sources: dict[str, int]
    gaps: dict[str, int]
    state_hash: bytes
    checkpointed_at: int
    changes_offset: int | None


def encode_system(row: SystemRow) -> bytes:
    """A system as a single-object value."""
    return SCHEMAS.encode("system", row._asdict())


def decode_system(value: bytes) -> SystemRow:
    """The system in a value, whatever version its schema has. Raises UnreadableValue."""
    return SystemRow(**SCHEMAS.decode("system", value))
