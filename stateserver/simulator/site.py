"""A site that lives: it charges, watches, arms, fires and starts again, frame by frame."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Final, NamedTuple

from stateserver.protocol.commands import CFC_DATA
from stateserver.protocol.modes import MODES, Mode
from stateserver.simulator.equipment import (
    FIRST_BOOSTER,
    Booster,
    ControlUnit,
    cfc_frame,
    unit_lists,
)

BETWEEN_FRAMES_MS: Final = 50
# As in real blasts: the panel says nothing while it fires, and boosters are silent until they are let on the line.
PRESSED_AFTER_MS: Final = 3_000
FIRING_MS: Final = 121_000
RELEASED_AFTER_MS: Final = 3_000
REPORTS_AFTER_MS: Final = 12_000
ABORTED_AFTER_MS: Final = 18_560
_ABORTED: Final = 0.1
_MENDED_BEFORE: Final = 0.8
_WHOLE: Final = 0.6
_FAILING: Final = 0.02
"""A detonator's chance to be silent, or to misfire, where not all goes well."""


class SiteOptions(NamedTuple):
    """What a site is like. `faults` is the chance of one per booster and round, and with 0 no detonator fails either.

    0 blasts is none at all.
    """

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

    def _failing(self) -> float:
        """Each detonator's chance to fail this time: most times none does."""
        return 0.0 if not self._options.faults or self._random.random() < _WHOLE else _FAILING

    def _charge(self) -> Iterator[Said]:
        for frame in unit_lists(self._boosters):
            yield self._say(frame)
        silent = self._failing()
        for booster in self._boosters:
            if self._options.mode is not Mode.IBS:
                yield self._say(booster.clear_frame())
            booster.charge(silent)
            for frame in booster.list_frames():
                yield self._say(frame)
        yield from self._round()

    def _round(self) -> Iterator[Said]:
        yield self._say(self._control.status())
        for booster in self._boosters:
            booster.drift()
            booster.wear(self._options.faults)
            yield from self._report(booster)
        if CFC_DATA in MODES[self._options.mode].commands:
            yield self._say(cfc_frame(self._random))

    def _report(self, booster: Booster) -> Iterator[Said]:
        for frame in booster.data_frames():
            yield self._say(frame)

    def _turn(self, after_ms: int = 0, **to: int) -> Said:
        """The control unit's key, button or firing bit changes, so it says how it is."""
        self._now += after_ms
        self._control = replace(self._control, **to)
        return self._say(self._control.status())

    def _blast(self) -> Iterator[Said]:
        """Mend, arm, press; wait until it has fired and let go of the button, or turn the key before (aborted)."""
        for booster in self._boosters:
            booster.key_switch = 1
            if self._random.random() < _MENDED_BEFORE:
                booster.fault = None
        yield from self._round()
        yield self._turn(key_switch=1)
        yield self._turn(PRESSED_AFTER_MS, fire_button=1, firing=1)
        if self._random.random() < _ABORTED:
            yield self._turn(ABORTED_AFTER_MS, key_switch=0, firing=0)
            yield self._turn(fire_button=0)
        else:
            misfires = self._failing()
            for booster in self._boosters:
                booster.fire(misfires)
            yield self._turn(FIRING_MS, firing=0)
            yield self._turn(RELEASED_AFTER_MS, fire_button=0)
        self._now += REPORTS_AFTER_MS
        for booster in self._boosters:
            yield from self._report(booster)
        if self._control.key_switch:
            yield self._turn(key_switch=0)
        for booster in self._boosters:
            booster.key_switch = 0
