"""A site that lives: it charges, watches, arms, fires and starts again, frame by frame."""

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from stateserver.protocol.commands import CFC_DATA
from stateserver.protocol.modes import MODES, Mode
from stateserver.simulator.equipment import (
    FIRST_BOOSTER,
    Booster,
    ControlUnit,
    cfc_frame,
    section_controller_lists,
)

BETWEEN_FRAMES_MS: Final = 50
PRESSED_MS: Final = 18_000
REPORTS_AFTER_MS: Final = 30_000


class SiteOptions(NamedTuple):
    """What a site is like. `faults` is the chance of one per booster and round; 0 blasts is none at all."""

    mode: Mode
    boosters: int
    detonators: int
    round_ms: int
    blast_every_rounds: int
    faults: float


class Said(NamedTuple):
    """A frame and when it was said, in ms since 1970."""

    at: int
    frame: bytes


class Site:
    """One blasting system. The same seed and options say the same."""

    def __init__(self, options: SiteOptions, seed: int, start_ms: int) -> None:
        self._options = options
        self._random = Random(seed)
        self._now = start_ms
        self._control = ControlUnit()
        count = min(options.detonators, MODES[options.mode].windows_max)
        self._boosters = [
            Booster(FIRST_BOOSTER + number, count, options.mode, self._random) for number in range(options.boosters)
        ]

    def talk(self) -> Iterator[Said]:
        """Everything the equipment says, without an end."""
        yield from self._charge()
        number = 0
        while True:
            number += 1
            started = self._now
            if self._options.blast_every_rounds and number % self._options.blast_every_rounds == 0:
                yield from self._blast()
                yield from self._charge()
            else:
                yield from self._round()
            self._now = max(self._now, started + self._options.round_ms)

    def _say(self, frame: bytes) -> Said:
        self._now += BETWEEN_FRAMES_MS
        return Said(self._now, frame)

    def _charge(self) -> Iterator[Said]:
        if self._options.mode is Mode.IBS:
            for frame in section_controller_lists(self._boosters):
                yield self._say(frame)
        for booster in self._boosters:
            if self._options.mode is not Mode.IBS:
                yield self._say(booster.clear_frame())
            booster.charge()
            for frame in booster.list_frames():
                yield self._say(frame)
        yield from self._round()

    def _round(self) -> Iterator[Said]:
        yield self._say(self._control.status())
        for booster in self._boosters:
            booster.drift()
            if self._random.random() < self._options.faults:
                booster.break_or_mend()
            for frame in booster.data_frames():
                yield self._say(frame)
        if CFC_DATA in MODES[self._options.mode].commands:
            yield self._say(cfc_frame(self._random))

    def _blast(self) -> Iterator[Said]:
        """Arm, press, and either let go of the button first (complete) or of the key (aborted)."""
        for booster in self._boosters:
            booster.key_switch = 1
        yield from self._round()
        self._control.key_switch = 1
        yield self._say(self._control.status())
        self._control.fire_button = 1
        yield self._say(self._control.status())
        aborted = self._random.random() < 0.2
        self._now += PRESSED_MS
        if aborted:
            self._control.key_switch = 0
        else:
            self._control.fire_button = 0
            for booster in self._boosters:
                booster.fire()
        yield self._say(self._control.status())
        self._now += REPORTS_AFTER_MS
        for booster in self._boosters:
            for frame in booster.data_frames():
                yield self._say(frame)
        self._control.key_switch = self._control.fire_button = 0
        yield self._say(self._control.status())
        for booster in self._boosters:
            booster.key_switch = 0
