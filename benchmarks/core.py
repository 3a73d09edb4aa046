"""The core on the standard load: what a packet costs from its sealed bytes to its events, in one process.

Two rows of the same records in one run, so that their ratio holds on any machine: a floor that opens each record and
checks its CRC, and the whole of it, opened, checked, decoded and applied. No Kafka, no disk.
"""

import statistics
import time
from collections.abc import Callable

from benchmarks.standard_load import BOOSTERS, SYSTEMS, WINDOWS, Load, Sealed
from stateserver.codec.packet import Kind
from stateserver.domain.apply import apply
from stateserver.domain.records import FrameRecord
from stateserver.domain.system import System
from stateserver.protocol import crc
from stateserver.security.envelope import open_record
from stateserver.security.keyring import KeyRing, new_key_document

ROUNDS = 6
CHUNK = 500


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
    """Print a row each. What others do on this machine slows both alike: they take turns, and their medians count."""
    key = new_key_document("bench", [Kind.FRAME], ["*"])
    ring = KeyRing.from_document({"keys": [key], "current": {"FRAME": "bench"}})
    load = Load(ring)
    whole = Whole(ring)
    for sealed in load.listing():
        whole.take(sealed)
    whole.events = 0
    records = list(load.rounds(ROUNDS))
    print(f"  {SYSTEMS} systems of {BOOSTERS} boosters with {WINDOWS} detonators, {len(records)} packets")
    costs = []
    for start in range(0, len(records), CHUNK):
        chunk = records[start : start + CHUNK]
        costs.append((measure(floor(ring), chunk), measure(whole.take, chunk)))
    least, most = (statistics.median(column) for column in zip(*costs, strict=True))
    events = whole.events / len(records)
    print(f"  floor  {least:7.1f} us/packet  {1e6 / least:9,.0f} packets/s")
    print(f"  whole  {most:7.1f} us/packet  {1e6 / most:9,.0f} packets/s  {events:.2f} events/packet")
    print(f"  whole / floor: {statistics.median(whole / floor for floor, whole in costs):.2f}")


if __name__ == "__main__":
    main()
