"""A process that makes one view of one report, and ends: the PDF of a huge blast takes many seconds of a core.

Standard input: a line of JSON, `{"view", "zone"}`, then the parts of the blast's documents as they lie in their topic,
each behind its size in four bytes. Standard output: the view. It gives way to whatever else runs on the machine.
"""

import os
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

import orjson

from stateserver.codec.blast import END, REPORT, START, BlastPart, decode_blast_part, join_document, open_document
from stateserver.codec.schemas import SCHEMAS
from stateserver.reports.timeline import read_document
from stateserver.reports.views import VIEWS, Filed

SIZE: Final = struct.Struct(">I")
NICENESS: Final = 15


def request_of(view: str, zone: str, parts: list[BlastPart]) -> Iterator[bytes]:
    """What the process is to be given, piece by piece."""
    yield orjson.dumps({"view": view, "zone": zone}) + b"\n"
    for part in parts:
        value = SCHEMAS.encode("blast", part._asdict())
        yield SIZE.pack(len(value)) + value


def make(source: BinaryIO, out: BinaryIO) -> None:
    """Carry a request out."""
    asked = orjson.loads(source.readline())
    parts: dict[str, list[BlastPart]] = {REPORT: [], START: [], END: []}
    while size := source.read(SIZE.size):
        part = decode_blast_part(source.read(SIZE.unpack(size)[0]))
        parts[part.what].append(part)
    VIEWS[asked["view"]].write(filed_of(parts), ZoneInfo(asked["zone"]), out)


def filed_of(parts: Mapping[str, Sequence[BlastPart]]) -> Filed:
    """What a report is made of, from the parts of its documents: REPORT and START, END if there is one.

    Raises BrokenBlast, also while its snapshots are read.
    """
    end = parts.get(END)
    return Filed(
        read_document(join_document(parts[REPORT]).content),
        partial(open_document, parts[START]),
        partial(open_document, end) if end else None,
    )


if __name__ == "__main__":
    os.nice(NICENESS)
    make(sys.stdin.buffer, sys.stdout.buffer)
    sys.stdout.buffer.flush()
