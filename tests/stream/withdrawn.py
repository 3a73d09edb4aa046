"""Partitions of which something else was told than this release and this key ring would tell."""

from typing import Any

from stateserver.codec.era import era_of
from stateserver.security.keyring import KeyRing
from tests.stream.journals import RING_DOCUMENT, LogLine, sealed
from tests.stream.simulated import World
from tests.stream.test_keeper import LAYOUT, P

FORMAT = b'"format":'

# Of no use but here: 32 bytes of one letter, in base64.
LATE_KEY: dict[str, Any] = {
    "id": "late", "key": "enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6eno=", "uses": ["FRAME"], "systems": ["*"],
}  # fmt: skip
FULL_RING = KeyRing.from_document({**RING_DOCUMENT, "keys": [*RING_DOCUMENT["keys"], LATE_KEY]})
LATE_RING = KeyRing.from_document({"keys": [LATE_KEY], "current": {"FRAME": "late"}})
SHORT_RING = KeyRing.from_document(RING_DOCUMENT)
"""Without the late key."""


def partly_sealed_late(lines: list[LogLine], records: list[Any]) -> list[LogLine]:
    """Some frames in the midst of the journal are sealed with a key that the first ring lacks."""
    third = len(lines) // 3
    return [
        line._replace(value=sealed(record, ring=LATE_RING).value)
        if third < at < 2 * third and at % 3 and type(record).__name__ == "FrameRecord"
        else line
        for at, (line, record) in enumerate(zip(lines, records, strict=True))
    ]


def of_format(value: bytes, change: int) -> bytes:
    """The same row, of a format so much later or earlier."""
    at = value.index(FORMAT) + len(FORMAT)
    digits = value[at : value.index(b",", at)]
    return value[:at] + b"%d" % (int(digits) + change) + value[at + len(digits) :]


def of_another_release(world: World, change: int = -1) -> None:
    """The state, in the changelog and on the disk, becomes that of another release."""
    lines = world.log.topics[LAYOUT.state, P]
    for at, line in enumerate(lines):
        if line.value is not None and FORMAT in line.value:
            lines[at] = line._replace(value=of_format(line.value, change))
    for store in world.stores.disk.values():
        for key, value in store.table.items():
            if FORMAT in value:
                store.table[key] = of_format(value, change)


def eras(world: World) -> set[int]:
    """Of all that was told and not deleted."""
    return {era_of(line.headers) for line in world.log.held(LAYOUT.topics.changes, P)}
