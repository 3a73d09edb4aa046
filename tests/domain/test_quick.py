"""The quick way of the usual frames and the way of all frames come to the same."""

from random import Random

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from stateserver.domain import apply as applying
from stateserver.domain.apply import apply
from stateserver.domain.change import Change
from stateserver.domain.checkpoint import take_rows
from stateserver.domain.quick import apply_quickly
from stateserver.domain.records import FrameRecord
from stateserver.domain.reporting import take_snapshot
from stateserver.domain.system import System
from stateserver.protocol.decode import Message
from stateserver.protocol.encode import encode
from stateserver.protocol.modes import Mode
from tests.domain.places import unit_paths

WINDOWS = 12
START = 1_560_000_000_000
PAUSES_MS = (0, 1, 1000, 1000, 1000, 300_000, 599_999, 600_000)
HEAD = {"child_count": 0, "led_state": 1, "mains": 1, "dc_supply": 1}
BOOSTER_BITS = [
    "isolation_relay",
    "detonator_error",
    "blast_armed",
    "low_battery",
    "dc_supply",
    "mains",
    "cable_fault",
    "key_switch",
]
FLAGS = [
    "energy_storing",
    "bridge_wire",
    "calibration",
    "program",
    "booster_fired",
    "tagged",
    "detonator_status",
    "logged",
]


class Site:
    """Equipment that says the same again and again, but for a little."""

    def __init__(self, seed: int, mode: Mode) -> None:
        self._random = Random(seed)
        self._mode = mode
        self._number = 23 if mode is Mode.HYDRA else 5
        self._flags = {booster: [dict.fromkeys(FLAGS, 0) for _ in range(WINDOWS + 1)] for booster in (1, 2)}
        self._heads = {booster: dict(HEAD) for booster in (1, 2)}
        self._delays = [25 * window for window in range(WINDOWS + 1)]

    def journal(self, length: int) -> list[FrameRecord]:
        random, now, records = self._random, START, list[FrameRecord]()
        for sequence in range(1, length + 1):
            now += random.choice(PAUSES_MS)
            number = sequence + (random.randrange(20) == 0)
            created_at = now - (random.randrange(30) == 0) * 1500
            source = random.choice(("ps-1",) * 9 + ("ps-2",))
            appended_at = random.choice((None, created_at, created_at + 40, created_at - 3, created_at - 6000))
            records.append(FrameRecord(created_at, self._mode, source, number, self._frame(), appended_at))
        return records

    def _frame(self) -> bytes:
        random = self._random
        if random.randrange(4) == 0:
            pressed = int(random.randrange(25) == 0)
            fires = pressed * random.randrange(2)
            status = {**dict.fromkeys(STATUS, 0), "key_switch": pressed, "fire_button": pressed, "firing": fires}
            return encode(Message(8, 1, status, []))
        booster = random.choice((1, 2))
        if random.randrange(6) == 0:
            self._heads[booster][random.choice(BOOSTER_BITS)] = random.randrange(2)
        for _ in range(random.randrange(3)):
            self._flags[booster][random.randint(1, WINDOWS)][random.choice(FLAGS)] ^= 1
        if random.randrange(20) == 0:
            self._delays[random.randint(1, WINDOWS)] += 1
        first = random.choice((1, 1, 1, 1 + WINDOWS // 2, 3))
        items = [
            {"window_id": window, "delay": self._delays[window], **self._flags[booster][window]}
            for window in range(first, min(first + WINDOWS // 2, WINDOWS + 1))
        ]
        head = {**dict.fromkeys(BOOSTER_BITS + REST, 0), **self._heads[booster]} if self._number == 5 else None
        return encode(Message(self._number, booster, head, items))


STATUS = ["isolation_relay", "cable_fault", "earth_leakage", "firing", "resetting"]
REST = ["child_count", "led_state", "too_low_battery", "shaft_fault", "earth_leakage"]
JOURNALS = st.builds(
    lambda seed, mode, length: Site(seed, mode).journal(length),
    st.integers(0, 2**32),
    st.sampled_from([Mode.AXXIS100, Mode.HYDRA]),
    st.integers(1, 120),
)


def fold(journal: list[FrameRecord]) -> tuple[System, list[list[Change]]]:
    system = System("site")
    return system, [apply(system, record).changes for record in journal]


@given(JOURNALS)
def test_both_ways_come_to_the_same(journal: list[FrameRecord]) -> None:
    quick = 0

    def counted(*given: object) -> list[Change] | None:
        nonlocal quick
        changes = apply_quickly(*given)  # type: ignore[arg-type]
        quick += changes is not None
        return changes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(applying, "apply_quickly", counted)
        system, changes = fold(journal)
        patch.setattr(applying, "apply_quickly", lambda *_: None)
        slow_system, slow_changes = fold(journal)
    assert changes == slow_changes
    assert unit_paths(system.touched) == unit_paths(slow_system.touched)
    assert take_rows(system) == take_rows(slow_system)
    assert take_snapshot(system) == take_snapshot(slow_system)
    assert system.counters == slow_system.counters
    assert system.deadline_floor == slow_system.deadline_floor
    event(f"the quick way: {quick * 10 // len(journal) * 10} %")
