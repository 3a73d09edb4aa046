"""The files that a replay writes (spec page 4, Replay of a file)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
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


class UnwritableOutput(StateServerError):
    """The folder for what becomes of a journal can't be written."""


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
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with ExitStack() as closing:
                for file in self._files.values():
                    closing.callback(file.close)
        except OSError as trouble:
            raise self._unwritable(trouble) from trouble
        if isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError):
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> UnwritableOutput:
        return UnwritableOutput(
            f"{self.path}: {error.strerror}", "Give --out a folder that has room and that may be written to."
        )

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
