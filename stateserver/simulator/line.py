"""The line between equipment and journal: it numbers frames, and where it is bad it loses, repeats and breaks them."""

from collections.abc import Iterable, Iterator
from random import Random

from stateserver.domain.records import FrameRecord
from stateserver.protocol.modes import Mode
from stateserver.simulator.site import Said

SOURCE = "simulator"


def carry(talk: Iterable[Said], mode: Mode, trouble: float, seed: int) -> Iterator[FrameRecord]:
    """The records a Packet Server makes of what it hears. `trouble` is each frame's chance of some."""
    random = Random(seed)
    for sequence, (at, frame) in enumerate(talk, 1):
        record = FrameRecord(at, mode, SOURCE, sequence, frame)
        if random.random() >= trouble:
            yield record
            continue
        match random.choice(("lost", "repeated", "broken")):
            case "repeated":
                yield record
                yield record
            case "broken":
                at_byte = random.randrange(len(frame))
                broken = bytes((*frame[:at_byte], frame[at_byte] ^ 1 << random.randrange(8), *frame[at_byte + 1 :]))
                yield record._replace(frame=broken)
            case _:
                pass
