"""The standard load (spec page 3): many AXXIS100 systems that repeat what is known and change a little.

A round of a system is one control unit frame and two 50-detonator data frames a booster; a share of the detonators
differs from the round before.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

from stateserver.protocol.encode import encode_frame

SYSTEMS: Final = 200
BOOSTERS: Final = 10
WINDOWS: Final = 100
CHANGED_SHARE: Final = 0.02
HALF: Final = 50
_BOOSTER_HEAD: Final = bytes.fromhex("00001829")
_CONTROL_UNIT: Final = encode_frame(8, 23, bytes.fromhex("05c0"))
_TAGGED: Final = 0x04


class Site:
    """The equipment of one system."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._flags = [bytearray([0x63]) * (WINDOWS + 1) for _ in range(BOOSTERS)]

    def list_frames(self) -> Iterator[bytes]:
        """Which detonators there are."""
        for booster in range(BOOSTERS):
            for first in range(1, WINDOWS + 1, 45):
                windows = range(first, min(first + 45, WINDOWS + 1))
                uids = (0x1B000000 | booster << 8 | window for window in windows)
                chunks = (uid.to_bytes(4, "big") + bytes([w]) for uid, w in zip(uids, windows, strict=True))
                yield encode_frame(4, 100 + booster, b"".join(chunks))

    def round_frames(self) -> Iterator[bytes]:
        """One round of status and data, after a few detonators have changed."""
        yield _CONTROL_UNIT
        for booster, flags in enumerate(self._flags):
            for _ in range(round(WINDOWS * CHANGED_SHARE)):
                flags[self._random.randint(1, WINDOWS)] ^= _TAGGED
            for first in (1, 1 + HALF):
                chunks = (
                    bytes((window, flags[window])) + (window * 25).to_bytes(2, "little")
                    for window in range(first, first + HALF)
                )
                yield encode_frame(5, 100 + booster, _BOOSTER_HEAD + b"".join(chunks))
