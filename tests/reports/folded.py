"""Blasts made up for reports: played as frames through the core, so that document and snapshots are real ones."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.protocol.encode import encode_frame
from stateserver.protocol.modes import MODES, Mode
from stateserver.replay.folding import Folding
from stateserver.reports.views import Filed

START: Final = 1_563_530_000_000
CONTROL_UNIT: Final = 23
FIRST_BOOSTER: Final = 1000
ARMED: Final = bytes.fromhex("05c0")
FIRING: Final = bytes.fromhex("05e4")
DISARMED: Final = bytes.fromhex("0540")
BOOSTER_ON: Final = bytes.fromhex("00001829")
BOOSTER_OFF: Final = bytes.fromhex("00001828")
ANSWERS: Final = 0x73
SILENT: Final = 0x71
FIRED_FLAGS: Final = 0x09
"""As a real one looks that fired: its bridge wire is gone, and its booster marked it."""

LIST_STEP: Final = 41
DATA_STEP: Final = 49

Choose = Callable[[int, int], str]
"""What becomes of a detonator, by its booster's number from 0 and its window from 1."""


def all_fire(_booster: int, _window: int) -> str:
    return FIRED


@dataclass
class MadeUp:
    """A blast of a 500-series site. `idle` boosters have detonators but are switched off: possibly live."""

    boosters: int
    detonators: int
    becomes: Choose = all_fire
    idle: int = 0
    is_aborted: bool = False
    is_closed: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    warned: bool = False
    system: str = "Upper Pit"

    def fold(self) -> Filed:
        """Play it, and take the report of it."""
        folding = Folding(self.system)
        for record in self.records():
            folding.apply(record)
        document = folding.documents()[0]
        snapshots, blast = folding.snapshots, document["blast"]
        return Filed(document, snapshots[blast, "start"], snapshots.get((blast, "end")))

    def records(self) -> Iterator[Record]:
        """The journal of it."""
        frames = self._preparing()
        sequence, at = 0, START
        for payload in frames:
            sequence, at = sequence + 1, at + 2
            yield FrameRecord(at, Mode.AXXIS500, "ps-1", sequence, payload)
        for unit, label in self.labels.items():
            command = {"action": "label_unit", "unit": unit, "label": label, "actor": "anna"}
            yield CommandRecord(at, Mode.AXXIS500, json.dumps(command).encode())
        stages: list[tuple[int, Iterable[bytes]]] = [
            (1_000, [_control(FIRING)]),
            (14_250, [_control(DISARMED if self.is_aborted else ARMED)]),
        ]
        if self.is_closed:
            stages.append((5_000, self._reporting()))
        for pause, payloads in stages:
            at += pause
            for payload in payloads:
                sequence, at = sequence + 1, at + 2
                yield FrameRecord(at, Mode.AXXIS500, "ps-1", sequence, payload)
        if self.is_closed:
            rules = MODES[Mode.AXXIS500]
            yield TickRecord(at + rules.firing_time_ms + rules.report_time_ms, Mode.AXXIS500)

    def _preparing(self) -> Iterator[bytes]:
        yield _control(ARMED)
        for booster in range(self.boosters + self.idle):
            serial = FIRST_BOOSTER + booster
            head = BOOSTER_ON if booster < self.boosters else BOOSTER_OFF
            if self.warned:
                head = head[:3] + bytes([head[3] | 0x02])
            yield encode_frame(5, serial, head)
            yield from _split(22, serial, [self._listed(booster, w) for w in self._windows()], LIST_STEP)
            chunks = [self._told(booster, window, self._flags_before(booster, window)) for window in self._windows()]
            yield from _split(23, serial, chunks, DATA_STEP)

    def _reporting(self) -> Iterator[bytes]:
        for booster in range(self.boosters):
            yield encode_frame(5, FIRST_BOOSTER + booster, BOOSTER_ON)
            # A frame has windows side by side: where one is not told of, another frame begins.
            for is_told, windows in groupby(self._windows(), lambda one: self.becomes(booster, one) != UNREPORTED):  # noqa: B023
                chunks = [self._told(booster, window, self._flags_after(booster, window)) for window in windows]
                if is_told:
                    yield from _split(23, FIRST_BOOSTER + booster, chunks, DATA_STEP)

    def _windows(self) -> range:
        return range(1, self.detonators + 1)

    def _flags_before(self, booster: int, window: int) -> int:
        return ANSWERS if self.becomes(booster, window) in {FIRED, MISSED, UNREPORTED} else SILENT

    def _flags_after(self, booster: int, window: int) -> int:
        return ANSWERS if self.becomes(booster, window) == MISSED else FIRED_FLAGS

    def _listed(self, booster: int, window: int) -> bytes:
        uid = (0x1B000000 + booster * 1009 + window * 65_537) % 2**32
        return uid.to_bytes(4, "big") + window.to_bytes(2, "little")

    def _told(self, booster: int, window: int, flags: int) -> bytes:
        delay = (window * 25 + booster * 17) % 12_000
        return window.to_bytes(2, "little") + bytes([flags]) + delay.to_bytes(2, "little")


def _control(payload: bytes) -> bytes:
    return encode_frame(8, CONTROL_UNIT, payload)


def _split(command: int, serial: int, chunks: list[bytes], step: int) -> Iterator[bytes]:
    for at in range(0, len(chunks), step):
        yield encode_frame(command, serial, b"".join(chunks[at : at + step]))
