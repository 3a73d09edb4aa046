"""A blast's report document, parsed and typed: what every view of a report is made of (spec page 4)."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from stateserver.domain.blast import JsonObject
from stateserver.domain.canonical import canonical_json
from stateserver.domain.change import UNIT_ADDED, UNIT_CHANGED, Change
from stateserver.errors import StateServerError
from stateserver.protocol.modes import Mode
from stateserver.reports.rows import (
    VERDICTS,
    ActiveBooster,
    Attention,
    BoosterTotals,
    DetonatorTotals,
    Durations,
    Frames,
    OtherBooster,
    Warned,
    known,
    parse_active,
    parse_attention,
    parse_others,
    parse_warned,
)
from stateserver.reports.timeline import Timeline


class UnreadableReport(StateServerError):
    """A report document that isn't one, or not one of this version."""


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
    warnings_after: tuple[Warned, ...] | None
    verdict: str | None
    """all_fired, doubtful, not_all_fired or aborted; None until it is closed. `attention` likewise."""
    attention: tuple[Attention, ...] | None
    version_opened: int
    version_closed: int | None
    start_sha256: str
    end_sha256: str | None
    frames: Frames
    sha256: str
    timeline_length: int
    """How many events the timeline has, single detonators' own included."""
    answered: frozenset[str]
    """The detonators that began to answer while the blast was open."""
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

    def every_booster(self) -> "Iterator[ActiveBooster | OtherBooster]":
        """All boosters, first those that took part."""
        yield from self.active
        yield from self.others


class _Passing:
    """Events that are told apart as they go by: the timeline of a large blast is gone through once."""

    def __init__(self, timeline: Iterable[JsonObject]) -> None:
        self._timeline = timeline
        self.length = 0
        self.answered: set[str] = set()
        self.of_more: list[bytes] = []

    def __iter__(self) -> Iterator[JsonObject]:
        for change in self._timeline:
            self.length += 1
            if change["kind"] in (UNIT_ADDED, UNIT_CHANGED) and change["unit"].count("/") == 3:
                if change["after"].get("detonator_status"):
                    self.answered.add(change["unit"])
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
        active=parse_active(document),
        possibly_live=parse_others(document["possibly_live"]),
        excluded=parse_others(document["excluded"]),
        inactive=parse_others(document["inactive"]),
        warnings=parse_warned(document["warnings"]),
        warnings_after=None if document["warnings_after"] is None else parse_warned(document["warnings_after"]),
        verdict=known(document["verdict"], (None, *VERDICTS)),
        attention=parse_attention(document),
        version_opened=document["versions"]["opened"],
        version_closed=document["versions"]["closed"],
        start_sha256=document["snapshots"]["start"],
        end_sha256=document["snapshots"]["end"],
        frames=Frames(**document["frames"]),
        sha256=sha256,
        timeline_length=passing.length,
        answered=frozenset(passing.answered),
        _timeline=document["timeline"],
        _of_more=passing.of_more,
    )
