"""A random site of the generator: equipment that is readied, fired and spoiled, and whose bits wander."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.oracle.reference_frame import MODES

KEY, CABLE_FAULT, ANSWERS, BRIDGE_WIRE = 0x80, 0x10, 0x02, 0x40
BEFORE, AFTER = 0x73, 0x09
"""A real detonator's flags before and after a blast."""
BOOSTER_KEY, BOOSTER_FAULT, DETONATOR_ERROR = 0x001, 0x002, 0x200
GOOD_BOOSTER = 0x1028
TYPE_1_ANSWERS, TYPE_1_FIRED, PARTIAL_BLAST, MISSING_PULSE = 0x20, 0x08, 0x04, 0x02
GOOD_TYPE_1 = 0xD0

START_FLAWS: dict[bool, tuple[str, ...]] = {True: ("key_off", "fault", "empty", "silent")}
START_FLAWS[False] = (*START_FLAWS[True], "error", "error", "open_wire", "slow", "twice")
END_FLAWS: dict[bool, tuple[str, ...]] = {True: ("unmarked", "partial", "pulse", "missed", "fault")}
END_FLAWS[False] = ("unmarked", "whole_wire", "whole_wire", "missed", "fault")
"""By whether it is an IBS system."""


@dataclass
class Booster:
    """A booster type 2: its 12 bits and LED state, its detonators' (uid, flags, delay) by window id."""

    serial: int
    bits: int = GOOD_BOOSTER
    detonators: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def set_flags(self, window: int, flags: int) -> None:
        uid, _, delay = self.detonators[window]
        self.detonators[window] = (uid, flags, delay)


@dataclass
class Section:
    """A section controller: its bits, its type 1 boosters' (serial, bits) in position order."""

    serial: int
    bits: int = 0
    boosters: list[tuple[int, int]] = field(default_factory=list)

    def set_bits(self, place: int, bits: int) -> None:
        self.boosters[place] = (self.boosters[place][0], bits)


class Site:
    """All equipment at once, of IBS and of the others: a system's mode may change at any time."""

    def __init__(self, random: Random, size: int, mode: str) -> None:
        self.random = random
        self.facts = MODES[mode]
        # Few numbers, so that serials meet across types; the odd one is at an end of its range.
        self.control_units = random.sample([1, 2, 3, 0, 65535], random.choice([1, 1, 1, 2, 3]))
        self.boosters = [Booster(serial) for serial in random.sample([1, 2, 9, 10, 300, 65535], random.randint(1, 4))]
        self.sections = [Section(serial) for serial in random.sample([1, 3, 9, 10, 512], random.randint(1, 3))]
        self.cfcs = random.sample([1, 7], random.randint(1, 2))
        self.size = size
        self.hidden = [self.boosters.pop() for _ in range(len(self.boosters) - 1) if random.random() < 0.2]
        for booster in self.boosters + self.hidden:
            self.stock(booster)
        for section in self.sections:
            section.boosters = [(random.choice([0, 1, 2, 3, 65535]), 0) for _ in range(self.many())]

    def many(self) -> int:
        return self.random.choice([0, 1, 2, 2, 3, self.random.randint(0, self.size)])

    def stock(self, booster: Booster) -> None:
        """Give a booster other detonators."""
        first = self.random.choice([1, 1, 1, 1, self.random.choice([254, 498]) if self.facts.max_windows > 100 else 98])
        booster.detonators = {
            window: (self.uid(), self.flags(), self.delay())
            for window in range(first, first + self.many())
            if window <= self.facts.max_windows or self.random.random() < 0.1
        }

    def uid(self) -> int:
        return self.random.choice([0, 1, 0x1B43E93C, 0xFFFFFFFF, *[self.random.getrandbits(32)] * 4])

    def flags(self) -> int:
        return self.random.choice([0x02, BEFORE, BEFORE, 0x03, 0x75, self.random.getrandbits(8)])

    def delay(self) -> int:
        limit = self.facts.max_delay or 0
        return self.random.choice([0, 100, 9200, limit, limit, limit + 1, 65535])

    # A blast that goes well, and what may be wrong with it.

    def make_ready(self) -> None:
        """All armed, all answering, nothing to be said against a blast."""
        for booster in self.boosters:
            booster.bits = GOOD_BOOSTER | BOOSTER_KEY
            windows = list(booster.detonators) or range(1, 2 + self.random.randrange(3))
            booster.detonators = {window: (self.random.getrandbits(32), BEFORE, 25) for window in windows}
        for section in self.sections:
            section.bits = KEY
            boosters = section.boosters or [(0, 0)] * self.random.randint(1, 3)
            section.boosters = [(serial, GOOD_TYPE_1 | TYPE_1_ANSWERS) for serial, _ in boosters]

    def spoil_start(self, flaw: str) -> None:
        """What is wrong before the blast, of one booster or detonator."""
        booster, section = self.random.choice(self.boosters), self.random.choice(self.sections)
        window = self.random.choice(list(booster.detonators or [0]))
        place = self.random.randrange(len(section.boosters) or 1)
        uid, flags, delay = booster.detonators.get(window, (0, 0, 0))
        over = self.random.choice([1, 1, 500]) + (self.facts.max_delay or 0)
        if flaw == "error":
            # Those that could not be programmed don't answer.
            booster.bits |= DETONATOR_ERROR
            if window in booster.detonators and self.random.random() < 0.6:
                booster.set_flags(window, 0x01)
        elif flaw == "key_off":
            booster.bits &= ~BOOSTER_KEY
            section.bits &= ~KEY
        elif flaw == "fault":
            self.spoil_end("fault")
        elif flaw == "empty":
            booster.detonators, section.boosters = {}, []
        elif window in booster.detonators and flaw in {"open_wire", "slow", "twice", "silent"}:
            uids = [other_uid for other in self.boosters for other_uid, _, _ in other.detonators.values()]
            others = [other_uid for other_uid in uids if other_uid != uid]
            spoiled = {
                "open_wire": (uid, flags & ~BRIDGE_WIRE, delay),
                "slow": (uid, flags, over),
                "twice": (self.random.choice(others or [uid]), flags, delay),
            }
            booster.detonators[window] = spoiled.get(flaw, (uid, flags & ~ANSWERS, delay))
        if flaw in {"error", "silent"} and section.boosters:
            section.set_bits(place, GOOD_TYPE_1)

    def fire(self) -> None:
        """All that answer fire as they should."""
        for booster in self.boosters:
            for window, (_, flags, _) in list(booster.detonators.items()):
                if flags & ANSWERS:
                    booster.set_flags(window, AFTER)
        for section in self.sections:
            for place, (_, bits) in enumerate(section.boosters):
                if bits & TYPE_1_ANSWERS:
                    section.set_bits(place, GOOD_TYPE_1 | TYPE_1_FIRED)

    def spoil_end(self, flaw: str) -> None:
        """What is wrong after the blast, of one booster or detonator."""
        booster, section = self.random.choice(self.boosters), self.random.choice(self.sections)
        if flaw == "fault":
            booster.bits |= self.random.choice([BOOSTER_FAULT, 0x004, 0x010, 0x040, 0x080])
            section.bits |= self.random.choice([CABLE_FAULT, 0x08])
        flags = {"unmarked": AFTER & ~0x08, "whole_wire": AFTER | BRIDGE_WIRE, "missed": BEFORE}
        if booster.detonators and flaw in flags:
            booster.set_flags(self.random.choice(list(booster.detonators)), flags[flaw])
        bits = {"unmarked": 0, "partial": TYPE_1_FIRED | PARTIAL_BLAST, "pulse": TYPE_1_FIRED | MISSING_PULSE}
        bits |= {"missed": TYPE_1_ANSWERS}
        if section.boosters and flaw in bits:
            section.set_bits(self.random.randrange(len(section.boosters)), GOOD_TYPE_1 | bits[flaw])

    def unmark(self) -> None:
        """Nothing says any more that it was fired."""
        for booster in self.boosters:
            for window, (_, flags, _) in list(booster.detonators.items()):
                booster.set_flags(window, flags & ~0x08)
        for section in self.sections:
            section.boosters = [(serial, bits & ~TYPE_1_FIRED) for serial, bits in section.boosters]

    def grow(self) -> None:
        """A detonator more, in each place; in IBS with bits of any kind."""
        for booster in self.boosters:
            window = max(booster.detonators, default=0) + 1
            if window <= self.facts.max_windows:
                booster.detonators[window] = (self.random.getrandbits(32), BEFORE, 25)
        for section in self.sections:
            section.boosters.append((self.random.randrange(4), GOOD_TYPE_1 | self.random.getrandbits(3) << 1))

    # What it does otherwise.

    def reveal(self) -> None:
        """A booster that was not heard of yet may be from now on."""
        if self.hidden and self.random.random() < 0.5:
            self.boosters.insert(0, self.hidden.pop())

    def turn_key(self, on: bool) -> None:
        """Of every booster and section controller, or of all but a few."""
        for booster in self.boosters:
            if self.random.random() < 0.85:
                booster.bits = booster.bits | BOOSTER_KEY if on else booster.bits & ~BOOSTER_KEY
        for section in self.sections:
            if self.random.random() < 0.85:
                section.bits = section.bits | KEY if on else section.bits & ~KEY

    def answer(self, share: float) -> None:
        """Let so many of all detonators answer, the others not."""

        def again(flags: int, bit: int) -> int:
            return flags | bit if self.random.random() < share else flags & ~bit

        for booster in self.boosters:
            for window, (_, flags, _) in list(booster.detonators.items()):
                booster.set_flags(window, again(flags, ANSWERS))
        for section in self.sections:
            section.boosters = [(serial, again(bits, TYPE_1_ANSWERS)) for serial, bits in section.boosters]

    def wander(self) -> None:
        """A little that changes somewhere."""
        booster, section = self.random.choice(self.boosters), self.random.choice(self.sections)
        booster.bits ^= 1 << self.random.choice([0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
        section.bits ^= 1 << self.random.randrange(8)
        if booster.detonators:
            window = self.random.choice(list(booster.detonators))
            booster.set_flags(window, booster.detonators[window][1] ^ 1 << self.random.randrange(8))
        if section.boosters:
            place = self.random.randrange(len(section.boosters))
            section.set_bits(place, section.boosters[place][1] ^ 1 << self.random.randrange(8))

    def rename(self) -> Callable[[], None]:
        """Another detonator, or type 1 booster, in a place that is taken. What is returned takes it back."""
        before = [dict(booster.detonators) for booster in self.boosters]
        sections_before = [list(section.boosters) for section in self.sections]
        for booster in self.boosters:
            if booster.detonators and self.random.random() < 0.5:
                window = self.random.choice(list(booster.detonators))
                booster.detonators[window] = (self.uid(), *booster.detonators[window][1:])
        for section in self.sections:
            if section.boosters and self.random.random() < 0.5:
                place = self.random.randrange(len(section.boosters))
                section.boosters[place] = (self.random.randrange(4), section.boosters[place][1])

        def take_back() -> None:
            for booster, detonators in zip(self.boosters, before, strict=False):
                booster.detonators = detonators
            for section, boosters in zip(self.sections, sections_before, strict=True):
                section.boosters = boosters

        return take_back

    def troubled(self) -> list[tuple[str, str]]:
        """(unit, field) of warnings that its bits raise, once sent."""
        found = []
        for booster in self.boosters:
            names = {1: "cable_fault", 2: "earth_leakage", 6: "low_battery", 7: "too_low_battery", 4: "shaft_fault"}
            found += [(f"3/{booster.serial}", name) for bit, name in names.items() if booster.bits >> bit & 1]
            found += [(f"3/{booster.serial}", "mains")] * (not booster.bits & 8)
        for section in self.sections:
            names = {4: "cable_fault", 3: "earth_leakage"}
            found += [(f"1/{section.serial}", name) for bit, name in names.items() if section.bits >> bit & 1]
            rows = enumerate(section.boosters, 1)
            found += [(f"1/{section.serial}/2/{window}", "mains") for window, (_, bits) in rows if not bits & 0x10]
        return found
