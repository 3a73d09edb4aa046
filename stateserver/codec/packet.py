"""A record of the journal as it lies in `packets`: header in the clear, body sealed (spec page 4).

Two readers say the same. The quick one knows the usual form alone, in which names come back in record after
record, so it looks them up by their bytes; whatever it does not recognise goes to the strict one, which alone
rejects.
"""

from enum import StrEnum
from typing import NamedTuple, NoReturn

from stateserver.codec.binary import long_bytes, read_bytes, read_long, read_string, read_varint, string_bytes
from stateserver.codec.schemas import (
    PREFIX_SIZE,
    SCHEMAS,
    SchemaRegistry,
    UnreadableValue,
    UnwritableValue,
    read_body,
    write_value,
)
from stateserver.codec.topics import name_trouble, system_trouble
from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Reason, Rejected

NONCE_SIZE = 12
# What JSON, and so a browser, carries exactly.
SEQUENCE_MAX = 2**53 - 1


class Kind(StrEnum):
    """What a record of the journal seals: a frame, nothing but a time, an operator's command."""

    FRAME = "FRAME"
    TICK = "TICK"
    COMMAND = "COMMAND"


class PacketHeader(NamedTuple):
    """A record, still sealed. `created_at` in ms since 1970, not judged yet. The tag ends `ciphertext`.

    `associated_data` is the value's own bytes before the nonce: what the seal covers beside the body.
    """

    system: str
    source: str
    sequence: int
    created_at: int
    mode: Mode
    kind: Kind
    key_id: str
    nonce: bytes
    ciphertext: bytes
    associated_data: bytes


class UnwritablePacket(StateServerError):
    """A header that no reader would take."""


_SCHEMA = SCHEMAS.version("packet", 1)
_PREFIX = _SCHEMA.prefix
_MODES = tuple(Mode)
_KINDS = tuple(Kind)
# Bounds what records from strangers can make us remember.
_REMEMBERED_MAX = 4096

_names: dict[bytes, tuple[str, str]] = {}  # encoded system and source
_words: dict[bytes, tuple[Mode, Kind, str]] = {}  # encoded mode, kind and key id
# The top bits of a varint's first five bytes, summed: subtracting them at once beats masking them one by one.
_FIVE_TOP_BITS = sum(0x80 << shift for shift in range(0, 35, 7))


def read_packet(value: bytes, schemas: SchemaRegistry = SCHEMAS) -> PacketHeader:
    """A record's header and sealed body. Raises Rejected (bad_encoding), nothing else, whatever the bytes."""
    if not value.startswith(_PREFIX):
        return _read_other_version(value, schemas)
    try:
        return _read_quickly(value)
    except (LookupError, ValueError):
        return read_strictly(value)


def _read_quickly(value: bytes) -> PacketHeader:
    """Raises LookupError or ValueError for all that is not the usual form, be it right or wrong."""
    # Names of up to 63 bytes have lengths of one byte. What was remembered was found right, lengths included.
    source_at = PREFIX_SIZE + 1 + (value[PREFIX_SIZE] >> 1)
    names_end = source_at + 1 + (value[source_at] >> 1)
    system, source = _names[value[PREFIX_SIZE:names_end]]
    sequence, at = read_varint(value, names_end)
    # A time from 1971 to 2039 takes six bytes.
    b0, b1, b2, b3, b4, b5 = value[at : at + 6]
    if not (b0 & b1 & b2 & b3 & b4 & 0x80 and 0 < b5 < 0x80) or b0 & 1 or sequence & 1:
        raise LookupError
    created_at = (b0 + (b1 << 7) + (b2 << 14) + (b3 << 21) + (b4 << 28) + (b5 << 35) - _FIVE_TOP_BITS) >> 1
    nonce_at = at + 9 + (value[at + 8] >> 1)
    mode, kind, key_id = _words[value[at + 6 : nonce_at]]
    ciphertext_at = nonce_at + NONCE_SIZE
    size, start = read_varint(value, ciphertext_at)
    if start + (size >> 1) != len(value) or size & 1 or sequence > SEQUENCE_MAX:
        raise LookupError
    # tuple.__new__ takes a third of the time that the class's own constructor does.
    return tuple.__new__(
        PacketHeader,
        (
            system,
            source,
            sequence >> 1,
            created_at,
            mode,
            kind,
            key_id,
            value[nonce_at:ciphertext_at],
            value[start:],
            value[:nonce_at],
        ),
    )


def read_strictly(value: bytes) -> PacketHeader:
    """As read_packet, for values of the schema's first version. Remembers names for the quick reader."""
    try:
        system, at = read_string(value, PREFIX_SIZE)
        source, names_end = read_string(value, at)
        sequence, at = read_long(value, names_end)
        created_at, words_at = read_long(value, at)
        mode_index, at = read_long(value, words_at)
        kind_index, at = read_long(value, at)
        key_id, nonce_at = read_string(value, at)
        ciphertext_at = nonce_at + NONCE_SIZE
        ciphertext, end = read_bytes(value, ciphertext_at)
    except IndexError:
        _reject("truncated")
    except ValueError as trouble:
        _reject(f"truncated or broken: {trouble}")
    if end != len(value):
        _reject(f"{len(value) - end} bytes follow its end")
    if not (0 <= mode_index < len(_MODES) and 0 <= kind_index < len(_KINDS)):
        _reject(f"there is no mode {mode_index} or no kind {kind_index}")
    header = PacketHeader(
        system,
        source,
        sequence,
        created_at,
        _MODES[mode_index],
        _KINDS[kind_index],
        key_id,
        value[nonce_at:ciphertext_at],
        ciphertext,
        value[:nonce_at],
    )
    trouble_found = _header_trouble(system, source, key_id, sequence)
    if trouble_found is not None:
        _reject(trouble_found)
    _remember(header, value[PREFIX_SIZE:names_end], value[words_at:nonce_at])
    return header


def _remember(header: PacketHeader, names: bytes, words: bytes) -> None:
    if len(_names) >= _REMEMBERED_MAX or len(_words) >= _REMEMBERED_MAX:
        _names.clear()
        _words.clear()
    if max(len(header.system.encode()), len(header.source.encode()), len(header.key_id.encode())) < 64:
        _names[names] = header.system, header.source
        _words[words] = header.mode, header.kind, header.key_id


def _read_other_version(value: bytes, schemas: SchemaRegistry) -> PacketHeader:
    """By the schema that its fingerprint names, resolved into the version this module is written for."""
    try:
        writer = schemas.writer_of("packet", value)
        as_written, end = read_body("packet", value, writer.avro, writer.avro)
        record, _ = read_body("packet", value, writer.avro, _SCHEMA.avro)
        before_nonce = {**writer.avro, "fields": _fields_before_nonce(writer.fields)}
        _, nonce_at = read_body("packet", value, before_nonce, before_nonce)
        # fastavro reads other forms of a number than the one right one. Written again, they show.
        whole = end == len(value) and write_value(writer, as_written) == value
    except (UnreadableValue, UnwritableValue) as trouble:
        _reject(trouble.message)
    if not whole:
        _reject("not in the one right form of its schema, or bytes follow its end")
    trouble_found = _header_trouble(record["system"], record["source"], record["key_id"], record["sequence"])
    if trouble_found is not None:
        _reject(trouble_found)
    record["mode"] = Mode(record["mode"])
    record["kind"] = Kind(record["kind"])
    return PacketHeader(**record, associated_data=value[:nonce_at])


def _fields_before_nonce(fields: list[dict[str, object]]) -> list[dict[str, object]]:
    names = [field["name"] for field in fields]
    return fields[: names.index("nonce")]


def _header_trouble(system: str, source: str, key_id: str, sequence: int) -> str | None:
    if trouble := system_trouble(system):
        return f"the system id is {trouble}"
    if trouble := name_trouble(source) or name_trouble(key_id):
        return f"the source or key id is {trouble}"
    if abs(sequence) > SEQUENCE_MAX:
        return f"the sequence {sequence} is beyond 2^53 - 1"
    return None


def _reject(detail: str) -> NoReturn:
    raise Rejected(Reason.BAD_ENCODING, detail) from None


def write_packet_prefix(
    system: str, source: str, sequence: int, created_at: int, mode: Mode, kind: Kind, key_id: str
) -> bytes:
    """A value up to its nonce: the associated data of its seal. Raises UnwritablePacket."""
    trouble = _header_trouble(system, source, key_id, sequence)
    if trouble is not None:
        raise UnwritablePacket(f"this record would be rejected: {trouble}")
    return b"".join(
        (
            _PREFIX,
            string_bytes(system),
            string_bytes(source),
            long_bytes(sequence),
            long_bytes(created_at),
            long_bytes(_MODES.index(mode)),
            long_bytes(_KINDS.index(kind)),
            string_bytes(key_id),
        )
    )


def write_packet(associated_data: bytes, nonce: bytes, ciphertext: bytes) -> bytes:
    """The whole value: write_packet_prefix's bytes, 12 bytes of nonce, and the sealed body."""
    return b"".join((associated_data, nonce, long_bytes(len(ciphertext)), ciphertext))
