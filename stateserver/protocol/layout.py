"""What the bytes of a chunk say: numbers and bits by name, read and written by one table (spec page 1)."""

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Literal, NamedTuple

RESERVED = "reserved"
"""Names that start so are kept by the codec, so that a frame can be written again, and shown to nobody."""


class Shown(Enum):
    """How a field's number is shown to people and in events."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    DOTTED_QUAD = "dotted quad"
    PERCENT = "percent of 255"


class Field(NamedTuple):
    """`width` bits, `shift` from the lowest, of the `size`-byte number at byte `offset` of a chunk."""

    name: str
    offset: int
    size: int
    order: Literal["big", "little"]
    shift: int
    width: int
    shown: Shown

    @property
    def mask(self) -> int:
        return (1 << self.width) - 1


class Layout:
    """The fields of one kind of chunk, `size` bytes long."""

    def __init__(self, size: int, *fields: Field | tuple[Field, ...]) -> None:
        self.size = size
        self.fields: tuple[Field, ...] = tuple(
            field for part in fields for field in ((part,) if isinstance(part, Field) else part)
        )
        self._shown = lru_cache(maxsize=4096)(self._show)

    def read(self, chunk: bytes) -> dict[str, int]:
        """Every field's number, the reserved ones included."""
        return {
            field.name: int.from_bytes(chunk[field.offset : field.offset + field.size], field.order) >> field.shift
            & field.mask
            for field in self.fields
        }

    def write(self, values: Mapping[str, int]) -> bytes:
        """The chunk that says `values`; a reserved field that isn't given is 0. Inverse of `read`.

        Raises ValueError where a number doesn't fit its field, KeyError where one is missing.
        """
        chunk = bytearray(self.size)
        for field in self.fields:
            value = values.get(field.name, 0) if field.name.startswith(RESERVED) else values[field.name]
            if not 0 <= value <= field.mask:
                raise ValueError(f"{field.name} must be from 0 to {field.mask}, is {value}")
            place = slice(field.offset, field.offset + field.size)
            number = int.from_bytes(chunk[place], field.order) | value << field.shift
            chunk[place] = number.to_bytes(field.size, field.order)
        return bytes(chunk)

    def show(self, chunk: bytes) -> dict[str, bool | int | str]:
        """The fields as people see them. The same chunk gives the same dict: don't change it."""
        return self._shown(chunk)

    def _show(self, chunk: bytes) -> dict[str, bool | int | str]:
        numbers = self.read(chunk)
        return {
            field.name: show(field.shown, numbers[field.name])
            for field in self.fields
            if not field.name.startswith(RESERVED)
        }


def show(shown: Shown, number: int) -> bool | int | str:
    """A field's number as people see it."""
    if shown is Shown.BOOLEAN:
        return bool(number)
    if shown is Shown.DOTTED_QUAD:
        return dotted_quad(number)
    if shown is Shown.PERCENT:
        return number * 100 // 255
    return number


def dotted_quad(uid: int) -> str:
    """A detonator's uid, most significant byte first: 0x1B43E93C is 27.67.233.60."""
    return f"{uid >> 24}.{uid >> 16 & 255}.{uid >> 8 & 255}.{uid & 255}"


def u8(name: str, offset: int, shown: Shown = Shown.NUMBER) -> Field:
    """A byte."""
    return Field(name, offset, 1, "big", 0, 8, shown)


def u16_be(name: str, offset: int) -> Field:
    """Two bytes, most significant first."""
    return Field(name, offset, 2, "big", 0, 16, Shown.NUMBER)


def u16_le(name: str, offset: int) -> Field:
    """Two bytes, least significant first."""
    return Field(name, offset, 2, "little", 0, 16, Shown.NUMBER)


def u32_be(name: str, offset: int, shown: Shown = Shown.NUMBER) -> Field:
    """Four bytes, most significant first."""
    return Field(name, offset, 4, "big", 0, 32, shown)


def bits(offset: int, size: int, names: str) -> tuple[Field, ...]:
    """Bits named from the most significant to bit 0; `-` is a reserved one, `name:4` one of 4 bits."""
    fields = []
    shift = size * 8
    for word in names.split():
        name, _, width_text = word.partition(":")
        width = int(width_text or 1)
        shift -= width
        if name == "-":
            name = f"{RESERVED}_{offset}_{shift}"
        shown = Shown.BOOLEAN if width == 1 else Shown.NUMBER
        fields.append(Field(name, offset, size, "big", shift, width, shown))
    if shift != 0:
        raise ValueError(f"{names!r} names {size * 8 - shift} of {size * 8} bits")
    return tuple(fields)
