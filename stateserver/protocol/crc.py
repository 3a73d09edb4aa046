"""CRC-16/X-25, the checksum of every frame (spec page 1)."""

from binascii import crc_hqx
from typing import Final

_REVERSED_BITS: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

# What the register holds after a message followed by its own CRC, whatever the message.
_RESIDUE: Final = 0x1D0F


def _register(data: bytes) -> int:
    # X-25 is the reflected twin of crc_hqx's CRC-CCITT: over bit-reversed bytes the C function computes it.
    return crc_hqx(data.translate(_REVERSED_BITS), 0xFFFF)


def checksum(data: bytes) -> bytes:
    """The two bytes that close a frame whose other bytes are `data`, low byte first."""
    high, low = divmod(_register(data) ^ 0xFFFF, 256)
    return bytes((_REVERSED_BITS[high], _REVERSED_BITS[low]))


def is_sound(frame: bytes) -> bool:
    """Whether the last two bytes of `frame` are the checksum of those before."""
    # As _register says, without the call: this is asked of every frame.
    return crc_hqx(frame.translate(_REVERSED_BITS), 0xFFFF) == _RESIDUE
