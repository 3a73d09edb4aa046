"""Units as they stand, as they lie in `units` (spec page 4). What is gone has a tombstone, no value."""

from typing import Final, NamedTuple

from stateserver.codec.binary import long_bytes, read_long, read_string, string_bytes
from stateserver.codec.fields import Remembered, fields_bytes, read_fields, read_name
from stateserver.codec.schemas import PREFIX_SIZE, SCHEMAS, UnwritableValue
from stateserver.domain.change import Fields

_PREFIX: Final = SCHEMAS.version("unit", 1).prefix

_heads: Final = Remembered(lambda system: _PREFIX + string_bytes(system))


class UnitRow(NamedTuple):
    """A unit as it stands. `unit` is its path, `version` that of the event that last changed it."""

    system: str
    unit: str
    version: int
    fields: Fields


def encode_unit(row: UnitRow) -> bytes:
    """A unit as a single-object value. Written by hand, as the worker writes several a packet."""
    system, unit, version, fields = row
    try:
        return b"".join((_heads[system], string_bytes(unit), long_bytes(version), fields_bytes(fields)))
    except (OverflowError, UnicodeEncodeError, TypeError) as trouble:
        raise UnwritableValue(f"unit {unit} of {system!r} does not fit its schema: {trouble}") from trouble


def decode_unit(value: bytes) -> UnitRow:
    """The unit in a value, whatever version its schema has. Raises UnreadableValue."""
    if value.startswith(_PREFIX):
        try:
            return _read_quickly(value)
        except (LookupError, ValueError):
            pass  # not the usual form: fastavro tells whether it is right
    return UnitRow(**SCHEMAS.decode("unit", value))


def _read_quickly(value: bytes) -> UnitRow:
    system, at = read_name(value, PREFIX_SIZE)
    unit, at = read_string(value, at)
    version, at = read_long(value, at)
    fields, at = read_fields(value, at)
    if at != len(value):
        raise ValueError("bytes follow its end")
    return UnitRow(system, unit, version, fields)
