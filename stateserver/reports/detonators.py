"""Every detonator of a blast, before and after, with what became of it: from the two snapshots, line by line."""

import hashlib
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

import orjson

from stateserver.domain.blast import FIRED
from stateserver.domain.change import Fields
from stateserver.domain.paths import path_key
from stateserver.errors import StateServerError
from stateserver.reports.document import Report

SILENT_BEFORE: Final = "silent_before"
AWAITED: Final = "awaited"
LISTED_LATER: Final = "listed_later"
NOT_IN_BLAST: Final = "not_in_blast"

ACTIVE: Final = "active"
POSSIBLY_LIVE: Final = "possibly_live"
EXCLUDED: Final = "excluded"
INACTIVE: Final = "inactive"
SEEN_LATER: Final = "seen_later"


Snapshot = bytes | Callable[[], BinaryIO]
"""A snapshot's lines, or what opens them: those of a large blast are never all in memory then."""


class WrongSnapshot(StateServerError):
    """A snapshot that isn't the one which the report document names."""


class Detonator(NamedTuple):
    """A detonator (in IBS systems a type 1 booster) at the start and the end of a blast.

    `group` is its booster's: active, possibly_live, excluded, inactive, or seen_later. `outcome` is fired,
    missed, unreported, silent_before, awaited (its blast is still open), listed_later (nobody knew it at the
    start) or not_in_blast. `before` and `after` are its fields; None where it wasn't there.
    """

    unit: str
    booster: str
    window_id: int
    group: str
    outcome: str
    before: Fields | None
    after: Fields | None


class _Place(NamedTuple):
    group: str
    not_fired: dict[int, str] | None


def check_snapshots(report: Report, start: Snapshot, end: Snapshot | None) -> None:
    """Raises WrongSnapshot unless these are the snapshots that the document names by their SHA-256."""
    for what, lines, wanted in (("start", start, report.start_sha256), ("end", end, report.end_sha256)):
        found = None if lines is None else _sha256(lines)
        if found != wanted:
            trouble = "is missing" if found is None else "is not the one that its report names"
            raise WrongSnapshot(
                f"the {what} snapshot of blast {report.blast} {trouble}",
                "Replay the blast's journal: that makes the report and both snapshots anew.",
            )


def open_snapshot(snapshot: Snapshot) -> BinaryIO:
    """Its lines, from the first."""
    return io.BytesIO(snapshot) if isinstance(snapshot, bytes) else snapshot()


def _sha256(snapshot: Snapshot) -> str:
    with open_snapshot(snapshot) as lines:
        return hashlib.file_digest(lines, "sha256").hexdigest()  # type: ignore[arg-type]  # any binary file will do


def read_detonators(report: Report, start: Snapshot, end: Snapshot | None) -> Iterator[Detonator]:
    """Every detonator that the start or the end knows, in path order. `end` is None while the blast is open."""
    places = _places(report)
    unknown = _Place(SEEN_LATER, None)
    for unit, before, after in pair_units(start, end):
        booster = (before or after or {}).get("parent")
        if isinstance(booster, str):
            place = places.get(booster, unknown)
            window_id = int(unit.rpartition("/")[2])
            outcome = _outcome(place, window_id, before)
            yield Detonator(unit, booster, window_id, place.group, outcome, before, after)


def pair_units(start: Snapshot, end: Snapshot | None) -> Iterator[tuple[str, Fields | None, Fields | None]]:
    """(path, fields at the start, fields at the end) of every unit of two snapshots, in path order."""
    befores, afters = _read_units(start), _read_units(end or b"")
    before, after = next(befores, None), next(afters, None)
    while before is not None or after is not None:
        if before is not None and after is not None and before[0] == after[0]:
            yield before[0], before[1], after[1]
            before, after = next(befores, None), next(afters, None)
        elif after is None or (before is not None and path_key(before[0]) < path_key(after[0])):
            assert before is not None, "one of the two has more"
            yield before[0], before[1], None
            before = next(befores, None)
        else:
            yield after[0], None, after[1]
            after = next(afters, None)


def _read_units(snapshot: Snapshot) -> Iterator[tuple[str, Fields]]:
    # Not splitlines(): that would hold every line at once, and breaks at more than line feeds.
    with open_snapshot(snapshot) as lines:
        for line in lines:
            fields = orjson.loads(line)
            yield fields["unit"], fields


def _places(report: Report) -> dict[str, _Place]:
    groups = {POSSIBLY_LIVE: report.possibly_live, EXCLUDED: report.excluded, INACTIVE: report.inactive}
    places = {booster.unit: _Place(group, None) for group, boosters in groups.items() for booster in boosters}
    for booster in report.active:
        not_fired = booster.not_fired
        known = None if not_fired is None else {one.window_id: one.outcome for one in not_fired}
        places[booster.unit] = _Place(ACTIVE, known)
    return places


def _outcome(place: _Place, window_id: int, before: Fields | None) -> str:
    if before is None:
        return LISTED_LATER
    if place.group != ACTIVE:
        return NOT_IN_BLAST
    if not before.get("detonator_status"):
        return SILENT_BEFORE
    return AWAITED if place.not_fired is None else place.not_fired.get(window_id, FIRED)
