"""What the `state` table holds: keys of its rows, what the worker itself notes of a system, and the marker.

A checkpoint's rows all carry the journal positions they stand for in a header; its last row is the **marker**,
which says the same and is written when all else is safe. Without transactions, rows without their marker come from a
checkpoint that was cut off: they are passed over, as the journal's records will be folded again. With them there is
no such thing, and rows without their marker are older ones, whose marker was compacted away: they count.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

from stateserver.codec.era import FIRST_ERA
from stateserver.stream.ports import Headers

STANDS_FOR: Final = "journal"
"""The header with the journal positions that a row stands for."""

MARKER_KEY: Final = b"\x00m"
LINEAGE_BYTES: Final = 16
_CORE: Final = b"d"
_NOTES: Final = b"n"


class DamagedRow(ValueError):
    """A row of the state table that nobody here wrote."""


class Marker(NamedTuple):
    """One consistent cut: the journal offset of the next record wanted, by topic.

    `lineage` is drawn when a changelog begins; files of another life of the log are told by it. `changes_offset`:
    all events after the cut are found from there on. `whole`: written in one transaction with its rows. `systems` is
    how many there are: a hash tells of a system that has lost rows, this of one that has lost all. None in older
    markers.

    `era` is that of all that is told (see `codec.era`). `began` is where the journal was begun to be folded: as long as
    it still begins there, it can be folded again. `partitions` is how many each topic had. `withdraws`: what was told
    before, up to these offsets by topic, is still to be taken away (see `withdrawal`).
    """

    positions: dict[str, int]
    lineage: str
    changes_offset: int | None
    whole: bool = False
    systems: int | None = None
    era: int = FIRST_ERA
    began: dict[str, int] | None = None
    partitions: int | None = None
    withdraws: dict[str, int] | None = None

    def encode(self) -> bytes:
        return json.dumps(self._asdict(), sort_keys=True).encode()


def new_lineage() -> str:
    """The name of another life of a changelog."""
    return secrets.token_hex(LINEAGE_BYTES)


def decode_marker(value: bytes) -> Marker:
    """Raises DamagedRow."""
    try:
        return Marker(**json.loads(value))
    except (ValueError, TypeError) as trouble:
        raise DamagedRow(f"marker {value[:100]!r}: {trouble}") from trouble


class Notes(NamedTuple):
    """What the worker keeps of a system beside the core's rows.

    `topic` and `offset` are of the last record applied, `appended_at` is Kafka's time of it. `frame_time` is the
    last frame's, and `frame_appended_at` Kafka's here (ms): silence is counted from it. `forwarded`: its records come
    from elsewhere. `gaps`: how many frames of each source never came. `unpublished`: some unit's `as_of` in `units` is
    behind. `set_back`: when each source's clock was last told to be set back, and by how much (ms).
    """

    topic: str
    offset: int
    appended_at: int | None
    frame_time: int | None
    frame_appended_at: int | None
    forwarded: bool
    gaps: dict[str, int]
    unpublished: bool
    set_back: dict[str, list[int]]

    def encode(self) -> bytes:
        return orjson.dumps(self._asdict())


def decode_notes(value: bytes) -> Notes:
    """Raises DamagedRow."""
    try:
        return Notes(**json.loads(value))
    except (ValueError, TypeError) as trouble:
        raise DamagedRow(f"notes {value[:100]!r}: {trouble}") from trouble


def stands_for(positions: Mapping[str, int]) -> Headers:
    """The header of each row of a checkpoint."""
    return ((STANDS_FOR, ",".join(f"{topic}:{offset}" for topic, offset in sorted(positions.items())).encode()),)


def swapped_rows(positions: Mapping[str, int], lineage: str) -> Headers:
    """The header of state rows that were put in place of others: never that of a worker's rows at the same cut."""
    ((name, value),) = stands_for(positions)
    return ((name, (value or b"") + b";" + lineage.encode()),)


def is_of_the_core(key: bytes) -> bool:
    """Whether the core wrote the row: it follows from the system's state alone."""
    return key != MARKER_KEY and key.rpartition(b"\x00")[2][:1] == _CORE


def core_key(system: str, row: str) -> bytes:
    """Key of a row that the core wrote."""
    return b"%s\x00%s%s" % (system.encode(), _CORE, row.encode())


def notes_key(system: str) -> bytes:
    """Key of the worker's own row."""
    return b"%s\x00%s" % (system.encode(), _NOTES)


class SystemRows(NamedTuple):
    """One system's part of the table."""

    core: dict[str, bytes]
    notes_row: bytes

    @property
    def notes(self) -> Notes:
        """The worker's own row. Raises DamagedRow: ask the core first whether this is of another release."""
        return decode_notes(self.notes_row)


def rows_by_system(rows: Mapping[bytes, bytes]) -> dict[str, SystemRows]:
    """The table's rows, by system; the marker is passed over. Raises DamagedRow."""
    core: dict[str, dict[str, bytes]] = {}
    notes: dict[str, bytes] = {}
    for key, value in rows.items():
        if key == MARKER_KEY:
            continue
        system, _, rest = key.rpartition(b"\x00")
        try:
            name, row = system.decode(), rest[1:].decode()
        except UnicodeDecodeError as trouble:
            raise DamagedRow(f"key {key!r}") from trouble
        if rest[:1] == _CORE:
            core.setdefault(name, {})[row] = value
        elif rest == _NOTES:
            notes[name] = value
        else:
            raise DamagedRow(f"key {key!r}")
    if not core.keys() <= notes.keys():
        raise DamagedRow(f"rows of {len(core)} systems, but notes of {len(notes)}")
    return {name: SystemRows(core.get(name, {}), own) for name, own in notes.items()}
