"""Page 4's report document and snapshots, read plainly."""

import hashlib
import json
from typing import Any

from tests.oracle.reference_blast import Blast, Units, children_of, path_key
from tests.oracle.reference_verdict import attention, heard_since, misfires, successful, verdict


def rows(system: str, units: Units) -> list[dict[str, Any]]:
    return [{"system": system, "unit": path} | units[path] for path in sorted(units, key=path_key)]


def snapshot(system: str, units: Units) -> bytes:
    lines = [json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False) for row in rows(system, units)]
    return "".join(line + "\n" for line in lines).encode()


def report(blast: Blast) -> dict[str, Any]:
    """The report document, as it stands."""
    groups = blast.sorted_boosters
    closed = blast.closed is not None
    return {
        "blast": blast.id,
        "system": blast.system,
        "mode": blast.mode,
        "control_unit": blast.control_unit,
        "initiated": blast.initiated,
        "firing_complete": blast.completed,
        "aborted": blast.aborted,
        "closed": blast.closed,
        "how": blast.how,
        "durations": {
            "firing": _difference(blast.ended, blast.initiated),
            "reporting": _difference(blast.closed, blast.ended),
            "total": _difference(blast.closed, blast.initiated),
        },
        "boosters": _booster_totals(blast),
        "detonators": _detonator_totals(blast),
        "active": [_active_row(blast, path) for path in groups["active"]],
        **{name: [_other_row(blast, path) for path in groups[name]] for name in groups if name != "active"},
        "warnings": blast.warnings,
        "warnings_after": blast.warnings_after,
        "verdict": verdict(blast) if closed else None,
        "attention": attention(blast) if closed else None,
        "timeline": blast.timeline,
        "versions": {
            "opened": blast.timeline[0]["version"],
            "closed": blast.timeline[-1]["version"] if closed else None,
        },
        "snapshots": {"start": _hash(blast, blast.start), "end": _hash(blast, blast.end)},
        "frames": blast.frames,
    }


def _difference(later: int | None, earlier: int | None) -> int | None:
    return None if later is None or earlier is None else later - earlier


def _hash(blast: Blast, units: Units | None) -> str | None:
    return None if units is None else hashlib.sha256(snapshot(blast.system, units)).hexdigest()


def _booster_totals(blast: Blast) -> dict[str, int | None]:
    groups = {name: len(paths) for name, paths in blast.sorted_boosters.items()}
    fired = sum(successful(blast, path) for path in blast.sorted_boosters["active"])
    return {"total": sum(groups.values()), **groups, "fired": None if blast.closed is None else fired}


def _detonator_totals(blast: Blast) -> dict[str, int | None]:
    known: dict[str, int | None] = {
        "total": len(blast.active_detonators),
        "answering_before": len(blast.watched),
        "silent_before": len(blast.those_told("silent_before")),
    }
    later: dict[str, int | None] = {
        outcome: len(blast.those_told(outcome)) for outcome in ("fired", "missed", "unreported")
    }
    later["misfires"] = misfires(blast)
    return known | (later if blast.closed is not None else dict.fromkeys(later))


def _row(blast: Blast, booster: str) -> dict[str, Any]:
    """What is told of a booster of any group."""
    row: dict[str, Any] = {name: blast.start[booster].get(name) for name in ("serial", "label")} | {"unit": booster}
    row |= {"after": None, "heard_after": None}
    if blast.end is not None:
        row["after"] = _counts(blast.end, booster)
        row["heard_after"] = sum(heard_since(blast, path) for path in children_of(blast.end, booster))
    return row


def _active_row(blast: Blast, booster: str) -> dict[str, Any]:
    detonators = children_of(blast.start, booster)
    row = _row(blast, booster) | {"before": _counts(blast.start, booster), "successful": None, "not_fired": None}
    row["silent_before"] = [_named(blast, path) for path in detonators if path not in blast.watched]
    if blast.closed is not None:
        row["successful"] = successful(blast, booster)
        row["not_fired"] = [
            _named(blast, path) | {"outcome": blast.told(path), "why": blast.why_unreported(path)}
            for path in detonators
            if blast.told(path) in {"missed", "unreported"}
        ]
    return row


def _other_row(blast: Blast, booster: str) -> dict[str, Any]:
    about = {"detonators": len(children_of(blast.start, booster)), "why": blast.why_not_active(booster)}
    return _row(blast, booster) | about


def _named(blast: Blast, path: str) -> dict[str, Any]:
    unit = blast.start[path]
    return {"window_id": unit["window_id"], "uid": unit.get("uid")}


def _counts(units: Units, booster: str) -> dict[str, int]:
    """The report's counts C of a booster."""
    detonators = [units[path] for path in children_of(units, booster)]
    names = {"tagged": "tagged", "logged": "logged", "answering": "detonator_status", "programmed": "program"}
    return {"detonators": len(detonators)} | {
        name: sum(bool(unit.get(bit)) for unit in detonators) for name, bit in names.items()
    }
