"""Every detonator of a blast, before and after, with what became of it: from the two snapshots, line by line."""

import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import groupby
from typing import BinaryIO, Final, NamedTuple

import orjson

from stateserver.domain.blast import FIRED, JsonObject
from stateserver.domain.change import Fields
from stateserver.domain.paths import path_key
from stateserver.errors import StateServerError
from stateserver.reports.document import Report
from stateserver.reports.rows import ActiveBooster, Attention, parse_active, parse_attention

SILENT_BEFORE: Final = "silent_before"
AWAITED: Final = "awaited"
LISTED_LATER: Final = "listed_later"
NOT_IN_BLAST: Final = "not_in_blast"

ACTIVE: Final = "active"
POSSIBLY_LIVE: Final = "possibly_live"
EXCLUDED: Final = "excluded"
INACTIVE: Final = "inactive"
SEEN_LATER: Final = "seen_later"


_NEVER: Final = 1 << 62
# Below a section controller lie type 1 boosters, below a booster of type 2 detonators.
_KIND_BELOW: Final = {"1": "2", "3": "4"}

Snapshot = bytes | Callable[[], BinaryIO]
"""A snapshot's lines, or what opens them: those of a large blast are never all in memory then."""


class WrongSnapshot(StateServerError):
    """A snapshot that isn't the one which the report document names."""


class Detonator(NamedTuple):
    """A detonator (in IBS systems a type 1 booster) at the start and the end of a blast.

    `group` is its booster's: active, possibly_live, excluded, inactive, or seen_later. `outcome` is fired,
    missed, unreported, silent_before, awaited (its blast is still open), listed_later (nobody knew it at the
    start) or not_in_blast; `why`, of an unreported one, cleared, replaced or no_evidence. `attention` are the names of
    what needs it. `heard_after`: whether it was heard of since firing ended, so that `after` is not old; None while the
    blast is open, and of those whose booster nobody knew at the start. `before` and `after` are its fields; None where
    it wasn't there.
    """

    unit: str
    booster: str
    window_id: int
    group: str
    outcome: str
    why: str | None
    attention: tuple[str, ...]
    heard_after: bool | None
    before: Fields | None
    after: Fields | None


class Outcome(NamedTuple):
    """What a report says of a detonator of an active booster, known by its window *and* its uid (in IBS its serial).

    `uid`, `serial`, `label`, `delay` (planned, ms) and `first_seen` (ms since 1970) are as at the start, None where
    nobody told them; `outcome`, `why` and `attention` as a Detonator has them.
    """

    unit: str
    booster: str
    window_id: int
    uid: str | None
    serial: int | None
    label: str | None
    delay: int | None
    first_seen: int | None
    outcome: str
    why: str | None
    attention: tuple[str, ...]


class _Place(NamedTuple):
    group: str
    not_fired: dict[int, tuple[str, str | None]] | None
    heard_after: int | None = None


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
    attention = _attention_by_unit(report.attention or ())
    unknown = _Place(SEEN_LATER, None)
    for booster, units in groupby(pair_units(start, end), _parent):
        if booster is None:
            continue
        place = places.get(booster, unknown)
        inside = list(units)
        since = _heard_since([after for _, _, after in inside if after is not None], place.heard_after)
        for unit, before, after in inside:
            window_id = int(unit.rpartition("/")[2])
            outcome, why = _outcome(place, window_id, before)
            heard = None if since is None else after is not None and _as_of(after) >= since
            told = attention.get(unit, ())
            yield Detonator(unit, booster, window_id, place.group, outcome, why, told, heard, before, after)


def _parent(unit: tuple[str, Fields | None, Fields | None]) -> str | None:
    booster = (unit[1] or unit[2] or {}).get("parent")
    return booster if isinstance(booster, str) else None


def _heard_since(afters: list[Fields], count: int | None) -> int | None:
    """The instant from which on so many of them were heard of: those that were lately, since firing ended."""
    # The document says how many, and not since when: a clock that was set back moves the instant, not the order.
    if count is None:
        return None
    times = sorted(map(_as_of, afters), reverse=True)
    return times[count - 1] if count else _NEVER


def _as_of(fields: Fields) -> int:
    as_of = fields.get("as_of")
    return as_of if isinstance(as_of, int) else -1


def read_outcomes(document: JsonObject, start: Snapshot) -> Iterator[Outcome]:
    """Every detonator of the active boosters, in path order.

    The document may lack its timeline. Raises KeyError, TypeError and ValueError where it is none of this version.
    """
    places = _active_places(parse_active(document))
    attention = _attention_by_unit(parse_attention(document) or ())
    for unit, fields in _read_units(start):
        booster = fields.get("parent")
        if not isinstance(booster, str) or booster not in places:
            continue
        window_id = int(unit.rpartition("/")[2])
        outcome, why = _outcome(places[booster], window_id, fields)
        uid, serial, label, delay, seen = map(fields.get, ("uid", "serial", "label", "delay", "first_seen"))
        yield Outcome(
            *(unit, booster, window_id),
            uid=uid if isinstance(uid, str) else None,
            serial=serial if isinstance(serial, int) else None,
            label=label if isinstance(label, str) else None,
            delay=delay if isinstance(delay, int) else None,
            first_seen=seen if isinstance(seen, int) else None,
            outcome=outcome,
            why=why,
            attention=attention.get(unit, ()),
        )


def read_labels(start: Snapshot) -> dict[str, str]:
    """The labels at the start, by unit, of those that had one."""
    with open_snapshot(start) as lines:
        labelled = (orjson.loads(line) for line in lines if b'"label":' in line)
        return {fields["unit"]: fields["label"] for fields in labelled if fields.get("label")}


def read_others(snapshot: Snapshot, units: Collection[str]) -> dict[str, Fields]:
    """The fields of these units, which are no detonators."""
    with open_snapshot(snapshot) as lines:
        told = (orjson.loads(line) for line in lines if b'"parent":' not in line)
        return {fields["unit"]: fields for fields in told if fields["unit"] in units}


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
    places = {one.unit: _Place(group, None, one.heard_after) for group, boosters in groups.items() for one in boosters}
    return places | _active_places(report.active)


def _active_places(active: Iterable[ActiveBooster]) -> dict[str, _Place]:
    places = {}
    for booster in active:
        not_fired = booster.not_fired
        known = None if not_fired is None else {one.window_id: (one.outcome, one.why) for one in not_fired}
        places[booster.unit] = _Place(ACTIVE, known, booster.heard_after)
    return places


def units_concerned(one: Attention) -> list[str]:
    """The paths of the detonators that need attention; none where it is the unit itself."""
    below = _KIND_BELOW.get(one.unit.partition("/")[0], "")
    return [f"{one.unit}/{below}/{window}" for window in one.windows or ()]


def _attention_by_unit(attention: Iterable[Attention]) -> dict[str, tuple[str, ...]]:
    """The names of what needs attention by detonator."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in attention:
        for unit in units_concerned(one):
            found[unit].append(one.what)
    return {unit: tuple(whats) for unit, whats in found.items()}


def _outcome(place: _Place, window_id: int, before: Fields | None) -> tuple[str, str | None]:
    if before is None:
        return LISTED_LATER, None
    if place.group != ACTIVE:
        return NOT_IN_BLAST, None
    if not before.get("detonator_status"):
        return SILENT_BEFORE, None
    if place.not_fired is None:
        return AWAITED, None
    return place.not_fired.get(window_id, (FIRED, None))
