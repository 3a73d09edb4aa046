"""Stills of systems as they lie in `history`: compressed, and cut into parts that lie one behind the other."""

import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from stateserver.codec.schemas import SCHEMAS

PART_BYTES_MAX: Final = 512 * 1024
STILL_BYTES_MAX: Final = 1024**3  # no system comes near; a broken part must not eat the memory
ENCODING: Final = "zlib"


class Still(NamedTuple):
    """A system at a checkpoint. `data` is what `domain.still` made of it; `time` in ms since 1970.

    From `changes_offset` on, same partition of `changes`, every event after `version` is found.
    """

    system: str
    version: int
    time: int | None
    mode: str | None
    changes_offset: int
    data: bytes


class StillPart(NamedTuple):
    """One part of it; `part` counts from 1 to `parts`."""

    system: str
    version: int
    time: int | None
    mode: str | None
    changes_offset: int
    part: int
    parts: int
    encoding: str
    data: bytes


def encode_still(still: Still) -> list[bytes]:
    """The values of a still's parts, in order."""
    compressed = zlib.compress(still.data, level=1)
    pieces = [compressed[at : at + PART_BYTES_MAX] for at in range(0, len(compressed), PART_BYTES_MAX)]
    return [
        SCHEMAS.encode("still", StillPart(*still[:-1], number, len(pieces), ENCODING, piece)._asdict())
        for number, piece in enumerate(pieces, start=1)
    ]


def decode_still_part(value: bytes) -> StillPart:
    """The part in a value, whatever version its schema has. Raises UnreadableValue."""
    return StillPart(**SCHEMAS.decode("still", value))


def join_still(parts: Sequence[StillPart]) -> Still | None:
    """The still of which these are the parts, in order; None where they are not all of one, or it can't be unpacked."""
    numbers = [(part.part, part.parts, part.version, part.encoding) for part in parts]
    if not parts or numbers != [(at, len(parts), parts[0].version, ENCODING) for at in range(1, len(parts) + 1)]:
        return None
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(b"".join(part.data for part in parts), STILL_BYTES_MAX)
    except zlib.error:
        return None
    return Still(*parts[0][:5], data) if unpacking.eof else None
