"""Units as they stand, as they lie in `units` (spec page 4). What is gone has a tombstone, no value."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from stateserver.codec.binary import long_bytes, read_long, read_string, string_bytes
from stateserver.codec.fields import LONGS, STRINGS, Remembered, field_bytes, fields_bytes, read_fields, read_name
from stateserver.codec.schemas import PREFIX_SIZE, SCHEMAS, UnwritableValue
from stateserver.domain.bank import BOOSTERS_TYPE_1, DETONATORS, REPORTED, Bank, ChildKind
from stateserver.domain.change import Fields
from stateserver.protocol.decode import WORD
from stateserver.protocol.layout import dotted_quad

_PREFIX: Final = SCHEMAS.version("unit", 1).prefix

_heads: Final = Remembered(lambda system: _PREFIX + string_bytes(system))
# Many units were first and last named by the same frames.
_times: Final = Remembered(long_bytes)
_tails: Final = Remembered(lambda parent: STRINGS["parent"] + string_bytes(parent) + b"\x00")
_first_seen: Final[Remembered[int]] = Remembered(lambda time: LONGS["first_seen"] + long_bytes(time))


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
        count = len(kind.show_flags(0)) + kind.has_delay + 7
        self.start = long_bytes(count) + field_bytes("type", kind.type.value) + LONGS["window_id"]
        self.identity = STRINGS[kind.identity] if kind is DETONATORS else LONGS[kind.identity]
        self.delay = LONGS["delay"] if kind.has_delay else b""
        self.flags = [self._flags_to_as_of(kind, flags) for flags in range(256)]

    @staticmethod
    def _flags_to_as_of(kind: ChildKind, flags: int) -> bytes:
        shown = {**kind.show_flags(flags), "communication_status": bool(flags & kind.answering)}
        return b"".join(field_bytes(name, value) for name, value in shown.items()) + LONGS["as_of"]


_FORMS: Final = {kind.type: _WindowForm(kind) for kind in (DETONATORS, BOOSTERS_TYPE_1)}


def encode_windows(system: str, bank: Bank, windows: Iterable[int]) -> list[tuple[bytes, bytes | None]]:
    """Key and value of the units in some of a bank's windows, None for one that is gone.

    As unit_key and encode_unit make them: most of a worker's rows are those of detonators, so what they have in common
    is made once.
    """
    kind, form = bank.kind, _FORMS[bank.kind.type]
    is_quad, has_delay, labels = kind is DETONATORS, kind.has_delay, bank.labels
    identities, presence, words, versions = bank.identities, bank.presence, bank.words, bank.versions
    first_seen, as_of, prefix = bank.first_seen, bank.as_of, bank.prefix
    head, key_head, tail = _heads[system], f"{system}/".encode(), _tails[bank.parent]
    rows: list[tuple[bytes, bytes | None]] = []
    for window in windows:
        path = f"{prefix}{window}".encode()
        if window not in bank:
            rows.append((key_head + path, None))
            continue
        identity = identities[window]
        if identity < 0 or presence[window] != REPORTED or window in labels:
            row = UnitRow(system, bank.path(window), versions[window], bank.fields(window))
            rows.append((key_head + path, encode_unit(row)))
            continue
        at = window * WORD
        value = (
            head,
            long_bytes(len(path)),
            path,
            long_bytes(versions[window]),
            form.start,
            long_bytes(window),
            _first_seen[first_seen[window]],
            form.identity,
            string_bytes(dotted_quad(identity)) if is_quad else long_bytes(identity),
            form.delay,
            long_bytes(words[at + 2] | words[at + 3] << 8) if has_delay else b"",
            form.flags[words[at + 1]],
            _times[as_of[window]],
            tail,
        )
        rows.append((key_head + path, b"".join(value)))
    return rows


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
            return _split_quickly(value)
        except (LookupError, ValueError):
            pass  # not the usual form: fastavro tells whether it is right
    row = UnitRow(**SCHEMAS.decode("unit", value))
    written = encode_unit(row)
    _, path_at = read_string(written, PREFIX_SIZE)
    _, behind = read_string(written, path_at)
    return RawUnit(row.system, row.unit, row.version, written[behind:])


def _split_quickly(value: bytes) -> RawUnit:
    # In one piece: a gateway that starts does it for each of a million rows.
    system, at = read_name(value, PREFIX_SIZE)
    size = value[at]
    if size & 0x81:
        raise LookupError("a path that is longer than usual")
    end = at + 1 + (size >> 1)
    version = value[end]
    version = version >> 1 if not version & 0x81 else read_long(value, end)[0]
    # tuple.__new__ takes a third of the time that the class's own constructor does.
    return tuple.__new__(RawUnit, (system, value[at + 1 : end].decode(), version, value[end:]))


def _read_quickly(value: bytes) -> UnitRow:
    system, at = read_name(value, PREFIX_SIZE)
    unit, at = read_string(value, at)
    version, at = read_long(value, at)
    fields, at = read_fields(value, at)
    if at != len(value):
        raise ValueError("bytes follow its end")
    return UnitRow(system, unit, version, fields)
