"""The core on the standard load: what a packet costs from its sealed bytes to its events, in one process.

Two rows of the same records in one run, so that their ratio holds on any machine: a floor that opens each record and
checks its CRC, and the whole of it, opened, checked, decoded and applied. No Kafka, no disk.
"""

import time
from collections.abc import Callable

from benchmarks.standard_load import BOOSTERS, SYSTEMS, WINDOWS, Site
from stateserver.codec.packet import Kind
from stateserver.domain.apply import apply
from stateserver.domain.records import FrameRecord
from stateserver.domain.system import System
from stateserver.protocol import crc
from stateserver.protocol.modes import Mode
from stateserver.security.envelope import open_record, seal
from stateserver.security.keyring import KeyRing, new_key_document

ROUNDS = 3
START_MS = 1_700_000_000_000
Sealed = tuple[bytes, bytes]


def sealed_load(ring: KeyRing) -> tuple[list[Sealed], list[Sealed]]:
    """The records that list the units, and those of some rounds, as (key, value)."""
    sites = [Site(number) for number in range(SYSTEMS)]
    sequences = [0] * SYSTEMS

    def record(number: int, frame: bytes, at: int) -> Sealed:
        sequences[number] += 1
        system = f"site-{number}"
        value = seal(ring, Kind.FRAME, system, "ps-1", sequences[number], at, Mode.AXXIS100, frame)
        return system.encode(), value

    listing = [record(number, frame, START_MS) for number, site in enumerate(sites) for frame in site.list_frames()]
    listing += [record(number, frame, START_MS) for number, site in enumerate(sites) for frame in site.round_frames()]
    rounds = [
        record(number, frame, START_MS + 1000 * turn)
        for turn in range(1, ROUNDS + 1)
        for number, site in enumerate(sites)
        for frame in site.round_frames()
    ]
    return listing, rounds


class Whole:
    """Systems that records are applied to."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._systems: dict[str, System] = {}
        self.events = 0

    def take(self, sealed: Sealed) -> None:
        name, record = open_record(self._ring, *sealed, None)
        system = self._systems.get(name)
        if system is None:
            system = self._systems[name] = System(name)
        self.events += len(apply(system, record).changes)


def floor(ring: KeyRing) -> Callable[[Sealed], None]:
    """What can't be left out."""

    def take(sealed: Sealed) -> None:
        _, record = open_record(ring, *sealed, None)
        assert isinstance(record, FrameRecord)
        assert crc.is_sound(record.frame)

    return take


def measure(take: Callable[[Sealed], None], records: list[Sealed]) -> float:
    """CPU in microseconds a record."""
    started = time.process_time()
    for record in records:
        take(record)
    return (time.process_time() - started) / len(records) * 1e6


def main() -> None:
    """Print a row each."""
    key = new_key_document("bench", [Kind.FRAME], ["*"])
    ring = KeyRing.from_document({"keys": [key], "current": {"FRAME": "bench"}})
    listing, records = sealed_load(ring)
    whole = Whole(ring)
    for record in listing:
        whole.take(record)
    whole.events = 0
    print(f"  {SYSTEMS} systems of {BOOSTERS} boosters with {WINDOWS} detonators, {len(records)} packets")
    least = measure(floor(ring), records)
    most = measure(whole.take, records)
    print(f"  floor  {least:7.1f} us/packet  {1e6 / least:9,.0f} packets/s")
    print(
        f"  whole  {most:7.1f} us/packet  {1e6 / most:9,.0f} packets/s  {whole.events / len(records):.2f} events/packet"
    )
    print(f"  whole / floor: {most / least:.2f}")
