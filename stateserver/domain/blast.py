"""A blast under way: who takes part, who is watched, what became of them (spec page 2, Blasts)."""

from collections.abc import Iterator
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
SILENT_BEFORE: Final = "silent_before"

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
    """The detonators of one active booster: window id to identity at the start, of those that answered then.

    `silent` are those that did not, alike. `evidence` is the last of each, `replaced` whose identity became another
    since, `marked` who was said to be fired since the firing ended.
    """

    identities: dict[int, int | None]
    silent: dict[int, int | None] = field(default_factory=dict)
    evidence: dict[int, str] = field(default_factory=dict)
    replaced: set[int] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)
    cleared: bool = False
    is_dirty: bool = True

    def outcome(self, window: int) -> str:
        """What became of the watched detonator in `window`, by its last evidence."""
        if self.cleared or window in self.replaced:
            return UNREPORTED
        return self.evidence.get(window, UNREPORTED)

    def why(self, window: int) -> str | None:
        """Why the detonator in `window` is unreported; None where it isn't."""
        if self.outcome(window) != UNREPORTED:
            return None
        if self.cleared:
            return "cleared"
        return "replaced" if window in self.replaced else "no_evidence"

    def outcomes(self) -> Iterator[tuple[int, str]]:
        """(window, outcome) of each watched detonator."""
        return ((window, self.outcome(window)) for window in self.identities)


@dataclass(slots=True)
class Blast:
    """An open blast. Times in ms since 1970; `start` is what the report says of the instant it opened.

    What is told is `initiated`, `firing_complete`, `aborted` and `ended`, the first of those two in the journal.
    What is reckoned with is `timers_from`, `opened_at` and `ended_at`: a clock that is set back moves them.
    `idle` are the control units (paths) that have said since it opened that they don't fire.
    """

    id: str
    control_unit: str
    mode: Mode
    initiated: int
    timers_from: int
    version_opened: int
    start: JsonObject
    watched: dict[str, Watched]
    opened_at: int
    firing_complete: int | None = None
    aborted: int | None = None
    ended: int | None = None
    ended_at: int | None = None
    idle: set[str] = field(default_factory=set)
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
    def since_firing_ended(self) -> int:
        """From when on what is heard is heard after the firing."""
        return self.opened_at if self.ended_at is None else self.ended_at

    @property
    def firing_time_over(self) -> int:
        return self.timers_from + MODES[self.mode].firing_time_ms

    @property
    def report_time_over(self) -> int:
        return self.firing_time_over + MODES[self.mode].report_time_ms

    @property
    def watch_list_became_empty(self) -> bool:
        """Whether there was someone to watch and there is evidence of each."""
        return self.awaited == 0 and any(watched.identities for watched in self.watched.values())

    def end_firing(self, at: int) -> None:
        """The firing was complete or aborted."""
        if self.ended is None:
            self.ended = self.ended_at = at

    def set_clock_back(self, clock: int) -> None:
        """No time that is reckoned with lies after `clock` any more."""
        self.timers_from = min(self.timers_from, clock)
        self.opened_at = min(self.opened_at, clock)
        if self.ended_at is not None:
            self.ended_at = min(self.ended_at, clock)

    def watches(self, booster: str) -> bool:
        """Whether data about `booster` (a path) may say what became of its detonators."""
        return self.ended_at is not None and booster in self.watched

    def note_data(self, booster: str, window: int, at: int, said: "Said") -> None:
        """Data of time `at`, applied after firing ended (`watches`), say this of a detonator."""
        watched = self.watched[booster]
        if window not in watched.identities:
            return
        if said.is_marked and window not in watched.marked:
            watched.marked.add(window)
            watched.is_dirty = True
        if self.ended_at is None or at < self.ended_at or not (said.answers or said.booster_is_armed):
            return
        if window not in watched.evidence:
            self.awaited -= 1
        watched.evidence[window] = MISSED if said.answers else FIRED
        watched.is_dirty = True

    def note_identity(self, booster: str, window: int, identity: int) -> None:
        """A list says which detonator is in a window."""
        watched = self.watched.get(booster)
        if watched is not None and watched.identities.get(window) not in (None, identity):
            watched.replaced.add(window)
            watched.is_dirty = True

    def note_cleared(self, booster: str) -> None:
        """The booster has forgotten all its detonators."""
        watched = self.watched.get(booster)
        if watched is not None:
            watched.cleared = watched.is_dirty = True


class Said(NamedTuple):
    """What data say of a detonator: it answers, it is marked as fired; and whether its booster's key is on."""

    answers: bool
    is_marked: bool
    booster_is_armed: bool


def blast_id(system: str, initiated: int) -> str:
    """A blast's id: a UUIDv5 of the URL namespace (spec page 2, Identity)."""
    return str(uuid5(NAMESPACE_URL, f"{system}/{initiated}"))
