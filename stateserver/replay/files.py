"""The files of a replay: read a journal's lines, write what became of them (spec page 4, Replay of a file)."""

import io
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import orjson

from stateserver.domain.change import Change, change_to_json
from stateserver.errors import StateServerError
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding

_SNAPSHOT_NAME: Final = re.compile(r"[0-9a-f-]{36}\.(start|end)\.jsonl")


class UnreadableJournal(StateServerError):
    """The journal's file can't be read, or isn't UTF-8."""


class UnwritableOutput(StateServerError):
    """The folder for what becomes of a journal can't be written."""


def read_lines(path: str) -> Iterator[tuple[str, int]]:
    """(line, its size in bytes) of the file, or of standard input where `path` is "-". Raises UnreadableJournal."""
    try:
        with sys.stdin.buffer if path == "-" else Path(path).open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8"), len(line)
                except UnicodeDecodeError as error:
                    raise UnreadableJournal(
                        f"{path}: line {number} is not UTF-8 ({error.reason} at byte {error.start})",
                        "Give a journal as JSON lines in UTF-8.",
                    ) from error
    except OSError as error:
        raise UnreadableJournal(f"{path}: {error.strerror}", "Give the path of a journal file.") from error


class OutputFolder:
    """The folder a replay writes: changes as they come, the rest at the end. A context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changes: BinaryIO = io.BytesIO()
        self._rejected: BinaryIO = io.BytesIO()

    def __enter__(self) -> Self:
        try:
            snapshots = self.path / "snapshots"
            snapshots.mkdir(parents=True, exist_ok=True)
            for old in snapshots.iterdir():
                if _SNAPSHOT_NAME.fullmatch(old.name):
                    old.unlink()
            self._changes = (self.path / "changes.jsonl").open("wb")
            self._rejected = (self.path / "rejected.jsonl").open("wb")
        except OSError as error:
            raise UnwritableOutput(f"{self.path}: {error.strerror}", "Give --out a folder to write to.") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._changes.close()
        self._rejected.close()

    def write_changes(self, changes: Iterable[Change]) -> None:
        self._changes.writelines(json_line(change_to_json(change)) for change in changes)

    def write_rejected(self, line: int, rejected: Rejected) -> None:
        """A line that could not be read or applied, counted from 1."""
        self._rejected.write(json_line({"line": line, "reason": rejected.reason, "detail": rejected.detail}))

    def write_outcome(self, folding: Folding) -> None:
        """The units as they stand at the end, the blasts and their snapshots."""
        system = folding.system
        with (self.path / "units.jsonl").open("wb") as file:
            file.writelines(
                json_line({"system": system.name, "unit": path, **fields}) for path, fields in system.units()
            )
        with (self.path / "blasts.jsonl").open("wb") as file:
            file.writelines(json_line(document) for document in folding.documents())
        for (blast, which), lines in folding.snapshots.items():
            (self.path / "snapshots" / f"{blast}.{which}.jsonl").write_bytes(lines)


def json_line(value: object) -> bytes:
    """A line of a JSON lines file."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
