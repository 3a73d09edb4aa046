"""Records that could not be read, as they lie in `rejected` (spec page 4)."""

from typing import NamedTuple

from stateserver.codec.schemas import SCHEMAS


class RejectedRow(NamedTuple):
    """A record that could not be read, whole, and why. `appended_at` in ms since 1970, None where unknown.

    `reason` is a name of `protocol.reasons.Reason`, or of a later version's.
    """

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    appended_at: int | None
    key: bytes | None
    value: bytes | None


def encode_rejected(row: RejectedRow) -> bytes:
    """A rejection as a single-object value. Larger than the record by its detail and some 100 bytes."""
    return SCHEMAS.encode("rejected", row._asdict())


def decode_rejected(value: bytes) -> RejectedRow:
    """The rejection in a value, whatever version its schema has. Raises UnreadableValue."""
    return RejectedRow(**SCHEMAS.decode("rejected", value))
