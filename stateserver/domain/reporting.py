"""Opening and closing a blast: its stages and its snapshots (spec pages 2 and 4)."""

import hashlib
from typing import Final

from stateserver.domain.applying import Applying
from stateserver.domain.attention import at_the_end, at_the_start
from stateserver.domain.bank import Bank
from stateserver.domain.blast import Blast, BlastStage, JsonObject, Watched, blast_id
from stateserver.domain.canonical import canonical_line
from stateserver.domain.change import BLAST_CLOSED, BLAST_OPENED
from stateserver.domain.memory import forget_all, remember
from stateserver.domain.paths import path_key
from stateserver.domain.report import (
    ACTIVE,
    EXCLUDED,
    INACTIVE,
    POSSIBLY_LIVE,
    Closing,
    Ending,
    active_row,
    counts,
    report,
    rest_row,
)
from stateserver.domain.system import System
from stateserver.domain.unit import Unit
from stateserver.domain.warnings import FAULTS

_FIELDS: Final = list(FAULTS)


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
    assert system.clock is not None, "a frame has moved it"
    forget_all(system)
    snapshot = take_snapshot(system)
    boosters: dict[str, list[Unit]] = {ACTIVE: [], POSSIBLY_LIVE: [], EXCLUDED: [], INACTIVE: []}
    for unit in system.boosters(system.mode):
        boosters[_sort_booster(unit)].append(unit)
    start: JsonObject = {category: [rest_row(unit) for unit in units] for category, units in boosters.items()}
    start[ACTIVE] = [active_row(unit) for unit in boosters[ACTIVE]]
    start["warnings"] = _warnings(system)
    start["sha256"] = hashlib.sha256(snapshot).hexdigest()
    start["attention"] = at_the_start(system, control, boosters[ACTIVE])
    system.initiated.add(step.at)
    system.blast = Blast(
        id=blast_id(system.name, step.at),
        control_unit=control.path,
        mode=system.mode,
        initiated=step.at,
        timers_from=max(step.at, system.clock),
        version_opened=system.version + 1,
        start=start,
        watched={unit.path: _watch(unit.windows_bank) for unit in boosters[ACTIVE]},
        opened_at=step.at,
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
    closing = Closing(
        at=step.at,
        how=how,
        version=version,
        snapshot_sha256=hashlib.sha256(snapshot).hexdigest(),
        endings={unit.path: _ending(unit.windows_bank, blast) for unit in system.boosters(blast.mode)},
        warnings=_warnings(system),
        attention=at_the_end(system, blast),
    )
    system.blast = None
    remember(system, blast)
    step.blasts.append(BlastStage(blast.id, version, "closed", report(system, blast, closing), snapshot))


def _sort_booster(unit: Unit) -> str:
    has_detonators = len(unit.windows_bank) > 0
    ready = unit.is_armed and unit.communicating
    if has_detonators:
        return ACTIVE if ready else POSSIBLY_LIVE
    return EXCLUDED if ready else INACTIVE


def _watch(bank: Bank) -> Watched:
    answering: dict[int, int | None] = {}
    silent: dict[int, int | None] = {}
    for window in bank.windows():
        (answering if bank.answers(window) else silent)[window] = bank.identity(window)
    return Watched(answering, silent)


def _ending(bank: Bank, blast: Blast) -> Ending:
    since = blast.since_firing_ended
    return Ending(counts(bank), sum(bank.as_of[window] >= since for window in bank.windows()))


def _warnings(system: System) -> list[JsonObject]:
    warnings = sorted(system.warnings.values(), key=lambda w: (path_key(w.unit), _FIELDS.index(w.field)))
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
