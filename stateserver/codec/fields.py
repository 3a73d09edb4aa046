"""Maps of field to null, boolean, long or string, as changes and units hold them, written and read by hand.

The worker writes several a packet and a gateway reads as many, where fastavro takes up to three times as long.
What comes back all the time (names, flags) is encoded once, and read as one string that all units share.

The readers know the usual form alone: the one that is written here. On any other, right or wrong, they raise
LookupError or ValueError; whoever calls them turns to fastavro then.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from stateserver.codec.binary import long_bytes, read_long, read_string, string_bytes
from stateserver.domain.change import Fields, SharedFields, Value

# The zigzag index of each branch of the union ["null", "boolean", "long", "string"].
NULL: Final = b"\x00"
BOOLEAN: Final = b"\x02"
LONG: Final = b"\x04"
STRING: Final = b"\x06"

_REMEMBERED_MAX: Final = 4096


Key = TypeVar("Key", str, int)


class Remembered(dict[Key, bytes]):
    """What a text or number encodes to. Forgets everything when it has grown large, so it cannot grow for ever."""

    def __init__(self, encode: Callable[[Key], bytes]) -> None:
        super().__init__()
        self._encode: Callable[[Key], bytes] = encode

    def __missing__(self, key: Key) -> bytes:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        encoded = self[key] = self._encode(key)
        return encoded


_NULLS: Final = Remembered(lambda name: string_bytes(name) + NULL)
_TRUES: Final = Remembered(lambda name: string_bytes(name) + BOOLEAN + b"\x01")
_FALSES: Final = Remembered(lambda name: string_bytes(name) + BOOLEAN + b"\x00")
LONGS: Final = Remembered(lambda name: string_bytes(name) + LONG)
STRINGS: Final = Remembered(lambda name: string_bytes(name) + STRING)


def fields_bytes(fields: Fields) -> bytes:
    """A map in Avro's binary form, in its own order. Raises OverflowError, UnicodeEncodeError, TypeError."""
    if not fields:
        return b"\x00"
    parts = [long_bytes(len(fields))]
    for name, value in fields.items():
        if value is True:
            parts.append(_TRUES[name])
        elif value is False:
            parts.append(_FALSES[name])
        else:
            parts.append(field_bytes(name, value))
    parts.append(b"\x00")
    return b"".join(parts)


def field_bytes(name: str, value: Value) -> bytes:
    """A member of such a map."""
    if isinstance(value, bool):
        return _TRUES[name] if value else _FALSES[name]
    if isinstance(value, int):
        return LONGS[name] + long_bytes(value)
    if isinstance(value, str):
        return STRINGS[name] + string_bytes(value)
    if value is None:
        return _NULLS[name]
    raise TypeError(f"{name} is neither null, boolean, long nor string")


def shared_fields_bytes(fields: Fields) -> bytes:
    """As fields_bytes; of fields that many events share, what was encoded once is kept with them."""
    if type(fields) is not SharedFields:
        return fields_bytes(fields)
    if fields.encoded is None:
        fields.encoded = fields_bytes(fields)
    return fields.encoded


class _RememberedTexts(dict[bytes, str]):
    """The text of an encoded string, its length byte included: one object for all that hold it."""

    def __missing__(self, encoded: bytes) -> str:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        text, end = read_string(encoded, 0)
        if end != len(encoded):
            raise ValueError("a string longer than its first byte says")
        self[encoded] = text
        return text


_texts: Final = _RememberedTexts()
BOOLEANS: Final = (False, True)


def read_name(value: bytes, at: int) -> tuple[str, int]:
    """A string that comes back often, of up to 63 bytes, and the offset behind it."""
    end = at + 1 + (value[at] >> 1)
    return _texts[value[at:end]], end


def read_fields(value: bytes, at: int) -> tuple[Fields, int]:
    """The map at an offset, and the offset behind it."""
    count, at = read_long(value, at)
    fields: Fields = {}
    if count == 0:
        return fields, at
    if count < 0:
        raise ValueError("a block that says its size")
    for _ in range(count):
        end = at + 1 + (value[at] >> 1)
        name = _texts[value[at:end]]
        if value[end] == 2:
            fields[name] = BOOLEANS[value[end + 1]]
            at = end + 2
        else:
            fields[name], at = read_value(value, end)
    if value[at] != 0:
        raise ValueError("more than one block")
    return fields, at + 1


def read_value(value: bytes, at: int) -> tuple[Value, int]:
    """The null, boolean, long or string at an offset, and the offset behind it."""
    branch = value[at]
    if branch == 4:
        return read_long(value, at + 1)
    if branch == 6:
        return read_string(value, at + 1)
    if branch == 2:
        return BOOLEANS[value[at + 1]], at + 2
    if branch == 0:
        return None, at + 1
    raise ValueError(f"no branch {branch}")
