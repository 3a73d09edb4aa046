"""A blast under way: who takes part, who is watched, what became of them (spec page 2, Blasts)."""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from stateserver.domain.change import Change
from stateserver.protocol.modes import MODES, Mode

OFF_LINE_AFTER_MS: Final = 1_000

FIRED: Final = "fired"
MISSED: Final = "missed"
UNREPORTED: Final = "unreported"
OUTCOMES: Final = (FIRED, MISSED, UNREPORTED)

DATA_COMPLETED: Final = "data_completed"
TIMER_COMPLETED: Final = "timer_completed"
SUPERSEDED: Final = "superseded"

JsonObject = dict[str, Any]


class BlastStage(NamedTuple):
    """A step of a blast for the outside: its report document as it stands, and a snapshot where one was taken.

    `stage` is opened, firing_complete, firing_aborted or closed; `version` that of the event which told it;
    `snapshot` the start snapshot's lines when opened, the end snapshot's when closed.
    """

    blast: str
    version: int
    stage: str
    report: JsonObject
    snapshot: bytes | None


@dataclass(slots=True)
class Watched:
    """The detonators of one active booster that answered before: window id to identity at the start.

    `tainted` are those whose booster was cleared or whose identity became another since: no evidence counts.
    """

    identities: dict[int, int | None]
    evidence: dict[int, str] = field(default_factory=dict)
    tainted: set[int] = field(default_factory=set)
    is_dirty: bool = True

    def outcome(self, window: int) -> str:
        """What became of the detonator in `window`, by its last evidence."""
        return UNREPORTED if window in self.tainted else self.evidence.get(window, UNREPORTED)


@dataclass(slots=True)
class Blast:
    """An open blast. Times in ms since 1970; `start` is what the report says of the instant it opened."""

    id: str
    control_unit: str
    mode: Mode
    initiated: int
    version_opened: int
    start: JsonObject
    watched: dict[str, Watched]
    firing_complete: int | None = None
    aborted: int | None = None
    off_line: bool = False
    frames: dict[str, int] = field(default_factory=lambda: {"received": 0, "duplicate": 0, "rejected": 0, "missing": 0})
    timeline: list[Change] = field(default_factory=list)
    # How many watched detonators there is no evidence of yet. Kept, as it is asked after every frame.
    awaited: int = field(init=False)
    # For checkpoints: what of it lies in rows already.
    is_written: bool = False
    events_written: int = 0

    def __post_init__(self) -> None:
        self.awaited = sum(len(w.identities) - len(w.evidence) for w in self.watched.values())

    @property
    def firing_ended(self) -> int | None:
        """When firing first was complete or aborted, in the order of the journal."""
        if self.firing_complete is None or self.aborted is None:
            return self.aborted if self.firing_complete is None else self.firing_complete
        return min(self.firing_complete, self.aborted)

    @property
    def firing_time_over(self) -> int:
        return self.initiated + MODES[self.mode].firing_time_ms

    @property
    def report_time_over(self) -> int:
        return self.firing_time_over + MODES[self.mode].report_time_ms

    @property
    def watch_list_became_empty(self) -> bool:
        """Whether there was someone to watch and there is evidence of each."""
        return self.awaited == 0 and any(watched.identities for watched in self.watched.values())

    def watches(self, booster: str, at: int) -> bool:
        """Whether data of time `at` about `booster` (a path) may be evidence."""
        ended = self.firing_ended
        return ended is not None and at >= ended and booster in self.watched

    def note_evidence(self, booster: str, window: int, answers: bool, booster_is_armed: bool) -> None:
        """Data that count as evidence (`watches`) say of a detonator whether it answers."""
        watched = self.watched[booster]
        if window not in watched.identities or not (answers or booster_is_armed):
            return
        if window not in watched.evidence:
            self.awaited -= 1
        watched.evidence[window] = MISSED if answers else FIRED
        watched.is_dirty = True

    def note_identity(self, booster: str, window: int, identity: int) -> None:
        """A list says which detonator is in a window."""
        watched = self.watched.get(booster)
        if watched is not None and watched.identities.get(window) not in (None, identity):
            watched.tainted.add(window)
            watched.is_dirty = True

    def note_cleared(self, booster: str) -> None:
        """The booster has forgotten all its detonators."""
        watched = self.watched.get(booster)
        if watched is not None:
            watched.tainted.update(watched.identities)
            watched.is_dirty = True


def blast_id(system: str, initiated: int) -> str:
    """A blast's id: a UUIDv5 of the URL namespace (spec page 2, Identity)."""
    return str(uuid5(NAMESPACE_URL, f"{system}/{initiated}"))
