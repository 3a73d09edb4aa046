"""A mine told step by step: equipment, its Packet Servers and an operator, through the core's one function.

Each step returns what the record caused, and all that was caused is kept. Times are in ms from the mine's beginning.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from stateserver.domain.apply import apply
from stateserver.domain.blast import BlastStage
from stateserver.domain.change import Change, Fields
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.domain.report import report
from stateserver.domain.system import System
from stateserver.protocol.commands import DETONATOR_FLAGS, commands_in
from stateserver.protocol.decode import Message
from stateserver.protocol.encode import encode
from stateserver.protocol.modes import MODES, Mode

BEGINNING: Final = 1_700_000_000_000
SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
CONTROL_UNIT: Final = 23
BOOSTER: Final = 67
CFC: Final = 91

READY: Final = 0x73
"""A real detonator before a blast (spec page 2): bridge_wire, calibration, program, answering, logged."""
FIRED: Final = 0x09
"""And after: booster_fired, logged."""
GONE_SILENT: Final = 0x71
"""As before the blast, but that it no longer answers."""


class Mine:
    """One system; `now` is when the next record is created, in ms from the beginning."""

    def __init__(self, mode: Mode = Mode.AXXIS100) -> None:
        self.system = System("site")
        self.mode = mode
        self.now = 0
        self.events: list[Change] = []
        self.stages: list[BlastStage] = []
        self._numbers: dict[str, int] = {}
        self._commands = commands_in(MODES[mode].commands)

    # the journal

    def apply(self, record: Record) -> list[Change]:
        """Any record."""
        changes, stages = apply(self.system, record)
        self.events += changes
        self.stages += stages
        return changes

    def wait(self, ms: int) -> "Mine":
        """Nothing comes for a while."""
        self.now += ms
        return self

    def send(
        self,
        frame: bytes,
        source: str = "ps-1",
        *,
        at: int | None = None,
        appended_at: int | None = None,
        sequence: int | None = None,
    ) -> list[Change]:
        """A frame, numbered by its source, created at `at` or now."""
        number = self._numbers.get(source, 0) + 1 if sequence is None else sequence
        self._numbers[source] = number
        return self.apply(self.frame_record(frame, source, number, at=at, appended_at=appended_at))

    def frame_record(
        self, frame: bytes, source: str, sequence: int, *, at: int | None = None, appended_at: int | None = None
    ) -> FrameRecord:
        """The record of a frame."""
        created_at = BEGINNING + (self.now if at is None else at)
        appended = None if appended_at is None else BEGINNING + appended_at
        return FrameRecord(created_at, self.mode, source, sequence, frame, appended)

    def tick(self) -> list[Change]:
        """Time has passed."""
        return self.apply(TickRecord(BEGINNING + self.now, self.mode))

    def command(self, action: str, *, appended_at: int | None = None, **members: str) -> list[Change]:
        """An operator's command."""
        said = {"action": action, "actor": "anna", **members}
        appended = None if appended_at is None else BEGINNING + appended_at
        return self.apply(CommandRecord(BEGINNING + self.now, self.mode, json.dumps(said).encode(), appended))

    # frames

    def say(self, command: int, serial: int, head: Fields | None, items: Iterable[Mapping[str, int]] = ()) -> bytes:
        """A frame of this mode; fields that aren't given are 0."""
        layout = self._commands[command].head
        numbers = None
        if layout is not None:
            given = head or {}
            numbers = {field.name: int(given.get(field.name) or 0) for field in layout.fields}
        item_layout = self._commands[command].item
        chunks = [{**dict.fromkeys((f.name for f in item_layout.fields), 0), **i} for i in items] if item_layout else []
        return encode(Message(command, serial, numbers, chunks), self._commands)

    def status(self, key: int, button: int, firing: int = 0, serial: int = CONTROL_UNIT, **bits: int) -> bytes:
        """Frame 8."""
        return self.say(8, serial, {"key_switch": key, "fire_button": button, "firing": firing, **bits})

    def listing(self, uids: Mapping[int, int], booster: int = BOOSTER) -> bytes:
        """Frame 4, or 22: uids by window."""
        command = 4 if 22 not in self._commands else 22
        return self.say(command, booster, None, [{"window_id": w, "uid": uid} for w, uid in uids.items()])

    def data(
        self, flags: Mapping[int, int], booster: int = BOOSTER, delays: Mapping[int, int] | None = None, **head: int
    ) -> bytes:
        """Frame 5: flag bytes by window."""
        items = [
            {
                "window_id": window,
                "delay": (delays or {}).get(window, 25 * window),
                **{name: byte >> 7 - at & 1 for at, name in enumerate(DETONATOR_FLAGS.split())},
            }
            for window, byte in flags.items()
        ]
        return self.say(5, booster, {"mains": 1, "key_switch": 1, **head}, items)

    def clear(self, booster: int = BOOSTER) -> bytes:
        """The clear signal."""
        return self.say(4, booster, None, [{"window_id": 255, "uid": 0xFFFF_FFFF}])

    # what people do

    def charged(self, windows: Mapping[int, int] | None = None, booster: int = BOOSTER, **head: int) -> "Mine":
        """A booster with its key on lists detonators and reports them: flag bytes by window, four that are ready."""
        flags = windows or dict.fromkeys(range(1, 5), READY)
        self.send(self.listing({window: booster << 16 | window for window in flags}, booster))
        self.send(self.data(flags, booster, None, **head))
        return self

    def arms(self) -> "Mine":
        """The operator turns the key."""
        self.send(self.status(1, 0))
        return self

    def presses(self, *, firing: int = 1) -> list[Change]:
        """The operator presses the button; `firing` 0 where the control unit refuses."""
        return self.send(self.status(1, 1, firing))

    def has_fired(self) -> list[Change]:
        """The control unit has fired, 18 s after the press; the button is no longer held."""
        self.wait(18 * SECOND)
        return self.send(self.status(1, 0))

    def fires(self) -> "Mine":
        """Arm, press, and the firing is complete."""
        self.arms().presses()
        self.has_fired()
        return self

    def reports(self, flags: Mapping[int, int] | None = None, booster: int = BOOSTER, **head: int) -> list[Change]:
        """A booster tells of its detonators: all four fired, unless something else is said."""
        return self.send(self.data(flags or dict.fromkeys(range(1, 5), FIRED), booster, None, **head))

    def is_told_by_time(self) -> "Mine":
        """Firing and report time pass in silence."""
        rules = MODES[self.mode]
        self.wait(rules.firing_time_ms + rules.report_time_ms).tick()
        return self

    # what came of it

    @property
    def kinds(self) -> list[str]:
        """What was told, in order."""
        return [change.kind for change in self.events]

    def told(self, kind: str) -> list[Change]:
        """The events of one kind."""
        return [change for change in self.events if change.kind == kind]

    @property
    def operation(self) -> object:
        """The control unit's operation."""
        return self.unit(f"0/{CONTROL_UNIT}")["operation"]

    def unit(self, path: str) -> Fields:
        """A unit as it stands."""
        fields = self.system.unit(path)
        assert fields is not None, f"there is {path}"
        return fields

    @property
    def document(self) -> dict[str, Any]:
        """The last blast's report, as it stands."""
        if self.system.blast is not None:
            return report(self.system, self.system.blast)
        return self.stages[-1].report

    @property
    def attention(self) -> list[tuple[str, str, list[int] | None]]:
        """What the last blast's verdict calls attention to: what, unit, windows."""
        return [(row["what"], row["unit"], row["windows"]) for row in self.document["attention"]]


def kinds_of(changes: Iterable[Change]) -> list[str]:
    """What was told."""
    return [change.kind for change in changes]
