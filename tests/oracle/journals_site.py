"""A random site of the generator: equipment whose bits wander, and the packets it would send."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.oracle.reference_frame import MODES, crc16_x25

KEY, FIRE = 0x80, 0x20
ANSWERS = 0x02


def packet(command: int, serial: int, payload: bytes) -> bytes:
    head = bytes([0xAA, 0xAA, len(payload) + 8 & 0xFF, command]) + serial.to_bytes(2, "big") + payload
    return head + crc16_x25(head).to_bytes(2, "little")


@dataclass
class Booster:
    """A booster type 2: its 12 bits and LED state, its detonators' (uid, flags, delay) by window id."""

    serial: int
    bits: int = 0x028
    detonators: dict[int, tuple[int, int, int]] = field(default_factory=dict)


@dataclass
class Section:
    """A section controller: its bits, its type 1 boosters' (serial, bits) in position order."""

    serial: int
    bits: int = 0
    boosters: list[tuple[int, int]] = field(default_factory=list)


class Site:
    """All equipment at once, of IBS and of the others: a system's mode may change at any time."""

    def __init__(self, random: Random, size: int, mode: str) -> None:
        self.random = random
        self.window_max = MODES[mode].max_windows
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
        first = self.random.choice([1, 1, 1, 1, self.random.choice([254, 498]) if self.window_max > 100 else 98])
        booster.detonators = {
            window: (self.uid(), self.flags(), self.random.choice([0, 100, 9200, 65535]))
            for window in range(first, first + self.many())
            if window <= self.window_max or self.random.random() < 0.1
        }

    def uid(self) -> int:
        return self.random.choice([0, 1, 0x1B43E93C, 0xFFFFFFFF, self.random.getrandbits(32)])

    def flags(self) -> int:
        return self.random.choice([0x02, 0x77, 0x03, 0x75, self.random.getrandbits(8)])

    # What it does.

    def reveal(self) -> None:
        """A booster that was not heard of yet may be from now on."""
        if self.hidden and self.random.random() < 0.5:
            self.boosters.insert(0, self.hidden.pop())

    def turn_key(self, on: bool) -> None:
        """Of every booster and section controller, or of all but a few."""
        for booster in self.boosters:
            if self.random.random() < 0.85:
                booster.bits = booster.bits | 1 if on else booster.bits & ~1
        for section in self.sections:
            if self.random.random() < 0.85:
                section.bits = section.bits | KEY if on else section.bits & ~KEY

    def answer(self, share: float) -> None:
        """Let so many of all detonators answer, the others not."""

        def again(flags: int, bit: int) -> int:
            return flags | bit if self.random.random() < share else flags & ~bit

        for booster in self.boosters:
            for window, (uid, flags, delay) in booster.detonators.items():
                booster.detonators[window] = (uid, again(flags, ANSWERS), delay)
        for section in self.sections:
            section.boosters = [(serial, again(bits, 0x20)) for serial, bits in section.boosters]

    def wander(self) -> None:
        """A little that changes somewhere."""
        booster, section = self.random.choice(self.boosters), self.random.choice(self.sections)
        booster.bits ^= 1 << self.random.choice([0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
        section.bits ^= 1 << self.random.randrange(8)
        if booster.detonators:
            window = self.random.choice(list(booster.detonators))
            uid, flags, delay = booster.detonators[window]
            booster.detonators[window] = (uid, flags ^ 1 << self.random.randrange(8), delay)
        if section.boosters:
            place = self.random.randrange(len(section.boosters))
            serial, bits = section.boosters[place]
            section.boosters[place] = (serial, bits ^ 1 << self.random.randrange(8))

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

    # What it says.

    def control_unit(self, serial: int, key: int, fire: int) -> bytes:
        noise = self.random.choice([0, 0, 0, self.random.getrandbits(8) & ~(KEY | FIRE)])
        return packet(8, serial, bytes([self.random.choice([0, 5]), key * KEY | fire * FIRE | noise]))

    def lists(self, mode: str) -> list[bytes]:
        """Every list that there is in a mode."""
        if mode == "IBS":
            sections = b"".join(section.serial.to_bytes(2, "big") for section in self.sections)
            return [packet(1, self.random.choice(self.control_units), sections)] + [
                packet(2, section.serial, b"".join(serial.to_bytes(2, "little") for serial, _ in section.boosters))
                for section in self.sections
            ]
        return [frame for booster in self.boosters for frame in self.booster_list(mode, booster)]

    def booster_list(self, mode: str, booster: Booster) -> list[bytes]:
        rows = list(booster.detonators.items())
        self.random.shuffle(rows)
        short = [(uid, window) for window, (uid, _, _) in rows if window < 256]
        if 22 not in MODES[mode].commands or self.random.random() < 0.3:
            chunks = [uid.to_bytes(4, "big") + bytes([window]) for uid, window in short]
            return self.split(4, booster.serial, b"", chunks, 49)
        chunks = [uid.to_bytes(4, "big") + window.to_bytes(2, "little") for window, (uid, _, _) in rows]
        return self.split(22, booster.serial, b"", chunks, 41)

    def data(self, mode: str) -> list[bytes]:
        """Every data frame that there is in a mode, now and then one of those few have."""
        if mode == "IBS":
            return [self.section_data(section) for section in self.sections]
        frames = [frame for booster in self.boosters for frame in self.booster_data(mode, booster)]
        if 24 in MODES[mode].commands:
            frames.append(packet(24, self.random.choice(self.boosters).serial, self.random.randbytes(4)))
        if 36 in MODES[mode].commands:
            frames.append(packet(36, self.random.choice(self.cfcs), self.random.randbytes(5)))
        return frames

    def section_data(self, section: Section) -> bytes:
        """Of all its boosters, now and then of the first few only."""
        told = section.boosters if self.random.random() < 0.85 else section.boosters[: self.random.randrange(3)]
        chunks = [section.bits] + [bits for _, bits in told]
        return packet(3, section.serial, b"".join(bytes([bits, self.random.randrange(2)]) for bits in chunks))

    def booster_data(self, mode: str, booster: Booster) -> list[bytes]:
        head = bytes([len(booster.detonators) & 0xFF, 0]) + (booster.bits & 0xFFFF).to_bytes(2, "big")
        rows = list(booster.detonators.items())
        if self.random.random() < 0.2:
            self.random.shuffle(rows)
            rows = rows[: self.random.randint(0, len(rows))]
        if 23 in MODES[mode].commands and self.random.random() < 0.7:
            chunks = [
                window.to_bytes(2, "little") + bytes([flags]) + delay.to_bytes(2, "little")
                for window, (_, flags, delay) in rows
            ]
            return [packet(5, booster.serial, head), *self.split(23, booster.serial, b"", chunks, 49)]
        chunks = [
            bytes([window, flags]) + delay.to_bytes(2, "little") for window, (_, flags, delay) in rows if window < 256
        ]
        return self.split(5, booster.serial, head, chunks, 60)

    def clear(self, booster: Booster) -> list[bytes]:
        """A clear signal, perhaps the stray chunk after it."""
        booster.detonators = {}
        head = bytes([0, 0]) + (booster.bits & 0xFFFF).to_bytes(2, "big")
        stray = head + bytes([255, self.random.getrandbits(8), 255, 0])
        signals = [packet(4, booster.serial, b"\xff" * 5)]
        if self.random.random() < 0.5:
            signals.append(packet(5, booster.serial, stray))
        if self.random.random() < 0.5:
            self.stock(booster)
        return signals

    def split(self, command: int, serial: int, head: bytes, chunks: list[bytes], most: int) -> list[bytes]:
        """Frames of as many chunks as one holds, or of fewer; a chunk comes twice now and then."""
        if chunks and self.random.random() < 0.05:
            chunks = [*chunks, self.random.choice(chunks)]
        size = self.random.choice([most, most, 2])
        parts = [chunks[at : at + size] for at in range(0, len(chunks), size)] or [[]]
        return [packet(command, serial, head + b"".join(part)) for part in parts[:6]]
