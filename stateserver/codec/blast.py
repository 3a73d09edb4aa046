"""A blast's documents as they lie in `blasts`: compressed, and cut into parts (spec page 4).

There are three: the report, written anew at each stage, and the snapshots `start` (with `opened`) and `end`
(with `closed`). zlib's quickest level: it takes 0.3 s for the 80 MB snapshot of 250,000 detonators, and the
stronger ones save a tenth of its 6 MB at three times the time, in the seconds after a blast was fired.
"""

import io
import zlib
from collections.abc import Iterable
from typing import Any, BinaryIO, Final, NamedTuple

from stateserver.codec.schemas import SCHEMAS
from stateserver.codec.topics import blast_key
from stateserver.domain.blast import BlastStage
from stateserver.domain.canonical import canonical_json
from stateserver.errors import StateServerError

PART_BYTES_MAX: Final = 512 * 1024
DOCUMENT_BYTES_MAX: Final = 1024**3  # no blast comes near; a broken part must not eat the memory
READ_BYTES: Final = 256 * 1024
ENCODING: Final = "zlib"
REPORT: Final = "report"
START: Final = "start"
END: Final = "end"


class BlastPart(NamedTuple):
    """One part of a document. `part` counts from 1 to `parts`; `data`, its piece of what was compressed."""

    blast: str
    system: str
    version: int
    stage: str
    what: str
    part: int
    parts: int
    encoding: str
    data: bytes


class BlastDocument(NamedTuple):
    """A whole document. `content` is a report's JSON (canonical: it is what is hashed) or a snapshot's lines."""

    blast: str
    system: str
    version: int
    stage: str
    what: str
    content: bytes


class BrokenBlast(StateServerError):
    """Parts that make no document: some are missing, or they are not of one document."""


def encode_blast(system: str, stage: BlastStage) -> list[tuple[bytes, bytes]]:
    """Keys and values of all that a stage writes, the snapshot before the report that names its hash.

    A snapshot of a large system takes its time: call it from a thread then, as zlib lets others run.
    """
    documents = []
    if stage.snapshot is not None:
        documents.append((START if stage.stage == "opened" else END, stage.snapshot))
    documents.append((REPORT, canonical_json(stage.report)))
    return [
        (blast_key(part.blast, part.what, part.part), SCHEMAS.encode("blast", part._asdict()))
        for what, content in documents
        for part in split_document(BlastDocument(stage.blast, system, stage.version, stage.stage, what, content))
    ]


def decode_blast_part(value: bytes) -> BlastPart:
    """The part in a value, whatever version its schema has. Raises UnreadableValue."""
    return BlastPart(**SCHEMAS.decode("blast", value))


def split_document(document: BlastDocument) -> list[BlastPart]:
    """The parts of a document, one at least."""
    compressed = zlib.compress(document.content, level=1)
    pieces = [compressed[at : at + PART_BYTES_MAX] for at in range(0, len(compressed), PART_BYTES_MAX)]
    return [
        BlastPart(*document[:-1], part=number, parts=len(pieces), encoding=ENCODING, data=piece)
        for number, piece in enumerate(pieces, start=1)
    ]


def join_document(parts: Iterable[BlastPart]) -> BlastDocument:
    """The document of which these are all the parts, in any order. Raises BrokenBlast."""
    ordered = _in_order(parts)
    with _Inflated(ordered) as content:
        return BlastDocument(*ordered[0][:5], content=content.readall())


def open_document(parts: Iterable[BlastPart]) -> BinaryIO:
    """What a document says, to be read bit by bit: a snapshot is fifteen times as large as its parts.

    Raises BrokenBlast, also while it is read.
    """
    return io.BufferedReader(_Inflated(_in_order(parts)), buffer_size=READ_BYTES)


def _in_order(parts: Iterable[BlastPart]) -> list[BlastPart]:
    ordered = sorted(parts, key=lambda part: part.part)
    if not ordered:
        raise BrokenBlast("no part of a blast's document", "Read the topic from its beginning.")
    first = ordered[0]
    for number, part in enumerate(ordered, start=1):
        if part[:5] != first[:5] or (part.parts, part.encoding) != (first.parts, first.encoding):
            raise BrokenBlast(f"parts of different documents of blast {first.blast}")
        if part.part != number:
            raise BrokenBlast(f"part {number} of {first.what} of blast {first.blast} is not there once")
    if len(ordered) != first.parts:
        raise BrokenBlast(f"{len(ordered)} of {first.parts} parts of {first.what} of blast {first.blast}")
    if first.encoding != ENCODING:
        raise BrokenBlast(
            f"{first.what} of blast {first.blast} has the unknown encoding {first.encoding}", "Update State Server."
        )
    return ordered


class _Inflated(io.RawIOBase):
    """What parts, in order, hold compressed."""

    def __init__(self, parts: list[BlastPart]) -> None:
        self._name = f"{parts[0].what} of blast {parts[0].blast}"
        self._pieces = [part.data for part in reversed(parts)]
        self._decompressor = zlib.decompressobj()
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with memoryview(buffer) as room:
            inflated = self._inflate(len(room))
            room[: len(inflated)] = inflated
            return len(inflated)

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self._inflate(READ_BYTES), b""))

    def _inflate(self, size_max: int) -> bytes:
        """The next bytes, at most so many; none at the end."""
        inflated = b""
        while not inflated and not self._decompressor.eof:
            piece = self._decompressor.unconsumed_tail or (self._pieces.pop() if self._pieces else b"")
            try:
                inflated = self._decompressor.decompress(piece, size_max)
            except zlib.error as trouble:
                raise BrokenBlast(f"{self._name} is broken: {trouble}") from trouble
            if not (inflated or piece or self._decompressor.eof):
                raise BrokenBlast(f"{self._name} is cut")
        self._size += len(inflated)
        is_at_end = self._decompressor.eof
        if self._size > DOCUMENT_BYTES_MAX or (is_at_end and (self._pieces or self._decompressor.unused_data)):
            raise BrokenBlast(f"{self._name} is cut wrongly, or larger than {DOCUMENT_BYTES_MAX} bytes")
        return inflated


class BlastAssembler:
    """Puts documents together from parts as the topic gives them. Keeps what is incomplete, and only that."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], dict[int, BlastPart]] = {}

    def add(self, part: BlastPart) -> list[BlastPart] | None:
        """All parts of the document that this one completes, or None.

        A part of a newer version drops what waited of an older one; an older one is dropped itself.
        Compaction may leave parts of versions that were superseded.
        """
        place = (part.blast, part.what)
        waiting = self._waiting.setdefault(place, {})
        if waiting:
            version = next(iter(waiting.values())).version
            if part.version < version:
                return None
            if part.version > version:
                waiting.clear()
        waiting[part.part] = part
        if len(waiting) < part.parts:
            return None
        del self._waiting[place]
        return list(waiting.values())
