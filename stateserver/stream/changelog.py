"""Reading a state table's changelog: from cut to cut, and never half of one (see `state_rows`)."""

from collections.abc import Sequence

from stateserver.stream.ports import LogRecord, Row
from stateserver.stream.state_rows import MARKER_KEY, STANDS_FOR, decode_marker


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
        if not ours or bytes.fromhex(decode_marker(record.value or b"").lineage) != self.lineage:
            raise OtherLog(f"another record lies at offset {record.offset}")
        self.proved = True

    def _end_cut(self, record: LogRecord) -> list[Row]:
        marker = decode_marker(record.value or b"")
        self.lineage = bytes.fromhex(marker.lineage)
        self.position = record.offset + 1
        rows, self._unmarked = (*self._unmarked, record), []
        if not marker.whole:
            # Rows of another cut belong to a checkpoint that was cut off.
            cut = _cut_of(record)
            rows = tuple(row for row in rows if _cut_of(row) == cut)
        return [Row(row.key, row.value) for row in rows]


def _cut_of(record: LogRecord) -> bytes | None:
    return dict(record.headers).get(STANDS_FOR)
