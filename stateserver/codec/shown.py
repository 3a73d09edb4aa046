"""What lies in the topics as people read it: JSON objects, bytes in hex, nothing left out but ciphertext and bulk."""

from collections.abc import Callable
from typing import Any, Final

from stateserver.codec.blast import decode_blast_part
from stateserver.codec.change import decode_change
from stateserver.codec.claim import decode_claim
from stateserver.codec.heartbeat import decode_heartbeat
from stateserver.codec.packet import read_packet
from stateserver.codec.rejected import decode_rejected
from stateserver.codec.still import decode_still_part
from stateserver.codec.system import decode_system, shown_system
from stateserver.codec.unit import decode_unit
from stateserver.domain.change import change_to_json

JsonObject = dict[str, Any]


def show_packet(value: bytes) -> JsonObject:
    """A record of the journal, still sealed: its header, and how many bytes are sealed. Raises Rejected."""
    header = read_packet(value)._asdict()
    for sealed in ("nonce", "associated_data"):
        del header[sealed]
    return {**header, "ciphertext": f"{len(header['ciphertext'])} bytes"}


def show_change(value: bytes) -> JsonObject:
    """A change. Raises UnreadableValue, as all below do."""
    return change_to_json(decode_change(value))


def show_unit(value: bytes) -> JsonObject:
    return decode_unit(value)._asdict()


def show_blast_part(value: bytes) -> JsonObject:
    """A part of a blast's document: all but the bytes, which are one piece of what was compressed."""
    part = decode_blast_part(value)._asdict()
    return {**part, "data": f"{len(part['data'])} bytes"}


def show_system(value: bytes) -> JsonObject:
    return shown_system(decode_system(value))


def show_rejected(value: bytes) -> JsonObject:
    row = decode_rejected(value)
    return {**row._asdict(), "key": show_key(row.key), "value": None if row.value is None else row.value.hex()}


def show_still_part(value: bytes) -> JsonObject:
    """A part of a still: all but the bytes."""
    part = decode_still_part(value)._asdict()
    return {**part, "data": f"{len(part['data'])} bytes"}


def show_claim(value: bytes) -> JsonObject:
    """A claim: what is sealed only by its size."""
    claim = decode_claim(value)._asdict()
    return {**claim, "digest": claim["digest"].hex(), "value": f"{len(claim['value'])} bytes sealed"}


def show_heartbeat(value: bytes) -> JsonObject:
    beat = decode_heartbeat(value)
    return {**beat._asdict(), "troubled": [one._asdict() for one in beat.troubled]}


def show_key(key: bytes | None) -> str | None:
    """A record's key: UTF-8 where it is that, else hex behind `0x`."""
    if key is None:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return f"0x{key.hex()}"


SHOW: Final[dict[str, Callable[[bytes], JsonObject]]] = {
    "packets": show_packet,
    "changes": show_change,
    "units": show_unit,
    "blasts": show_blast_part,
    "systems": show_system,
    "rejected": show_rejected,
    "history": show_still_part,
    "claims": show_claim,
    "heartbeats": show_heartbeat,
}
"""How the values of each topic are shown, by the topic's name without its prefix."""
