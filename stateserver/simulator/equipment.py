"""Equipment that isn't there: what a control unit, its boosters and their detonators would say of themselves."""

from collections.abc import Iterator
from random import Random
from typing import Final

from stateserver.protocol.commands import (
    BOOSTER_DATA,
    BOOSTER_LIST,
    CFC_DATA,
    CONTROL_UNIT_STATUS,
    DETONATOR_DATA_500,
    DETONATOR_LIST,
    DETONATOR_LIST_500,
    RADIO_STATISTICS,
    SECTION_CONTROLLER_DATA,
    UNIT_LIST,
)
from stateserver.protocol.decode import Message
from stateserver.protocol.encode import encode, split_items
from stateserver.protocol.modes import MODES, Mode

CONTROL_UNIT: Final = 23
CFC: Final = 91
FIRST_BOOSTER: Final = 100
_CLEAR: Final = {"uid": 0xFFFFFFFF, "window_id": 255}
_MISFIRES: Final = 0.01
_FAULT_FIELDS: Final = ("cable_fault", "earth_leakage", "low_battery", "too_low_battery", "shaft_fault", "mains")

Chunk = dict[str, int]


class ControlUnit:
    """The operator's panel."""

    def __init__(self) -> None:
        self.key_switch = 0
        self.fire_button = 0
        self.cable_fault = 0

    def status(self) -> bytes:
        head = {
            "key_switch": self.key_switch,
            "isolation_relay": 1,
            "fire_button": self.fire_button,
            "cable_fault": self.cable_fault,
            "earth_leakage": 0,
            "firing": self.fire_button,
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
        self.key_switch = 0
        self.faults: set[str] = set()
        self.detonators: dict[int, Chunk] = {}
        self._lost_packets = 0

    @property
    def is_500_series(self) -> bool:
        return DETONATOR_DATA_500 in MODES[self.mode].commands

    def charge(self) -> None:
        """New detonators in every window, logged and programmed to fire one after the other."""
        delay_ms_max = MODES[self.mode].delay_ms_max or 0
        self.detonators = {
            window: self._new_detonator(window, min(delay_ms_max, window * 25)) for window in range(1, self._count + 1)
        }

    def _new_detonator(self, window: int, delay: int) -> Chunk:
        return {
            "window_id": window,
            "uid": self._random.randrange(1 << 24, 1 << 29),
            "energy_storing": 0,
            "bridge_wire": 1,
            "calibration": 1,
            "program": 1,
            "booster_fired": 0,
            "tagged": 0,
            "detonator_status": 1 if self._random.random() > _MISFIRES else 0,
            "logged": 1,
            "delay": delay,
        }

    def fire(self) -> None:
        """What answered goes off, but for a few."""
        for detonator in self.detonators.values():
            detonator["booster_fired"] = 1
            if self._random.random() > _MISFIRES:
                detonator["detonator_status"] = 0

    def drift(self) -> None:
        """Something small changes, as it does all day."""
        if self.detonators:
            detonator = self._random.choice(list(self.detonators.values()))
            detonator["tagged"] ^= 1
        self._lost_packets = (self._lost_packets + self._random.randrange(3)) % 0x10000

    def break_or_mend(self) -> None:
        """A fault appears, or one that was there goes away."""
        self.faults ^= {self._random.choice(_FAULT_FIELDS)}

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
        if self.mode is Mode.IBS:
            yield encode(Message(SECTION_CONTROLLER_DATA, self.serial, self._section_head(), self._type_1_boosters()))
            return
        items = list(self.detonators.values())
        if self.is_500_series:
            yield encode(Message(BOOSTER_DATA, self.serial, self._head(), []))
            yield from split_items(DETONATOR_DATA_500, self.serial, items)
        else:
            yield from split_items(BOOSTER_DATA, self.serial, items, self._head())
        if RADIO_STATISTICS in MODES[self.mode].commands:
            statistics = {"lost_packets": self._lost_packets, "packets_since_last_firing": 1000}
            yield encode(Message(RADIO_STATISTICS, self.serial, statistics, []))

    def _head(self) -> Chunk:
        return {
            "child_count": min(255, len(self.detonators)),
            "led_state": 1,
            "isolation_relay": self.key_switch,
            "detonator_error": 0,
            "blast_armed": self.key_switch,
            "too_low_battery": int("too_low_battery" in self.faults),
            "low_battery": int("low_battery" in self.faults),
            "dc_supply": 1,
            "shaft_fault": int("shaft_fault" in self.faults),
            "mains": int("mains" not in self.faults),
            "earth_leakage": int("earth_leakage" in self.faults),
            "cable_fault": int("cable_fault" in self.faults),
            "key_switch": self.key_switch,
        }

    def _section_head(self) -> Chunk:
        return {
            "key_switch": self.key_switch,
            "isolation_relay": 1,
            "blast_armed": self.key_switch,
            "cable_fault": int("cable_fault" in self.faults),
            "earth_leakage": int("earth_leakage" in self.faults),
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


def section_controller_lists(boosters: list[Booster]) -> list[bytes]:
    """The control unit of an IBS system names its section controllers."""
    return split_items(UNIT_LIST, CONTROL_UNIT, [{"serial": booster.serial} for booster in boosters])


def cfc_frame(random: Random) -> bytes:
    """The CFC tells of the signal's quality."""
    head = {"qos": random.randint(200, 255), "min2": 0, "min7": 0, "cable_fault": 0, "elt": 0, "device_type": 0}
    return encode(Message(CFC_DATA, CFC, {**head, "qos_firing": 250, "firmware": 2}, []))
