"""Equipment that isn't there: what a control unit, its boosters and their detonators would say of themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from stateserver.protocol.commands import (
    BOOSTER_DATA,
    BOOSTER_LIST,
    CFC_DATA,
    CONTROL_UNIT_STATUS,
    DETONATOR_DATA_500,
    DETONATOR_FLAGS,
    DETONATOR_LIST,
    DETONATOR_LIST_500,
    RADIO_STATISTICS,
    SECTION_CONTROLLER_DATA,
    UNIT_LIST,
    commands_in,
)
from stateserver.protocol.decode import Message
from stateserver.protocol.encode import encode, split_items
from stateserver.protocol.modes import MODES, Mode

CONTROL_UNIT: Final = 23
CFC: Final = 91
FIRST_BOOSTER: Final = 100
_CLEAR: Final = {"uid": 0xFFFFFFFF, "window_id": 255}
_FAULT_FIELDS: Final = ("cable_fault", "earth_leakage", "low_battery", "too_low_battery", "shaft_fault", "mains")
_MENDED_A_ROUND: Final = 0.25
# What a real detonator's data say at each stage (spec page 2, The verdict): 0x01, 0x73, 0x09, and 0x7b where it failed.
_LOGGED: Final = {**dict.fromkeys(DETONATOR_FLAGS.split(), 0), "logged": 1}
_PROGRAMMED: Final = {**_LOGGED, "bridge_wire": 1, "calibration": 1, "program": 1, "detonator_status": 1}
_FIRED: Final = {**_LOGGED, "booster_fired": 1}
_MISFIRED: Final = {**_PROGRAMMED, "booster_fired": 1}
_LED_READY, _LED_FIRED = 1, 2

Chunk = dict[str, int]


@dataclass
class ControlUnit:
    """The operator's panel. `firing` from the press until all has fired."""

    key_switch: int = 0
    fire_button: int = 0
    firing: int = 0

    def status(self) -> bytes:
        """What it says of itself."""
        head = {
            "key_switch": self.key_switch,
            "isolation_relay": 1,
            "fire_button": self.fire_button,
            "cable_fault": 0,
            "earth_leakage": 0,
            "firing": self.firing,
            "resetting": 0,
        }
        return encode(Message(CONTROL_UNIT_STATUS, CONTROL_UNIT, head, []))


class Booster:
    """A booster type 2 with its detonators, or a section controller with its type 1 boosters (IBS)."""

    def __init__(self, serial: int, detonators: int, mode: Mode, random: Random) -> None:
        self.serial = serial
        self.mode = mode
        self._random = random
        self._count = detonators
        self._commands = commands_in(MODES[mode].commands)
        self.key_switch = 0
        self.fault: str | None = None
        self.detonators: dict[int, Chunk] = {}
        self._has_fired = False
        self._lost_packets = 0
        self._packets = 0

    @property
    def is_500_series(self) -> bool:
        return DETONATOR_DATA_500 in self._commands

    def charge(self, silent: float = 0) -> None:
        """New detonators in every window, to fire one after the other; `silent` is each one's chance not to answer."""
        delay_ms_max = MODES[self.mode].delay_ms_max or 0
        # Detonators come from the works in order, so their uids follow each other.
        first = self._random.randrange(1 << 24, 1 << 29)
        self._has_fired = False
        self.detonators = {
            window: {
                "window_id": window,
                "uid": first + window,
                "delay": min(delay_ms_max, window * 25),
                **(_LOGGED if self._random.random() < silent else _PROGRAMMED),
            }
            for window in range(1, self._count + 1)
        }

    def fire(self, misfires: float = 0) -> None:
        """What answered goes off, but for each one's chance of `misfires`; the booster marks all that it fired."""
        self._has_fired, self._packets = True, 0
        for detonator in self.detonators.values():
            if detonator["detonator_status"]:
                detonator.update(_MISFIRED if self._random.random() < misfires else _FIRED)

    def drift(self) -> None:
        """Something small changes, as it does all day."""
        if self.detonators:
            detonator = self._random.choice(list(self.detonators.values()))
            detonator["tagged"] ^= 1
        self._lost_packets = (self._lost_packets + self._random.randrange(3)) % 0x10000

    def wear(self, faults: float) -> None:
        """A fault appears, by this chance; one that is there is mended after a while."""
        if self.fault is not None:
            if self._random.random() < _MENDED_A_ROUND:
                self.fault = None
        elif self._random.random() < faults:
            self.fault = self._random.choice(_FAULT_FIELDS)

    def clear_frame(self) -> bytes:
        """The clear signal: all detonators are forgotten."""
        self.detonators = {}
        return encode(Message(DETONATOR_LIST, self.serial, None, [_CLEAR]))

    def list_frames(self) -> list[bytes]:
        """Which detonators there are."""
        if self.mode is Mode.IBS:
            serials = [{"serial": detonator["uid"] & 0xFFFF} for detonator in self.detonators.values()]
            return [encode(Message(BOOSTER_LIST, self.serial, None, serials))]
        command = DETONATOR_LIST_500 if self.is_500_series else DETONATOR_LIST
        return split_items(command, self.serial, list(self.detonators.values()))

    def data_frames(self) -> Iterator[bytes]:
        """How the booster is, and its detonators."""
        self._packets += 1
        if self.mode is Mode.IBS:
            yield encode(Message(SECTION_CONTROLLER_DATA, self.serial, self._section_head(), self._type_1_boosters()))
            return
        items = list(self.detonators.values())
        if self.is_500_series:
            yield encode(Message(BOOSTER_DATA, self.serial, self._head(), []), self._commands)
            yield from split_items(DETONATOR_DATA_500, self.serial, items)
        else:
            yield from split_items(BOOSTER_DATA, self.serial, items, self._head())
        if RADIO_STATISTICS in self._commands:
            statistics = {"lost_packets": self._lost_packets, "packets_since_last_firing": self._packets}
            yield encode(Message(RADIO_STATISTICS, self.serial, statistics, []))

    def _has(self, fault: str) -> int:
        return int(self.fault == fault)

    def _head(self) -> Chunk:
        unprogrammed = any(not (one["program"] or one["booster_fired"]) for one in self.detonators.values())
        return {
            "child_count": len(self.detonators),
            "led_state": _LED_FIRED if self._has_fired else _LED_READY,
            "isolation_relay": 0,
            "detonator_error": int(unprogrammed),
            "blast_armed": self.key_switch,
            "too_low_battery": self._has("too_low_battery"),
            "low_battery": self._has("low_battery"),
            "dc_supply": 1,
            "shaft_fault": self._has("shaft_fault"),
            "mains": 1 - self._has("mains"),
            "earth_leakage": self._has("earth_leakage"),
            "cable_fault": self._has("cable_fault"),
            "key_switch": self.key_switch,
        }

    def _section_head(self) -> Chunk:
        return {
            "key_switch": self.key_switch,
            "isolation_relay": 1,
            "blast_armed": self.key_switch,
            "cable_fault": self._has("cable_fault"),
            "earth_leakage": self._has("earth_leakage"),
        }

    def _type_1_boosters(self) -> list[Chunk]:
        return [
            {
                "dc_supply": 1,
                "key_switch": self.key_switch,
                "detonator_status": detonator["detonator_status"],
                "mains": 1,
                "booster_fired": detonator["booster_fired"],
                "partial_blast": 0,
                "missing_pulse_detected": 0,
            }
            for detonator in self.detonators.values()
        ]


def unit_lists(boosters: list[Booster]) -> list[bytes]:
    """The control unit names what is below it: its boosters, in an IBS system its section controllers."""
    return split_items(UNIT_LIST, CONTROL_UNIT, [{"serial": booster.serial} for booster in boosters])


def cfc_frame(random: Random) -> bytes:
    """The CFC tells of the signal's quality."""
    head = {"qos": random.randint(200, 255), "min2": 0, "min7": 0, "cable_fault": 0, "elt": 0, "device_type": 0}
    return encode(Message(CFC_DATA, CFC, {**head, "qos_firing": 250, "firmware": 2}, []))
