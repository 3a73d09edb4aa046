"""Journals to feed a worker with: the worked examples, sealed, and what must come of them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from stateserver.codec.packet import Kind
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding
from stateserver.replay.lines import LineReader
from stateserver.security.envelope import seal
from stateserver.security.keyring import KeyRing
from stateserver.stream.ports import Headers, LogRecord, Row

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = sorted(folder.name for folder in DATA.iterdir() if folder.is_dir())
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
    """The records of an example's journal; lines that are none are left out, though they take a number."""
    mode = Mode("AXXIS100" if example == CAPTURE else example)
    reader = LineReader(mode)
    records = []
    for line in (DATA / example / "journal.jsonl").read_text().splitlines():
        try:
            record = reader.read(line)
        except Rejected:
            continue
        if record is not None:
            records.append(record)
    return records


def sealed(record: Record, system: str = SYSTEM, ring: KeyRing = RING) -> Row:
    """A record as a Packet Server, a worker or a gateway appends it."""
    if isinstance(record, FrameRecord):
        kind, source, sequence, body = Kind.FRAME, record.source, record.sequence, record.frame
    elif isinstance(record, TickRecord):
        kind, source, sequence, body = Kind.TICK, "worker", 0, b""
    else:
        assert isinstance(record, CommandRecord)
        kind, source, sequence, body = Kind.COMMAND, "gateway", 0, record.command
    value = seal(ring, kind, system, source, sequence, record.created_at, record.mode, body)
    return Row(system.encode(), value)


def log_lines(records: Iterable[Record], system: str = SYSTEM) -> list[LogLine]:
    """Sealed records, each appended at the time it was created."""
    return [LogLine(offset, record.created_at, *sealed(record, system)) for offset, record in enumerate(records)]


def expected(example: str, file: str) -> list[dict[str, Any]]:
    """What must come of an example."""
    return [json.loads(line) for line in (DATA / example / file).read_text().splitlines()]


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
