"""Opening and closing a blast: its stages, its snapshots and its report document (spec pages 2 and 4)."""

import hashlib
from typing import Final, NamedTuple

from stateserver.domain.applying import Applying
from stateserver.domain.bank import Bank
from stateserver.domain.blast import (
    FIRED,
    MISSED,
    OUTCOMES,
    UNREPORTED,
    Blast,
    BlastStage,
    JsonObject,
    Watched,
    blast_id,
)
from stateserver.domain.canonical import canonical_line
from stateserver.domain.change import BLAST_CLOSED, BLAST_OPENED, change_to_json
from stateserver.domain.paths import path_key
from stateserver.domain.system import System
from stateserver.domain.unit import Unit
from stateserver.domain.warnings import FAULTS
from stateserver.protocol.commands import UnitType
from stateserver.protocol.layout import dotted_quad

ACTIVE: Final = "active"
POSSIBLY_LIVE: Final = "possibly_live"
EXCLUDED: Final = "excluded"
INACTIVE: Final = "inactive"


class Closing(NamedTuple):
    """What is known of a blast only once it is closed. `after` are counts by booster path."""

    at: int
    how: str
    version: int
    snapshot_sha256: str
    after: dict[str, dict[str, int]]


def take_snapshot(system: System) -> bytes:
    """Every unit as it stands, a line each in path order (spec page 4)."""
    lines = bytearray()  # not joined at the end: until then each line would keep the kilobytes it was written in
    for path, fields in system.units():
        lines += canonical_line({"system": system.name, "unit": path, **fields})
    return bytes(lines)


def open_blast(step: Applying, control: Unit) -> None:
    """A blast begins at the step's instant."""
    system = step.system
    assert system.mode is not None, "a record has set the mode"
    snapshot = take_snapshot(system)
    boosters: dict[str, list[Unit]] = {ACTIVE: [], POSSIBLY_LIVE: [], EXCLUDED: [], INACTIVE: []}
    for unit in system.boosters(system.mode):
        boosters[_sort_booster(unit)].append(unit)
    start: JsonObject = {category: [_rest_row(unit) for unit in units] for category, units in boosters.items()}
    start[ACTIVE] = [_active_row(unit) for unit in boosters[ACTIVE]]
    start["warnings"] = _warnings(system)
    start["sha256"] = hashlib.sha256(snapshot).hexdigest()
    system.initiated.add(step.at)
    system.blast = Blast(
        id=blast_id(system.name, step.at),
        control_unit=control.path,
        mode=system.mode,
        initiated=step.at,
        version_opened=system.version + 1,
        start=start,
        watched={unit.path: _watch(_bank_of(unit)) for unit in boosters[ACTIVE]},
    )
    tell_stage(step, BLAST_OPENED, "opened", snapshot)


def tell_stage(step: Applying, kind: str, stage: str, snapshot: bytes | None = None) -> None:
    """Tell that the open blast has come to a stage, with its report as it stands."""
    blast = step.system.blast
    assert blast is not None, "a stage is one of an open blast"
    version = step.emit(kind, blast.control_unit, details={"blast": blast.id})
    step.blasts.append(BlastStage(blast.id, version, stage, report(step.system, blast), snapshot))


def close(step: Applying, how: str) -> None:
    """Close the open blast at the step's instant."""
    system, blast = step.system, step.system.blast
    assert blast is not None, "only an open blast closes"
    snapshot = take_snapshot(system)
    version = step.emit(BLAST_CLOSED, blast.control_unit, details={"blast": blast.id, "how": how})
    after = {path: _counts(_bank_of(system.speakers[path])) for path in blast.watched}
    closing = Closing(step.at, how, version, hashlib.sha256(snapshot).hexdigest(), after)
    system.blast = None
    step.blasts.append(BlastStage(blast.id, version, "closed", report(system, blast, closing), snapshot))


def report(system: System, blast: Blast, closing: Closing | None = None) -> JsonObject:
    """The report document of a blast (spec page 4); what isn't known before it closes is null."""
    active = [_finished_row(row, blast, closing) for row in _rows(blast, ACTIVE)]
    tally = {outcome: _count_outcome(blast, outcome) if closing else None for outcome in OUTCOMES}
    return {
        "blast": blast.id,
        "system": system.name,
        "mode": blast.mode.value,
        "control_unit": blast.control_unit,
        "initiated": blast.initiated,
        "firing_complete": blast.firing_complete,
        "aborted": blast.aborted,
        "closed": closing.at if closing else None,
        "how": closing.how if closing else None,
        "durations": _durations(blast, closing),
        "boosters": {
            "total": sum(len(_rows(blast, what)) for what in (ACTIVE, POSSIBLY_LIVE, EXCLUDED, INACTIVE)),
            ACTIVE: len(active),
            POSSIBLY_LIVE: len(_rows(blast, POSSIBLY_LIVE)),
            EXCLUDED: len(_rows(blast, EXCLUDED)),
            INACTIVE: len(_rows(blast, INACTIVE)),
            "fired": sum(row["successful"] is True for row in active) if closing else None,
        },
        "detonators": {
            "total": sum(row["before"]["detonators"] for row in _rows(blast, ACTIVE)),
            "answering_before": sum(len(watched.identities) for watched in blast.watched.values()),
            "silent_before": sum(len(row["silent_before"]) for row in _rows(blast, ACTIVE)),
            "fired": tally[FIRED],
            "missed": tally[MISSED],
            "unreported": tally[UNREPORTED],
        },
        "active": active,
        "possibly_live": _rows(blast, POSSIBLY_LIVE),
        "excluded": _rows(blast, EXCLUDED),
        "inactive": _rows(blast, INACTIVE),
        "warnings": _rows(blast, "warnings"),
        "timeline": [change_to_json(change) for change in blast.timeline],
        "versions": {"opened": blast.version_opened, "closed": closing.version if closing else None},
        "snapshots": {
            "start": blast.start["sha256"],
            "end": closing.snapshot_sha256 if closing else None,
        },
        "frames": dict(blast.frames),
    }


def _sort_booster(unit: Unit) -> str:
    has_detonators = len(_bank_of(unit)) > 0
    ready = unit.is_armed and unit.communicating
    if has_detonators:
        return ACTIVE if ready else POSSIBLY_LIVE
    return EXCLUDED if ready else INACTIVE


def _bank_of(unit: Unit) -> Bank:
    assert unit.bank is not None, f"{unit.path} has windows"
    return unit.bank


def _counts(bank: Bank) -> dict[str, int]:
    return {
        "detonators": len(bank),
        "tagged": bank.count("tagged"),
        "logged": bank.count("logged"),
        "answering": bank.count("detonator_status"),
        "programmed": bank.count("program"),
    }


def _rest_row(unit: Unit) -> JsonObject:
    count = len(_bank_of(unit))
    why = {
        "key_switch_off": not unit.is_armed,
        "not_communicating": not unit.communicating,
        "no_detonators": count == 0,
    }
    return {
        "unit": unit.path,
        "serial": unit.serial,
        "label": unit.label,
        "detonators": count,
        "why": [reason for reason, holds in why.items() if holds],
    }


def _active_row(unit: Unit) -> JsonObject:
    bank = _bank_of(unit)
    return {
        "unit": unit.path,
        "serial": unit.serial,
        "label": unit.label,
        "before": _counts(bank),
        "silent_before": [
            {"window_id": window, "uid": _uid(unit.path, bank.identity(window))}
            for window in bank.windows()
            if not bank.answers(window)
        ],
    }


def _watch(bank: Bank) -> Watched:
    return Watched({window: bank.identity(window) for window in bank.windows() if bank.answers(window)})


def _uid(booster: str, identity: int | None) -> str | None:
    """A detonator's uid; a type 1 booster's detonators have none."""
    is_detonator = booster.startswith(f"{UnitType.BOOSTER_TYPE_2.value}/")
    return dotted_quad(identity) if is_detonator and identity is not None else None


def _warnings(system: System) -> list[JsonObject]:
    fields = list(FAULTS)
    warnings = sorted(system.warnings.values(), key=lambda w: (path_key(w.unit), fields.index(w.field)))
    return [
        {
            "unit": warning.unit,
            "field": warning.field,
            "raised": warning.raised,
            "acknowledged": warning.acknowledged,
            "actor": warning.actor,
            "note": warning.note,
        }
        for warning in warnings
    ]


def _finished_row(row: JsonObject, blast: Blast, closing: Closing | None) -> JsonObject:
    path = str(row["unit"])
    watched = blast.watched[path]
    not_fired = [
        {"window_id": window, "uid": _uid(path, identity), "outcome": watched.outcome(window)}
        for window, identity in watched.identities.items()
        if watched.outcome(window) != FIRED
    ]
    successful = bool(watched.identities) and not not_fired and not row["silent_before"]
    return {
        "unit": row["unit"],
        "serial": row["serial"],
        "label": row["label"],
        "before": row["before"],
        "after": closing.after[path] if closing else None,
        "successful": successful if closing else None,
        "silent_before": row["silent_before"],
        "not_fired": not_fired if closing else None,
    }


def _count_outcome(blast: Blast, outcome: str) -> int:
    return sum(
        watched.outcome(window) == outcome for watched in blast.watched.values() for window in watched.identities
    )


def _durations(blast: Blast, closing: Closing | None) -> JsonObject:
    ended = blast.firing_ended
    return {
        "firing": None if ended is None else ended - blast.initiated,
        "reporting": None if ended is None or closing is None else closing.at - ended,
        "total": None if closing is None else closing.at - blast.initiated,
    }


def _rows(blast: Blast, what: str) -> list[JsonObject]:
    rows = blast.start[what]
    assert isinstance(rows, list)
    return rows
