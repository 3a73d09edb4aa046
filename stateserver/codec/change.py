"""Change events as they lie in `changes` (spec page 4)."""

from collections.abc import Iterable, Sequence
from typing import Final

from stateserver.codec.binary import long_bytes, read_long, read_string, string_bytes
from stateserver.codec.fields import BOOLEANS, Remembered, fields_bytes, read_fields, read_name, shared_fields_bytes
from stateserver.codec.schemas import PREFIX_SIZE, SCHEMAS, UnwritableValue
from stateserver.domain.change import Change

SYSTEM_TIME: Final = "time"
"""The header with the system's time once an event's record was applied, ms since 1970: where its own differs."""

_PREFIX: Final = SCHEMAS.version("change", 1).prefix
_NULL: Final = b"\x00"
_NO_FIELDS: Final = b"\x00"
_SECOND_BRANCH: Final = b"\x02"  # of ["null", something]
_FALSE: Final = b"\x00"
_TRUE: Final = b"\x01"

_heads: Final = Remembered(lambda system: _PREFIX + string_bytes(system))
_kinds: Final = Remembered(string_bytes)
_sources: Final = Remembered(lambda source: _SECOND_BRANCH + string_bytes(source))
# Sites have units of the same numbers, and many records are of the same moment.
_units: Final = Remembered(lambda unit: _SECOND_BRANCH + string_bytes(unit))
_times: Final = Remembered(long_bytes)


def encode_change(change: Change) -> bytes:
    """A change as a single-object value. Written by hand, as the worker writes several a packet."""
    system, version, at, kind, unit, before, after, source, sequence, deadline, details = change
    try:
        return b"".join(
            (
                _heads[system],
                long_bytes(version),
                long_bytes(at),
                _kinds[kind],
                _NULL if unit is None else _SECOND_BRANCH + string_bytes(unit),
                fields_bytes(before),
                fields_bytes(after),
                _NULL if source is None else _sources[source],
                _NULL if sequence is None else _SECOND_BRANCH + long_bytes(sequence),
                _TRUE if deadline else _FALSE,
                fields_bytes(details),
            )
        )
    except (OverflowError, UnicodeEncodeError, TypeError) as trouble:
        raise UnwritableValue(f"change {version} of {system!r} does not fit its schema: {trouble}") from trouble


def encode_changes(changes: Sequence[Change]) -> list[bytes]:
    """As encode_change, for all that one record caused: what they have in common is encoded once."""
    system, _, common_at, _, _, _, _, source, sequence, _, _ = changes[0]
    try:
        head, at_bytes = _heads[system], _times[common_at]
        tail = b"".join(
            (
                _NULL if source is None else _sources[source],
                _NULL if sequence is None else _SECOND_BRANCH + long_bytes(sequence),
                _FALSE,
                _NO_FIELDS,
            )
        )
        encoded = []
        for change in changes:
            _, version, at, kind, unit, before, after, _, _, deadline, details = change
            if deadline or details or at != common_at or unit is None:
                encoded.append(encode_change(change))
                continue
            encoded.append(
                b"".join(
                    (
                        head,
                        long_bytes(version),
                        at_bytes,
                        _kinds[kind],
                        _units[unit],
                        shared_fields_bytes(before),
                        shared_fields_bytes(after),
                        tail,
                    )
                )
            )
    except (OverflowError, UnicodeEncodeError, TypeError):
        return [encode_change(change) for change in changes]  # which tells what does not fit
    return encoded


def decode_change(value: bytes) -> Change:
    """The change in a value, whatever version its schema has. Raises UnreadableValue."""
    if value.startswith(_PREFIX):
        try:
            return _read_quickly(value)
        except (LookupError, ValueError):
            pass  # not the usual form: fastavro tells whether it is right
    return Change(**SCHEMAS.decode("change", value))


def time_bytes(time: int | None) -> bytes:
    """A system's time as the header has it; empty before its first frame or tick."""
    return b"" if time is None else b"%d" % time


def system_time(change: Change, headers: Iterable[tuple[str, bytes | None]]) -> int | None:
    """The system's time once the record that caused this event was applied, ms since 1970.

    None before the system's first frame or tick. Deadlines are told late, commands and late frames move no time: then
    it is not the event's own `at`.
    """
    for name, value in headers:
        if name == SYSTEM_TIME:
            return int(value) if value else None
    return change.at


def _read_quickly(value: bytes) -> Change:
    system, at = read_name(value, PREFIX_SIZE)
    version, at = read_long(value, at)
    time, at = read_long(value, at)
    kind, at = read_name(value, at)
    has_unit, at = _read_presence(value, at)
    unit, at = read_string(value, at) if has_unit else (None, at)
    before, at = read_fields(value, at)
    after, at = read_fields(value, at)
    has_source, at = _read_presence(value, at)
    source, at = read_name(value, at) if has_source else (None, at)
    has_sequence, at = _read_presence(value, at)
    sequence, at = read_long(value, at) if has_sequence else (None, at)
    deadline = BOOLEANS[value[at]]
    details, at = read_fields(value, at + 1)
    if at != len(value):
        raise ValueError("bytes follow its end")
    return Change(system, version, time, kind, unit, before, after, source, sequence, deadline, details)


def _read_presence(value: bytes, at: int) -> tuple[bool, int]:
    """Which branch of ["null", something] follows."""
    branch = value[at]
    if branch not in {0, 2}:
        raise ValueError(f"no branch {branch}")
    return branch == 2, at + 1
