"""The standard load (spec page 3): many AXXIS100 systems that repeat what is known and change a little.

A round of a system is one control unit frame and two 50-detonator data frames a booster. Each data frame has one
detonator that differs from the round before (2 % of them), and each booster differs once a round: with the counts that
follow, 48 items and 2.4 events a packet.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

from stateserver.codec.packet import Kind
from stateserver.protocol.encode import encode_frame
from stateserver.protocol.modes import Mode
from stateserver.security.envelope import seal
from stateserver.security.keyring import KeyRing

SYSTEMS: Final = 200
BOOSTERS: Final = 10
WINDOWS: Final = 100
HALF: Final = 50
FRAMES_A_ROUND: Final = 1 + 2 * BOOSTERS
START_MS: Final = 1_700_000_000_000
ROUND_MS: Final = 1000

_BOOSTER_HEADS: Final = (bytes.fromhex("00001829"), bytes.fromhex("00002829"))
_CONTROL_UNIT: Final = encode_frame(8, 23, bytes.fromhex("05c0"))
_FLAGS: Final = 0x63
_TAGGED: Final = 0x04
_CHUNK: Final = 4

Sealed = tuple[bytes, bytes]
"""A record's key and value."""


class Site:
    """The equipment of one system."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._rounds = 0
        chunks = b"".join(bytes((w, _FLAGS)) + (w * 25).to_bytes(2, "little") for w in range(1, WINDOWS + 1))
        self._chunks = [bytearray(chunks) for _ in range(BOOSTERS)]

    def list_frames(self) -> Iterator[bytes]:
        """Which detonators there are."""
        for booster in range(BOOSTERS):
            for first in range(1, WINDOWS + 1, 45):
                windows = range(first, min(first + 45, WINDOWS + 1))
                uids = (0x1B000000 | booster << 8 | window for window in windows)
                chunks = (uid.to_bytes(4, "big") + bytes([w]) for uid, w in zip(uids, windows, strict=True))
                yield encode_frame(4, 100 + booster, b"".join(chunks))

    def round_frames(self) -> Iterator[bytes]:
        """One round of status and data, after a few units have changed."""
        self._rounds += 1
        head = _BOOSTER_HEADS[self._rounds % 2]
        yield _CONTROL_UNIT
        for booster, chunks in enumerate(self._chunks):
            for first in (0, HALF):
                changed = first + self._random.randrange(HALF)
                chunks[changed * _CHUNK + 1] ^= _TAGGED
                yield encode_frame(5, 100 + booster, head + bytes(chunks[first * _CHUNK : (first + HALF) * _CHUNK]))


class Load:
    """Sealed records of many sites, in the order in which Packet Servers would append them."""

    def __init__(self, ring: KeyRing, systems: int = SYSTEMS, name: str = "site") -> None:
        self._ring = ring
        self._name = name
        self._sites = [Site(number) for number in range(systems)]
        self._sequences = [0] * systems
        self._at = START_MS

    def listing(self) -> Iterator[Sealed]:
        """Each site's lists of detonators, and a first round."""
        for number, site in enumerate(self._sites):
            for frame in site.list_frames():
                yield self._sealed(number, frame)
        yield from self.rounds(1)

    def rounds(self, count: int) -> Iterator[Sealed]:
        """Rounds of all sites, one after the other."""
        for _ in range(count):
            self._at += ROUND_MS
            for number, site in enumerate(self._sites):
                for frame in site.round_frames():
                    yield self._sealed(number, frame)

    def _sealed(self, number: int, frame: bytes) -> Sealed:
        self._sequences[number] += 1
        system, sequence = f"{self._name}-{number}", self._sequences[number]
        value = seal(self._ring, Kind.FRAME, system, "ps-1", sequence, self._at, Mode.AXXIS100, frame)
        return system.encode(), value
