"""Avro's binary primitives, for the encoders and readers written by hand: longs and strings.

A long is a zigzag varint. Only its shortest form is read: no encoder writes another, and one value then has
one encoding.
"""

LONG_BITS = 64


def long_bytes(number: int) -> bytes:
    """A long as a zigzag varint. Raises OverflowError for what is no 64-bit integer."""
    if 0 <= number < _SHORT_MAX:
        return _SHORT[number]
    zigzag = (number << 1) ^ (number >> 63)
    if zigzag < 0x80:
        if zigzag < 0:
            raise OverflowError(f"{number} is no 64-bit integer")
        return _SINGLE_BYTES[zigzag]
    # The loop below says the same. Lengths, counts and versions are written several times a packet.
    if zigzag < 1 << 14:
        return bytes((zigzag & 0x7F | 0x80, zigzag >> 7))
    if zigzag < 1 << 21:
        return bytes((zigzag & 0x7F | 0x80, zigzag >> 7 & 0x7F | 0x80, zigzag >> 14))
    if zigzag >> LONG_BITS:
        raise OverflowError(f"{number} is no 64-bit integer")
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def string_bytes(text: str) -> bytes:
    """A string: its length in bytes, then UTF-8. Raises UnicodeEncodeError for a lone surrogate."""
    encoded = text.encode()
    size = len(encoded)
    return (_SINGLE_BYTES[size << 1] if size < 64 else long_bytes(size)) + encoded


def read_varint(value: bytes, at: int) -> tuple[int, int]:
    """The unsigned number at an offset, and the offset behind it.

    Raises IndexError where the value ends within it, ValueError where it isn't the shortest form of 64 bits.
    """
    byte = value[at]
    if byte < 0x80:
        return byte, at + 1
    number = byte & 0x7F
    shift = 7
    while True:
        at += 1
        byte = value[at]
        if byte < 0x80:
            break
        number |= (byte & 0x7F) << shift
        shift += 7
        if shift >= LONG_BITS:
            raise ValueError("a number of more than 64 bits")
    if byte == 0:
        raise ValueError("a number longer than need be")
    number |= byte << shift
    if number >> LONG_BITS:
        raise ValueError("a number of more than 64 bits")
    return number, at + 1


def read_long(value: bytes, at: int) -> tuple[int, int]:
    """The long at an offset, and the offset behind it. Raises as read_varint does."""
    zigzag, behind = read_varint(value, at)
    return (zigzag >> 1) ^ -(zigzag & 1), behind


def read_bytes(value: bytes, at: int) -> tuple[bytes, int]:
    """Length and bytes at an offset, and the offset behind them. Raises IndexError or ValueError."""
    size, start = read_long(value, at)
    if not 0 <= size <= len(value) - start:
        raise ValueError(f"a length of {size} with {len(value) - start} bytes left")
    return value[start : start + size], start + size


def read_string(value: bytes, at: int) -> tuple[str, int]:
    """A string at an offset, and the offset behind it. Raises IndexError or ValueError."""
    encoded, behind = read_bytes(value, at)
    return str(encoded, "utf-8"), behind


_SINGLE_BYTES = [bytes((number,)) for number in range(0x80)]
# Lengths, counts, windows, delays and young versions: all that take one or two bytes and aren't negative.
_SHORT_MAX = 1 << 13
_SHORT = [
    bytes((number << 1,)) if number < 0x40 else bytes((number << 1 & 0x7F | 0x80, number >> 6))
    for number in range(_SHORT_MAX)
]
