"""A site of one control unit and one booster that says exactly what a test has it say, as Packet Servers record it."""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.protocol.commands import BOOSTER_DATA, CONTROL_UNIT_STATUS, DETONATOR_LIST
from stateserver.protocol.decode import Message
from stateserver.protocol.encode import encode
from stateserver.protocol.modes import MODES, Mode

START: Final = 1_700_000_000_000
PANEL: Final = 23
BOOSTER: Final = 158
RULES: Final = MODES[Mode.AXXIS100]

READY: Final = 0x73
"""bridge_wire, calibration, program, answering and logged: before a blast (specification, page 2)."""
FIRED: Final = 0x09
"""booster_fired and logged: after it."""
MISSED: Final = 0x7B
"""Marked as fired by its booster, and answering all the same."""
SILENT: Final = 0x71
"""Ready, but for that it doesn't answer."""
FLAGS: Final = ("logged", "detonator_status", "tagged", "booster_fired", "program", "calibration", "bridge_wire")
"""From the lowest bit up."""
FAULTS: Final = ("detonator_error", "too_low_battery", "low_battery", "shaft_fault", "earth_leakage", "cable_fault")


class Equipment:
    """Frames, one second after the other."""

    def __init__(self) -> None:
        self._now = START
        self._sequence = 0
        self._told: list[Record] = []

    def take(self) -> list[Record]:
        """What was said since this was last asked."""
        told, self._told = self._told, []
        return told

    def wait(self, ms: int) -> None:
        """Nothing is said for a while."""
        self._now += ms

    def panel(self, *, key: bool, button: bool = False, firing: bool = False) -> None:
        """The control unit's status."""
        bits = {"key_switch": key, "fire_button": button, "firing": firing, "isolation_relay": True}
        head = {name: int(bits.get(name, False)) for name in (*bits, "cable_fault", "earth_leakage", "resetting")}
        self._say(encode(Message(CONTROL_UNIT_STATUS, PANEL, head, [])))

    def lists(self, uids: Mapping[int, int]) -> None:
        """The booster lists detonators: their uids by window."""
        items = [{"uid": uid, "window_id": window} for window, uid in uids.items()]
        self._say(encode(Message(DETONATOR_LIST, BOOSTER, None, items)))

    def clears(self) -> None:
        """The booster has forgotten its detonators."""
        self.lists({255: 0xFFFFFFFF})

    def reports(self, flags: Mapping[int, int], *, key: bool = True) -> None:
        """The booster's data and its detonators': their flags by window, which follow one on the other."""
        bits = {"key_switch": key, "mains": True, "dc_supply": True}
        head = {name: int(bits.get(name, False)) for name in (*bits, *FAULTS, "blast_armed", "isolation_relay")}
        items = [{"window_id": window, "delay": 25 * window} | _bits(byte) for window, byte in flags.items()]
        self._say(encode(Message(BOOSTER_DATA, BOOSTER, head | {"child_count": len(items), "led_state": 1}, items)))

    def charges(self, windows: Iterable[int], *, silent: Iterable[int] = ()) -> None:
        """The booster lists detonators and tells how they are; then the control unit is armed."""
        self.panel(key=False)
        self.lists({window: window for window in windows})
        self.reports(dict.fromkeys(windows, READY) | dict.fromkeys(silent, SILENT))
        self.panel(key=True)

    def fires(self) -> None:
        """The button is pressed."""
        self.panel(key=True, button=True, firing=True)

    def has_fired(self) -> None:
        """Firing is complete, after its time."""
        self.wait(RULES.firing_time_ms - 2_000)
        self.panel(key=True)

    def time_is_over(self) -> None:
        """Nothing was said until the report time was over."""
        self._now += RULES.firing_time_ms + RULES.report_time_ms
        self._told.append(TickRecord(self._now, Mode.AXXIS100))

    def retires(self, unit: str, at: int) -> None:
        """An operator says that a unit is no more."""
        command = json.dumps({"action": "retire_unit", "unit": unit, "actor": "anna"}).encode()
        self._told.append(CommandRecord(at, Mode.AXXIS100, command))

    def _say(self, frame: bytes) -> None:
        self._now += 1_000
        self._sequence += 1
        self._told.append(FrameRecord(self._now, Mode.AXXIS100, "ps-1", self._sequence, frame))


def _bits(byte: int) -> dict[str, int]:
    return {name: byte >> shift & 1 for shift, name in enumerate(FLAGS)} | {"energy_storing": 0}
