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

    def _end_cut(self, marker: LogRecord) -> list[Row]:
        self.lineage = bytes.fromhex(decode_marker(marker.value or b"").lineage)
        self.position = marker.offset + 1
        cut = dict(marker.headers).get(STANDS_FOR)
        whole = (*self._unmarked, marker)
        self._unmarked = []
        # Rows of another cut belong to a checkpoint that was cut off.
        return [Row(record.key, record.value) for record in whole if dict(record.headers).get(STANDS_FOR) == cut]
