"""Reading a state table's changelog: from cut to cut, and never half of one (see `state_rows`)."""

from collections.abc import Sequence

from stateserver.stream.ports import LogRecord, Row
from stateserver.stream.state_rows import MARKER_KEY, STANDS_FOR, Marker, decode_marker


class OtherLog(Exception):
    """What is on disk is not of this changelog."""


class CutReader:
    """Hands on the rows of whole cuts. Begins behind `position`, where the rows of `lineage` end; 0 is the beginning.

    From a position on, the first record to be given is the marker before it: it proves that this is the log of
    which the rows are.
    """

    def __init__(self, position: int, lineage: bytes) -> None:
        self.position = position
        self.lineage = lineage
        self.proved = position == 0
        self._unmarked: list[LogRecord] = []
        self._latest: tuple[Marker, bytes | None] | None = None

    @property
    def start(self) -> int:
        """The offset of the first record to be given."""
        return max(self.position - 1, 0)

    def take(self, records: Sequence[LogRecord]) -> list[Row]:
        """The rows of the cuts that end among these records, markers included. Raises OtherLog and DamagedRow."""
        rows: list[Row] = []
        for record in records:
            if not self.proved:
                self._prove(record)
            elif record.key == MARKER_KEY:
                rows += self._end_cut(record)
            else:
                self._unmarked.append(record)
        return rows

    def _prove(self, record: LogRecord) -> None:
        ours = record.offset == self.position - 1 and record.key == MARKER_KEY and record.value is not None
        marker = decode_marker(record.value or b"") if ours else None
        if marker is None or bytes.fromhex(marker.lineage) != self.lineage:
            raise OtherLog(f"another record lies at offset {record.offset}")
        self.proved = True
        self._latest = marker, record.value

    def _end_cut(self, record: LogRecord) -> list[Row]:
        marker = decode_marker(record.value or b"")
        rows, self._unmarked = (*self._unmarked, record), []
        self.position = record.offset + 1
        if self._latest is not None:
            latest, its_value = self._latest
            if _is_late(marker, latest):
                return [Row(MARKER_KEY, its_value)]
        self._latest = marker, record.value
        self.lineage = bytes.fromhex(marker.lineage)
        if not marker.whole:
            # Rows of another cut belong to a checkpoint that was cut off.
            cut = _cut_of(record)
            rows = tuple(row for row in rows if _cut_of(row) == cut)
        return [Row(row.key, row.value) for row in rows]


def _is_late(marker: Marker, latest: Marker) -> bool:
    """Whether a cut stands for less than the one before it: its writer is gone, and nothing fenced what it left."""
    return (
        not marker.whole
        and marker.lineage == latest.lineage
        and any(marker.positions.get(topic, 0) < position for topic, position in latest.positions.items())
    )


def _cut_of(record: LogRecord) -> bytes | None:
    return dict(record.headers).get(STANDS_FOR)
