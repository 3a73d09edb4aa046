"""Journals to feed a worker with: the worked examples, sealed, and what must come of them."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from stateserver.codec import appended as codec
from stateserver.codec.packet import Kind
from stateserver.domain.change import Change, change_to_json
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord, UnreadableFrame
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding
from stateserver.replay.lines import LineReader
from stateserver.security.envelope import open_record, seal
from stateserver.security.keyring import KeyRing
from stateserver.stream.ports import Headers, LogRecord, Row

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = sorted(folder.parent.name for folder in DATA.glob("*/changes.jsonl"))
MODES = {"field-2019-07-19": Mode.AXXIS100, "field-2019-08-30": Mode.AXXIS100_CFC}
CAPTURE = "field-2019-07-19"
SYSTEM = "site"

# Of no use but here: 32 bytes of one letter, in base64.
RING_DOCUMENT: dict[str, Any] = {
    "keys": [
        {"id": "test", "key": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=", "uses": list(Kind), "systems": ["*"]}
    ],
    "current": dict.fromkeys(Kind, "test"),
}
RING = KeyRing.from_document(RING_DOCUMENT)
OTHER_RING = KeyRing.from_document(
    {
        "keys": [
            {
                "id": "test",
                "key": "eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXk=",
                "uses": ["FRAME"],
                "systems": ["*"],
            }
        ],
        "current": {"FRAME": "test"},
    }
)


class LogLine(NamedTuple):
    """A record as it lies in a log; the attributes of aiokafka's."""

    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def example_records(example: str) -> list[Record]:
    """The records of an example's journal."""
    lines = (DATA / example / "journal.jsonl").read_text().splitlines()
    return list(records_in(lines, MODES.get(example) or Mode(example)))


def records_in(lines: Iterable[str], mode: Mode) -> Iterator[Record]:
    """The records of a journal's lines as a log holds them; what are none are left out, though they take a number.

    A log holds bytes: what isn't hex in a line is a frame too short to be one here.
    """
    reader = LineReader(mode)
    for line in lines:
        try:
            record = reader.read(line)
        except Rejected:
            continue
        if isinstance(record, UnreadableFrame):
            created_at, mode, source, sequence, _, appended_at = record
            yield FrameRecord(created_at, mode, source, sequence, b"", appended_at)
        elif record is not None:
            yield record


def sealed(record: Record, system: str = SYSTEM, ring: KeyRing = RING) -> Row:
    """A record as a Packet Server, a worker or a gateway appends it.

    One that says when it was appended says so in its header, as if it had been forwarded: the broker has its own time.
    """
    if isinstance(record, FrameRecord):
        kind, source, sequence, body = Kind.FRAME, record.source, record.sequence, record.frame
    elif isinstance(record, TickRecord):
        kind, source, sequence, body = Kind.TICK, "worker", 0, b""
    else:
        assert isinstance(record, CommandRecord)
        kind, source, sequence, body = Kind.COMMAND, "gateway", 0, record.command
    value = seal(ring, kind, system, source, sequence, record.created_at, record.mode, body)
    headers = () if record.appended_at is None else ((codec.APPENDED_AT, str(record.appended_at).encode()),)
    return Row(system.encode(), value, headers)


def opened(line: LogRecord, ring: KeyRing = RING) -> tuple[str, Record]:
    """The system and the record of a line of a log, as a worker opens it. Raises Rejected."""
    return open_record(ring, line.key, line.value, codec.appended_at(line.timestamp, line.headers))


def log_lines(records: Iterable[Record], system: str = SYSTEM) -> list[LogLine]:
    """Sealed records, each appended when it says, or else at the time it was created."""
    return [LogLine(offset, appended_at(record), *sealed(record, system)) for offset, record in enumerate(records)]


def appended_at(record: Record) -> int:
    """When a record is appended, ms since 1970."""
    return record.created_at if record.appended_at is None else record.appended_at


@cache
def expected(example: str, file: str) -> list[dict[str, Any]]:
    """What must come of an example's records in a log: the core's own fold of them (which is held to the files)."""
    changes, folding = list[Change](), Folding(SYSTEM)
    for record in example_records(example):
        try:
            changes += folding.apply(record)
        except Rejected:
            continue
    rows: dict[str, list[Any]] = {
        "changes.jsonl": [change_to_json(change) for change in changes],
        "units.jsonl": [{"system": SYSTEM, "unit": path, **fields} for path, fields in folding.system.units()],
        "blasts.jsonl": folding.documents(),
    }
    kept: list[dict[str, Any]] = json.loads(json.dumps(rows[file]))
    return kept


def folded(records: Iterable[Record], system: str = SYSTEM) -> Folding:
    """The pure core's own fold of the same records: the oracle."""
    folding = Folding(system)
    for record in records:
        try:
            folding.apply(record)
        except Rejected as rejection:
            folding.reject(rejection)
    return folding


def last_values(lines: Iterable[LogRecord]) -> dict[bytes, bytes]:
    """What a compacted topic comes to: the last value of each key, but for those that were taken away."""
    table: dict[bytes, bytes] = {}
    for line in lines:
        assert line.key is not None
        if line.value is None:
            table.pop(line.key, None)
        else:
            table[line.key] = line.value
    return table
