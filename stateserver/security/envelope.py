"""Sealing and opening records of the journal: AES-256-GCM (spec page 4).

The associated data are the value's own bytes before the nonce, so nothing in the clear can be changed either.
Nonces are 96 random bits: with 2^32 records a key has been used up, and is to be replaced.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag

from stateserver.codec.packet import NONCE_SIZE, Kind, read_packet, write_packet, write_packet_prefix
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Reason, Rejected
from stateserver.security.keyring import Key, KeyRing

# What JSON, and so a browser, carries exactly.
TIME_MS_MAX: Final = 2**53 - 1


class SealingRefused(StateServerError):
    """A record that its key may not seal, so that every reader would reject it."""


def seal(
    ring: KeyRing,
    kind: Kind,
    system: str,
    source: str,
    sequence: int,
    created_at: int,
    mode: Mode,
    body: bytes,
) -> bytes:
    """A record's value, sealed with the ring's current key for its kind.

    `body` is the frame, the command's JSON, or b"" for a tick; `created_at` in ms since 1970. Raises KeyRingTrouble,
    SealingRefused or UnwritablePacket, rather than make what every reader rejects.
    """
    key = ring.current(kind)
    return seal_with(key, os.urandom(NONCE_SIZE), kind, system, source, sequence, created_at, mode, body)


def seal_with(
    key: Key,
    nonce: bytes,
    kind: Kind,
    system: str,
    source: str,
    sequence: int,
    created_at: int,
    mode: Mode,
    body: bytes,
) -> bytes:
    """As seal, with a key and a nonce of the caller's. A nonce used twice with a key gives the key's secrets away."""
    if not key.may_seal(kind, system):
        raise SealingRefused(
            f"key {key.id!r} may not seal a {kind} of system {system!r}",
            "Give it that use and system in the key ring, or take another key.",
        )
    if kind is Kind.TICK and body:
        raise SealingRefused("a tick has no body")
    if not 0 <= created_at <= TIME_MS_MAX:
        raise SealingRefused(f"{created_at} is no time in ms since 1970")
    associated_data = write_packet_prefix(system, source, sequence, created_at, mode, kind, key.id)
    return write_packet(associated_data, nonce, key.cipher.encrypt(nonce, body, associated_data))


def open_record(
    ring: KeyRing, record_key: bytes | None, value: bytes | None, appended_at: int | None
) -> tuple[str, Record]:
    """The system and the record that a value of the journal holds.

    `appended_at` is when the record was appended, in ms; None, or less than 0 as Kafka has it, where nobody knows.
    Raises Rejected with the first reason that holds, nothing else.
    """
    if value is None:
        raise Rejected(Reason.BAD_ENCODING, "no value at all")
    system, source, sequence, created_at, mode, kind, key_id, nonce, ciphertext, associated_data = read_packet(value)
    if record_key != system.encode():
        raise Rejected(Reason.KEY_MISMATCH, f"the record's key is not its system, {system!r}")
    key = ring.find(key_id)
    if key is None:
        raise Rejected(Reason.UNKNOWN_KEY, f"the key ring has no key {key_id!r}")
    if not key.may_seal(kind, system):
        raise Rejected(Reason.KEY_NOT_ALLOWED, f"key {key_id!r} may not seal a {kind} of system {system!r}")
    try:
        body = key.cipher.decrypt(nonce, ciphertext, associated_data)
    except InvalidTag:
        raise Rejected(Reason.BAD_SEAL, f"it was not sealed with key {key_id!r}, or changed since") from None
    if not 0 <= created_at <= TIME_MS_MAX:
        raise Rejected(Reason.BAD_TIME, f"created_at {created_at} is no time in ms since 1970")
    appended_at = None if appended_at is None or appended_at < 0 else appended_at
    if kind is Kind.FRAME:
        # tuple.__new__ takes half the time that the class's own constructor does.
        return system, tuple.__new__(FrameRecord, (created_at, mode, source, sequence, body, appended_at))
    if kind is Kind.COMMAND:
        return system, CommandRecord(created_at, mode, body, appended_at)
    if body:
        raise Rejected(Reason.BAD_ENCODING, f"a tick with a body of {len(body)} bytes")
    return system, TickRecord(created_at, mode, appended_at)
