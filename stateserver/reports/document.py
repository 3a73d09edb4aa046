"""A blast's report document, parsed and typed: what every view of a report is made of (spec page 4)."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from stateserver.domain.blast import MISSED, UNREPORTED, JsonObject
from stateserver.domain.canonical import canonical_json
from stateserver.domain.change import UNIT_ADDED, UNIT_CHANGED, Change
from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.reports.timeline import Timeline


class UnreadableReport(StateServerError):
    """A report document that isn't one, or not one of this version."""


class Counts(NamedTuple):
    """Detonators of an active booster at one instant."""

    detonators: int
    tagged: int
    logged: int
    answering: int
    programmed: int


class Window(NamedTuple):
    """A detonator by its place on its booster; `uid` is None where nobody told it, and in IBS systems."""

    window_id: int
    uid: str | None


class NotFired(NamedTuple):
    """A watched detonator that isn't presumed fired; `outcome` is missed or unreported."""

    window_id: int
    uid: str | None
    outcome: str


class ActiveBooster(NamedTuple):
    """A booster that took part. `after`, `successful` and `not_fired` are None until the blast is closed."""

    unit: str
    serial: int
    label: str | None
    before: Counts
    after: Counts | None
    successful: bool | None
    silent_before: tuple[Window, ...]
    not_fired: tuple[NotFired, ...] | None

    def count(self, outcome: str) -> int:
        """How many of its detonators were missed, or are unreported; 0 while nobody knows."""
        return sum(one.outcome == outcome for one in self.not_fired or ())

    @property
    def fired(self) -> int | None:
        """How many of its detonators no longer answer, presumed fired; None until the blast is closed."""
        return None if self.not_fired is None else self.before.answering - len(self.not_fired)


class OtherBooster(NamedTuple):
    """A booster that took no part; `why` are the reasons that hold, by their names on page 4."""

    unit: str
    serial: int
    label: str | None
    detonators: int
    why: tuple[str, ...]


class Warned(NamedTuple):
    """A warning open when the blast was. Times in ms since 1970."""

    unit: str
    field: str
    raised: int
    acknowledged: int | None
    actor: str | None
    note: str | None


class BoosterTotals(NamedTuple):
    """`fired` are the boosters that were successful, None until the blast is closed."""

    total: int
    active: int
    possibly_live: int
    excluded: int
    inactive: int
    fired: int | None


class DetonatorTotals(NamedTuple):
    """Of active boosters; the last three are None until the blast is closed."""

    total: int
    answering_before: int
    silent_before: int
    fired: int | None
    missed: int | None
    unreported: int | None


class Durations(NamedTuple):
    """In ms; None while not known."""

    firing: int | None
    reporting: int | None
    total: int | None


class Frames(NamedTuple):
    """Frames while the blast was open; `received` includes those duplicate and rejected."""

    received: int
    duplicate: int
    rejected: int
    missing: int


@dataclass(frozen=True, slots=True)
class Report:
    """A report document. Times in ms since 1970; `sha256` is the document's own."""

    blast: str
    system: str
    mode: Mode
    control_unit: str
    initiated: int
    firing_complete: int | None
    aborted: int | None
    closed: int | None
    how: str | None
    durations: Durations
    boosters: BoosterTotals
    detonators: DetonatorTotals
    active: tuple[ActiveBooster, ...]
    possibly_live: tuple[OtherBooster, ...]
    excluded: tuple[OtherBooster, ...]
    inactive: tuple[OtherBooster, ...]
    warnings: tuple[Warned, ...]
    version_opened: int
    version_closed: int | None
    start_sha256: str
    end_sha256: str | None
    frames: Frames
    sha256: str
    single_detonators_events: int
    """How many events of the timeline are single detonators' own."""
    _timeline: Iterable[JsonObject]
    _of_more: list[bytes]

    @classmethod
    def parse(cls, document: JsonObject) -> "Report":
        """Raises UnreadableReport."""
        try:
            return _parse(document)
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableReport(
                f"no report document of this version: {type(error).__name__} {error}",
                "Replay the blast's journal with this version.",
            ) from error

    def timeline(self) -> Iterator[Change]:
        """Every event of the system from the blast's opening to its closing."""
        return (Change(**change) for change in self._timeline)

    def events_of_more(self) -> Iterator[Change]:
        """The timeline without single detonators' own events, which may be hundreds of thousands."""
        return (Change(**orjson.loads(change)) for change in self._of_more)

    def events_of(self, kinds: Collection[str]) -> Iterator[Change]:
        """Those events of `events_of_more` that are of these kinds."""
        return (change for change in self.events_of_more() if change.kind in kinds)

    @property
    def firing_ended(self) -> int | None:
        """When firing first was complete or aborted, by the document's duration."""
        return None if self.durations.firing is None else self.initiated + self.durations.firing

    @property
    def others(self) -> tuple[OtherBooster, ...]:
        """All boosters that took no part."""
        return (*self.possibly_live, *self.excluded, *self.inactive)


class _Passing:
    """Events that are told apart as they go by: the timeline of a large blast is gone through once."""

    def __init__(self, timeline: Iterable[JsonObject]) -> None:
        self._timeline = timeline
        self.single_detonators = 0
        self.of_more: list[bytes] = []

    def __iter__(self) -> Iterator[JsonObject]:
        for change in self._timeline:
            if change["kind"] in (UNIT_ADDED, UNIT_CHANGED) and change["unit"].count("/") == 3:
                self.single_detonators += 1
            else:
                # A copy: what is kept as it was written keeps the kilobytes it was written in.
                self.of_more.append(bytes(memoryview(canonical_json(change))))
            yield change


def canonical_chunks(document: JsonObject) -> Iterator[bytes]:
    """The document's canonical JSON (sorted keys, no spaces, UTF-8) in pieces: a timeline may be 100 MB of it."""
    opening = b"{"
    for name in sorted(document):
        value = document[name]
        yield opening + canonical_json(name) + b":"
        opening = b","
        if isinstance(value, list | Timeline | _Passing):
            yield from _list_chunks(value)
        else:
            yield canonical_json(value)
    yield b"}" if document else b"{}"


def _list_chunks(values: Iterable[Any]) -> Iterator[bytes]:
    yield b"["
    for index, value in enumerate(values):
        yield (b"," if index else b"") + canonical_json(value)
    yield b"]"


def document_sha256(document: JsonObject) -> str:
    """What anyone who replays the journal can compare (spec page 4)."""
    digest = hashlib.sha256()
    for chunk in canonical_chunks(document):
        digest.update(chunk)
    return digest.hexdigest()


def _parse(document: JsonObject) -> Report:
    plain = ("blast", "system", "control_unit", "initiated", "firing_complete", "aborted", "closed", "how")
    passing = _Passing(document["timeline"])
    sha256 = document_sha256({**document, "timeline": passing})
    return Report(
        **{name: document[name] for name in plain},
        mode=Mode(document["mode"]),
        durations=Durations(**document["durations"]),
        boosters=BoosterTotals(**document["boosters"]),
        detonators=DetonatorTotals(**document["detonators"]),
        active=tuple(_active(row) for row in document["active"]),
        possibly_live=_others(document["possibly_live"]),
        excluded=_others(document["excluded"]),
        inactive=_others(document["inactive"]),
        warnings=tuple(Warned(**row) for row in document["warnings"]),
        version_opened=document["versions"]["opened"],
        version_closed=document["versions"]["closed"],
        start_sha256=document["snapshots"]["start"],
        end_sha256=document["snapshots"]["end"],
        frames=Frames(**document["frames"]),
        sha256=sha256,
        single_detonators_events=passing.single_detonators,
        _timeline=document["timeline"],
        _of_more=passing.of_more,
    )


def _active(row: JsonObject) -> ActiveBooster:
    rest = {name: row[name] for name in ("unit", "serial", "label", "successful")}
    not_fired = row["not_fired"]
    if not_fired is not None and any(one["outcome"] not in (MISSED, UNREPORTED) for one in not_fired):
        raise ValueError(f"an outcome of {row['unit']} that is neither {MISSED} nor {UNREPORTED}")
    return ActiveBooster(
        **rest,
        before=Counts(**row["before"]),
        after=None if row["after"] is None else Counts(**row["after"]),
        silent_before=tuple(Window(**one) for one in row["silent_before"]),
        not_fired=None if not_fired is None else tuple(NotFired(**one) for one in not_fired),
    )


def _others(rows: list[JsonObject]) -> tuple[OtherBooster, ...]:
    return tuple(OtherBooster(**{**row, "why": tuple(row["why"])}) for row in rows)
