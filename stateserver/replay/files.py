"""The files of a replay: read a journal's lines, write what became of them (spec page 4, Replay of a file)."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from stateserver.domain.change import Change
from stateserver.errors import StateServerError
from stateserver.protocol.reasons import Rejected
from stateserver.replay.change_lines import change_lines, json_line
from stateserver.replay.comparing import Difference
from stateserver.replay.folding import Folding, Told

_SNAPSHOT_NAME: Final = re.compile(r"[0-9a-f-]{36}\.(start|end)\.jsonl")
DIFFERENCES: Final = "differences.jsonl"
_FILES: Final = ("changes", "units", "blasts", "rejected")


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
    """The folder a replay writes: changes as they come, the rest as it is known for good. A context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> Self:
        try:
            snapshots = self.path / "snapshots"
            snapshots.mkdir(parents=True, exist_ok=True)
            for old in snapshots.iterdir():
                if _SNAPSHOT_NAME.fullmatch(old.name):
                    old.unlink()
            (self.path / DIFFERENCES).unlink(missing_ok=True)
            for name in _FILES:
                self._files[name] = (self.path / f"{name}.jsonl").open("wb")
        except OSError as error:
            raise UnwritableOutput(f"{self.path}: {error.strerror}", "Give --out a folder to write to.") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def write_changes(self, changes: Sequence[Change]) -> None:
        """What one record caused."""
        if changes:
            self._files["changes"].writelines(change_lines(changes))

    def write_rejected(self, place: Mapping[str, str | int], rejected: Rejected) -> None:
        """A record that could not be read or applied. `place`: its line from 1, or its topic, partition and offset."""
        said = {**place, "reason": rejected.reason, "detail": rejected.detail}
        self._files["rejected"].write(json_line(said))

    def write_told(self, told: Told) -> None:
        """Blasts that closed, and snapshots."""
        self._files["blasts"].writelines(json_line(document) for document in told.documents)
        for (blast, which), lines in told.snapshots.items():
            (self.path / "snapshots" / f"{blast}.{which}.jsonl").write_bytes(lines)

    def write_outcome(self, folding: Folding) -> None:
        """A system's units as they stand at the end, and what was not told of its blasts yet, one still open too."""
        system = folding.system
        self._files["units"].writelines(
            json_line({"system": system.name, "unit": path, **fields}) for path, fields in system.units()
        )
        self.write_told(Told(folding.documents(), folding.snapshots))

    def write_differences(self, differences: Iterable[Difference]) -> None:
        """What a comparison found."""
        with (self.path / DIFFERENCES).open("wb") as file:
            file.writelines(json_line(difference._asdict()) for difference in differences)
