"""System modes: which packets and unit types a site has, its limits, how long a blast takes (spec page 1)."""

from enum import StrEnum
from typing import NamedTuple


class Mode(StrEnum):
    """The seven kinds of blasting system, named as their packets name them."""

    AXXIS100 = "AXXIS100"
    AXXIS100_CFC = "AXXIS100_CFC"
    AXXIS500 = "AXXIS500"
    AXXIS500_WIFI = "AXXIS500_WIFI"
    AXXIS500_CFC = "AXXIS500_CFC"
    HYDRA = "HYDRA"
    IBS = "IBS"

    # An enum's own is written in Python: every look-up by mode would call it.
    __hash__ = str.__hash__


class ModeRules(NamedTuple):
    """What holds in one mode. Times in milliseconds; `delay_ms_max` is None where detonators have no delay."""

    commands: frozenset[int]
    unit_types: frozenset[int]
    windows_max: int
    delay_ms_max: int | None
    firing_time_ms: int
    report_time_ms: int


MODES: dict[Mode, ModeRules] = {
    Mode.AXXIS100: ModeRules(frozenset({8, 1, 4, 5}), frozenset({0, 3, 4}), 100, 15_000, 120_000, 300_000),
    Mode.AXXIS100_CFC: ModeRules(frozenset({8, 1, 4, 5, 36}), frozenset({0, 3, 4, 5}), 100, 15_000, 120_000, 300_000),
    Mode.AXXIS500: ModeRules(frozenset({8, 1, 4, 5, 22, 23}), frozenset({0, 3, 4}), 500, 15_000, 420_000, 420_000),
    Mode.AXXIS500_WIFI: ModeRules(
        frozenset({8, 1, 4, 5, 22, 23, 24}), frozenset({0, 3, 4}), 500, 15_000, 420_000, 420_000
    ),
    Mode.AXXIS500_CFC: ModeRules(
        frozenset({8, 1, 4, 5, 22, 23, 36}), frozenset({0, 3, 4, 5}), 500, 15_000, 420_000, 420_000
    ),
    Mode.HYDRA: ModeRules(frozenset({8, 1, 4, 5, 22, 23}), frozenset({0, 3, 4}), 500, 40_000, 120_000, 420_000),
    Mode.IBS: ModeRules(frozenset({8, 1, 2, 3}), frozenset({0, 1, 2}), 100, None, 120_000, 420_000),
}
