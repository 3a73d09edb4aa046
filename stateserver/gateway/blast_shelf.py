"""The blasts that a gateway knows: the latest documents of each, put together from their rows' parts."""

import hashlib
import json
from typing import Any, NamedTuple

from stateserver.codec.blast import END, REPORT, START, BlastPart, join_document
from stateserver.reports.timeline import read_document

Document = dict[str, Any]
HEAD = ("control_unit", "initiated", "firing_complete", "aborted", "closed", "how")


class ShelvedBlast(NamedTuple):
    """A blast at its latest stage. `version` is that of the event which its document stands for."""

    blast: str
    system: str
    version: int
    stage: str
    summary: Document
    """The report document without its timeline, which may be thousands of events long."""
    parts: tuple[BlastPart, ...]
    sha256: str
    """Of the document's canonical JSON, in hex."""

    @property
    def content(self) -> bytes:
        """The whole report document (spec page 4), as canonical JSON."""
        return join_document(self.parts).content

    @property
    def document(self) -> Document:
        """The whole report document."""
        document: Document = json.loads(self.content)
        return document

    @property
    def misfires(self) -> int | None:
        """How many are to be treated as misfires; None before it closes, or where an older version judged."""
        misfires: int | None = self.summary["detonators"].get("misfires")
        return misfires

    def head(self) -> Document:
        """What tells a client that there is a blast, whether it has the latest of it, and how it ended."""
        known = {"blast": self.blast, "stage": self.stage, "version": self.version}
        verdict = {"verdict": self.summary.get("verdict"), "misfires": self.misfires}
        return known | {name: self.summary[name] for name in HEAD} | verdict


class BlastShelf:
    """Blasts by id."""

    def __init__(self) -> None:
        self.revision = 0
        """Grows with whatever changes here."""
        self._blasts: dict[str, ShelvedBlast] = {}
        self._snapshots: dict[tuple[str, str], tuple[BlastPart, ...]] = {}
        self._parts: dict[tuple[str, str], dict[int, BlastPart]] = {}

    def put(self, part: BlastPart) -> None:
        """Take a part; its document is there with the last one. What is older than we have is left.

        Raises BrokenBlast where the parts make no document.
        """
        parts = self._parts.setdefault((part.blast, part.what), {})
        held = max((other.version for other in parts.values()), default=0)
        if part.version < held:
            return
        if part.version > held:
            parts.clear()
        parts[part.part] = part
        if len(parts) == part.parts:
            self._shelve(part, tuple(parts.values()))

    def _shelve(self, part: BlastPart, parts: tuple[BlastPart, ...]) -> None:
        if part.what != REPORT:
            self._snapshots[part.blast, part.what] = parts
            return
        content = join_document(parts).content
        summary = read_document(content)
        del summary["timeline"]
        digest = hashlib.sha256(content).hexdigest()
        self._blasts[part.blast] = ShelvedBlast(
            part.blast, part.system, part.version, part.stage, summary, parts, digest
        )
        self.revision += 1

    def drop(self, blast: str, what: str, part: int) -> None:
        """A tombstone: the document of which this is a part is withdrawn."""
        if self._parts.get((blast, what), {}).pop(part, None) is None:
            return
        self._snapshots.pop((blast, what), None)
        if what == REPORT:
            self._blasts.pop(blast, None)
        self.revision += 1

    def get(self, blast: str) -> ShelvedBlast | None:
        """The blast of that id, if it is known."""
        return self._blasts.get(blast)

    def of_system(self, system: str) -> list[ShelvedBlast]:
        """A system's blasts, oldest first."""
        found = [blast for blast in self._blasts.values() if blast.system == system]
        return sorted(found, key=lambda blast: (blast.summary["initiated"], blast.blast))

    def snapshot_parts(self, blast: str) -> list[BlastPart]:
        """The parts of the snapshots that are there."""
        return [part for what in (START, END) for part in self._snapshots.get((blast, what), ())]

    def start_parts(self, blast: str) -> tuple[BlastPart, ...] | None:
        """The parts of the start snapshot, if it is there."""
        return self._snapshots.get((blast, START))

    def snapshot(self, blast: str, what: str) -> bytes | None:
        """The lines of the `start` or `end` snapshot, if it is there. Large ones take their time."""
        parts = self._snapshots.get((blast, what))
        return None if parts is None else join_document(parts).content
