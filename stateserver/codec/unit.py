"""Units as they stand, as they lie in `units` (spec page 4). What is gone has a tombstone, no value."""

from typing import Final, NamedTuple

from stateserver.codec.binary import long_bytes, read_long, read_string, string_bytes
from stateserver.codec.fields import LONGS, STRINGS, Remembered, field_bytes, fields_bytes, read_fields, read_name
from stateserver.codec.schemas import PREFIX_SIZE, SCHEMAS, UnwritableValue
from stateserver.domain.bank import BOOSTERS_TYPE_1, DETONATORS, Bank, ChildKind
from stateserver.domain.change import Fields
from stateserver.protocol.decode import WORD
from stateserver.protocol.layout import dotted_quad

_PREFIX: Final = SCHEMAS.version("unit", 1).prefix

_heads: Final = Remembered(lambda system: _PREFIX + string_bytes(system))
_times: Final = Remembered(long_bytes)  # many units were last named by the same frame


class UnitRow(NamedTuple):
    """A unit as it stands. `unit` is its path, `version` that of the event that last changed it."""

    system: str
    unit: str
    version: int
    fields: Fields


class RawUnit(NamedTuple):
    """A unit of which only the head was read. `raw` is what follows its path in a value: version and fields."""

    system: str
    unit: str
    version: int
    raw: bytes

    def value(self) -> bytes:
        """The whole value again."""
        return b"".join((_heads[self.system], string_bytes(self.unit), self.raw))


def encode_unit(row: UnitRow) -> bytes:
    """A unit as a single-object value. Written by hand, as the worker writes several a packet."""
    system, unit, version, fields = row
    try:
        return b"".join((_heads[system], string_bytes(unit), long_bytes(version), fields_bytes(fields)))
    except (OverflowError, UnicodeEncodeError, TypeError) as trouble:
        raise UnwritableValue(f"unit {unit} of {system!r} does not fit its schema: {trouble}") from trouble


class _WindowForm:
    """What the rows of all units in windows of one kind, with identity and data, have in common.

    In the order of `Bank.fields`, which the rows follow.
    """

    def __init__(self, kind: ChildKind) -> None:
        self.flags = [self._encode(kind, flags) for flags in range(256)]
        count = len(kind.show_flags(0)) + kind.has_delay + 7
        self.start = long_bytes(count) + field_bytes("type", kind.type.value) + LONGS["window_id"]
        self.identity = STRINGS[kind.identity] if kind is DETONATORS else LONGS[kind.identity]

    @staticmethod
    def _encode(kind: ChildKind, flags: int) -> bytes:
        shown = {**kind.show_flags(flags), "communication_status": bool(flags & kind.answering)}
        return b"".join(field_bytes(name, value) for name, value in shown.items())


_FORMS: Final = {kind.type: _WindowForm(kind) for kind in (DETONATORS, BOOSTERS_TYPE_1)}


def encode_window(system: str, bank: Bank, window: int) -> bytes:
    """As encode_unit, for the unit in a window: most of a worker's rows are those of detonators."""
    kind, identity = bank.kind, bank.identity(window)
    if identity is None or window in bank.labels or not bank.is_reported(window):
        return encode_unit(UnitRow(system, bank.path(window), bank.versions[window], bank.fields(window)))
    form, words, at = _FORMS[kind.type], bank.words, window * WORD
    return b"".join(
        (
            _heads[system],
            string_bytes(bank.path(window)),
            long_bytes(bank.versions[window]),
            form.start,
            long_bytes(window),
            LONGS["first_seen"],
            _times[bank.first_seen[window]],
            form.identity,
            string_bytes(dotted_quad(identity)) if kind is DETONATORS else long_bytes(identity),
            LONGS["delay"] + long_bytes(words[at + 2] | words[at + 3] << 8) if kind.has_delay else b"",
            form.flags[words[at + 1]],
            LONGS["as_of"],
            _times[bank.as_of[window]],
            STRINGS["parent"],
            string_bytes(bank.parent),
            b"\x00",
        )
    )


def decode_unit(value: bytes) -> UnitRow:
    """The unit in a value, whatever version its schema has. Raises UnreadableValue."""
    if value.startswith(_PREFIX):
        try:
            return _read_quickly(value)
        except (LookupError, ValueError):
            pass  # not the usual form: fastavro tells whether it is right
    return UnitRow(**SCHEMAS.decode("unit", value))


def split_unit(value: bytes) -> RawUnit:
    """The unit in a value, its fields left as they are, unread. Raises UnreadableValue."""
    if value.startswith(_PREFIX):
        try:
            system, at = read_name(value, PREFIX_SIZE)
            unit, at = read_string(value, at)
            version, _ = read_long(value, at)
            return RawUnit(system, unit, version, value[at:])
        except (LookupError, ValueError):
            pass  # not the usual form: fastavro tells whether it is right
    row = UnitRow(**SCHEMAS.decode("unit", value))
    return split_unit(encode_unit(row))


def _read_quickly(value: bytes) -> UnitRow:
    system, at = read_name(value, PREFIX_SIZE)
    unit, at = read_string(value, at)
    version, at = read_long(value, at)
    fields, at = read_fields(value, at)
    if at != len(value):
        raise ValueError("bytes follow its end")
    return UnitRow(system, unit, version, fields)
