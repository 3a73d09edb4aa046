"""What the equipment of a random site says: its packets."""

from random import Random

from tests.oracle.journals_site import Booster, Section, Site
from tests.oracle.reference_frame import MODES, crc16_x25

KEY, FIRE, FIRING = 0x80, 0x20, 0x04


def packet(command: int, serial: int, payload: bytes) -> bytes:
    head = bytes([0xAA, 0xAA, len(payload) + 8 & 0xFF, command]) + serial.to_bytes(2, "big") + payload
    return head + crc16_x25(head).to_bytes(2, "little")


def control_unit(random: Random, serial: int, buttons: tuple[int, int], *, firing: bool) -> bytes:
    """Key and fire button, the bit firing, and at times what else there is."""
    bits = buttons[0] * KEY | buttons[1] * FIRE | firing * FIRING
    noise = random.choice([0, 0, 0, random.getrandbits(8) & ~(KEY | FIRE | FIRING)])
    return packet(8, serial, bytes([random.choice([0, 5]), bits | noise]))


class Packets:
    """The packets of a site as it stands."""

    def __init__(self, random: Random, site: Site) -> None:
        self.random = random
        self.site = site

    def lists(self, mode: str) -> list[bytes]:
        """Every list that there is in a mode."""
        random, site = self.random, self.site
        control_unit, below = random.choice(site.control_units), site.sections if mode == "IBS" else site.boosters
        serials = [unit.serial for unit in below]
        if mode != "IBS" and random.random() < 0.3:
            serials += [booster.serial for booster in site.hidden]
        frames = [packet(1, control_unit, b"".join(serial.to_bytes(2, "big") for serial in serials))]
        if mode == "IBS":
            return frames + [self.section_list(section) for section in site.sections]
        frames = frames if random.random() < 0.5 else []
        return frames + [frame for booster in site.boosters for frame in self.booster_list(mode, booster)]

    def section_list(self, section: Section) -> bytes:
        serials = b"".join(serial.to_bytes(2, "little") for serial, _ in section.boosters)
        return packet(2, section.serial, serials)

    def booster_list(self, mode: str, booster: Booster) -> list[bytes]:
        rows = list(booster.detonators.items())
        short = [(uid, window) for window, (uid, _, _) in rows if window < 256]
        if 22 not in MODES[mode].commands or self.random.random() < 0.3:
            chunks = [uid.to_bytes(4, "big") + bytes([window]) for uid, window in short]
            return self.split(4, booster.serial, b"", chunks, 49)
        chunks = [uid.to_bytes(4, "big") + window.to_bytes(2, "little") for window, (uid, _, _) in rows]
        return self.split(22, booster.serial, b"", chunks, 41)

    def data(self, mode: str) -> list[bytes]:
        """Every data frame that there is in a mode, now and then one of those few have."""
        if mode == "IBS":
            return [self.section_data(section) for section in self.site.sections]
        frames = [frame for booster in self.site.boosters for frame in self.booster_data(mode, booster)]
        if 24 in MODES[mode].commands:
            frames.append(packet(24, self.random.choice(self.site.boosters).serial, self.random.randbytes(4)))
        if 36 in MODES[mode].commands:
            frames.append(packet(36, self.random.choice(self.site.cfcs), self.random.randbytes(5)))
        return frames

    def section_data(self, section: Section) -> bytes:
        """Of all its boosters, now and then of the first few only."""
        told = section.boosters if self.random.random() < 0.9 else section.boosters[: self.random.randrange(3)]
        chunks = [section.bits] + [bits for _, bits in told]
        return packet(3, section.serial, b"".join(bytes([bits, self.random.randrange(2)]) for bits in chunks))

    def booster_data(self, mode: str, booster: Booster) -> list[bytes]:
        count = len(booster.detonators)
        count = self.random.choice([count, count, count, count + 256, self.random.getrandbits(16)])
        head = count.to_bytes(2, "little") + (booster.bits & 0xFFFF).to_bytes(2, "big")
        rows = list(booster.detonators.items())
        if self.random.random() < 0.15:
            # A stretch of its table.
            rows = rows[self.random.randint(0, len(rows)) :][: self.random.randint(0, len(rows))]
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
            self.site.stock(booster)
        return signals

    def split(self, command: int, serial: int, head: bytes, chunks: list[bytes], most: int) -> list[bytes]:
        """Frames of as many chunks as one holds, or of fewer; now and then one is damaged, but its CRC is good."""
        size = self.random.choice([most, most, 2])
        parts = [chunks[at : at + size] for at in range(0, len(chunks), size)] or [[]]
        if self.random.random() < 0.03:
            parts = [*parts, self._damaged(chunks[:most])]
        return [packet(command, serial, head + b"".join(part)) for part in parts[:6]]

    def _damaged(self, chunks: list[bytes]) -> list[bytes]:
        """A chunk twice, lost or in another place: windows that jump."""
        at = self.random.randrange(len(chunks) or 1)
        twice, lost = chunks[:at] + chunks[at : at + 1] + chunks[at:], chunks[:at] + chunks[at + 1 :]
        return self.random.choice([twice, lost, chunks[::-1], chunks[at:] + chunks[:at]])[:48]
