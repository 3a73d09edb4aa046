"""Claims of commands as they lie in `claims`: gateways agree by them on which command a client's own id stands for."""

from typing import NamedTuple

from stateserver.codec.schemas import SCHEMAS


class Claim(NamedTuple):
    """A command that carries a client's own id, as far as a gateway has come with it.

    `digest` is that of what was asked for, `at` its time (ms since 1970), `after` the version of the system known then.
    `value` is the sealed record, for the system's partition of `topic`, where it lies at `placed`, behind `behind`.
    `outcome`, `version` and `why` say what became of it. What is not known yet is None.
    """

    system: str
    actor: str
    id: str
    digest: bytes
    at: int
    after: int
    topic: str
    behind: int
    value: bytes
    placed: int | None = None
    outcome: str | None = None
    version: int | None = None
    why: str | None = None


def encode_claim(claim: Claim) -> bytes:
    """The value of its record."""
    return SCHEMAS.encode("claim", claim._asdict())


def decode_claim(value: bytes) -> Claim:
    """The claim in a value, whatever version its schema has. Raises UnreadableValue."""
    return Claim(**SCHEMAS.decode("claim", value))
