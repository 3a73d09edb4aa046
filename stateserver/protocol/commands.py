"""The ten commands as one table: who speaks, what a chunk says, how many there may be (spec page 1).

These are what equipment reports. Commands to equipment are deliberately absent: this product only watches.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

from stateserver.protocol.layout import (
    RESERVED,
    Layout,
    Shown,
    bits,
    u8,
    u16_be,
    u16_le,
    u32_be,
)


class UnitType(IntEnum):
    """The kinds of equipment, by type id."""

    CONTROL_UNIT = 0
    SECTION_CONTROLLER = 1
    BOOSTER_TYPE_1 = 2
    BOOSTER_TYPE_2 = 3
    DETONATOR = 4
    CFC = 5


class Command(NamedTuple):
    """One command. A payload is an optional `head` chunk, which the speaker says of itself, then `item` chunks.

    `windows` are the offsets in an item chunk of its window id's bytes, lowest first; () where an item's
    position from 1 is its window id, None where items have none. `flags` and `delay` are offsets of a data item.
    """

    number: int
    speaker: UnitType
    chunk: int
    head: Layout | None = None
    item: Layout | None = None
    windows: tuple[int, ...] | None = None
    identity: str | None = None
    flags: int | None = None
    delay: int | None = None

    @property
    def tells_data(self) -> bool:
        """Whether its items say how detonators or type 1 boosters are (5, 23, 3)."""
        return self.flags is not None

    @property
    def lists_children(self) -> bool:
        """Whether its items say which detonators or type 1 boosters there are (4, 22, 2)."""
        return self.identity is not None and self.windows is not None


UNIT_LIST: Final = 1
BOOSTER_LIST: Final = 2
SECTION_CONTROLLER_DATA: Final = 3
DETONATOR_LIST: Final = 4
BOOSTER_DATA: Final = 5
CONTROL_UNIT_STATUS: Final = 8
DETONATOR_LIST_500: Final = 22
DETONATOR_DATA_500: Final = 23
RADIO_STATISTICS: Final = 24
CFC_DATA: Final = 36

DETONATOR_FLAGS: Final = "energy_storing bridge_wire calibration program booster_fired tagged detonator_status logged"
BOOSTER_TYPE_1_FLAGS: Final = (
    "dc_supply key_switch detonator_status mains booster_fired partial_blast missing_pulse_detected -"
)

_BOOSTER_BITS: Final = bits(
    2,
    2,
    "led_state:4 - isolation_relay detonator_error blast_armed too_low_battery low_battery"
    " dc_supply shaft_fault mains earth_leakage cable_fault key_switch",
)

COMMANDS: Final[dict[int, Command]] = {
    command.number: command
    for command in (
        Command(
            UNIT_LIST,
            UnitType.CONTROL_UNIT,
            chunk=2,
            item=Layout(2, u16_be("serial", 0)),
            identity="serial",
        ),
        Command(
            BOOSTER_LIST,
            UnitType.SECTION_CONTROLLER,
            chunk=2,
            item=Layout(2, u16_le("serial", 0)),
            windows=(),
            identity="serial",
        ),
        Command(
            SECTION_CONTROLLER_DATA,
            UnitType.SECTION_CONTROLLER,
            chunk=2,
            head=Layout(
                2,
                bits(0, 1, "key_switch isolation_relay blast_armed cable_fault earth_leakage - - -"),
                u8(f"{RESERVED}_byte", 1),
            ),
            item=Layout(2, bits(0, 1, BOOSTER_TYPE_1_FLAGS), u8(f"{RESERVED}_byte", 1)),
            windows=(),
            flags=0,
        ),
        Command(
            DETONATOR_LIST,
            UnitType.BOOSTER_TYPE_2,
            chunk=5,
            item=Layout(5, u32_be("uid", 0, Shown.DOTTED_QUAD), u8("window_id", 4)),
            windows=(4,),
            identity="uid",
        ),
        Command(
            BOOSTER_DATA,
            UnitType.BOOSTER_TYPE_2,
            chunk=4,
            head=Layout(
                4,
                u8("child_count", 0),
                u8(f"{RESERVED}_byte", 1),
                _BOOSTER_BITS,
            ),
            item=Layout(4, u8("window_id", 0), bits(1, 1, DETONATOR_FLAGS), u16_le("delay", 2)),
            windows=(0,),
            flags=1,
            delay=2,
        ),
        Command(
            CONTROL_UNIT_STATUS,
            UnitType.CONTROL_UNIT,
            chunk=2,
            head=Layout(
                2,
                u8(f"{RESERVED}_byte", 0),
                bits(1, 1, "key_switch isolation_relay fire_button cable_fault earth_leakage firing resetting -"),
            ),
        ),
        Command(
            DETONATOR_LIST_500,
            UnitType.BOOSTER_TYPE_2,
            chunk=6,
            item=Layout(6, u32_be("uid", 0, Shown.DOTTED_QUAD), u16_le("window_id", 4)),
            windows=(4, 5),
            identity="uid",
        ),
        Command(
            DETONATOR_DATA_500,
            UnitType.BOOSTER_TYPE_2,
            chunk=5,
            item=Layout(5, u16_le("window_id", 0), bits(2, 1, DETONATOR_FLAGS), u16_le("delay", 3)),
            windows=(0, 1),
            flags=2,
            delay=3,
        ),
        Command(
            RADIO_STATISTICS,
            UnitType.BOOSTER_TYPE_2,
            chunk=4,
            head=Layout(4, u16_be("lost_packets", 0), u16_be("packets_since_last_firing", 2)),
        ),
        Command(
            CFC_DATA,
            UnitType.CFC,
            chunk=5,
            head=Layout(
                5,
                u8("qos", 0, Shown.PERCENT),
                bits(1, 1, "min2 min7 cable_fault elt - - - device_type"),
                u8(f"{RESERVED}_byte", 2),
                u8("qos_firing", 3),
                u8("firmware", 4),
            ),
        ),
    )
}

BOOSTER_DATA_500_SERIES: Final = COMMANDS[BOOSTER_DATA]._replace(
    head=Layout(4, u16_le("child_count", 0), _BOOSTER_BITS)
)
"""Command 5 in the modes that have command 22: more detonators than a byte can count."""


def commands_in(numbers: Iterable[int]) -> dict[int, Command]:
    """The commands with these numbers, as a mode that has just these reads them."""
    commands = {number: COMMANDS[number] for number in sorted(numbers)}
    if BOOSTER_DATA in commands and DETONATOR_LIST_500 in commands:
        commands[BOOSTER_DATA] = BOOSTER_DATA_500_SERIES
    return commands
