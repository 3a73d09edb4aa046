"""The JSON of systems, units and snapshots, the same over HTTP and WebSocket (spec page 4, JSON)."""

from collections.abc import Sequence
from typing import Any

from stateserver.codec.heartbeat import TroubledSource
from stateserver.domain.paths import path_key
from stateserver.gateway.blast_shelf import ShelvedBlast
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.system_model import SystemModel

Document = dict[str, Any]


def unit_document(model: SystemModel, path: str) -> Document:
    """A unit as in units.jsonl."""
    return {"system": model.name, "unit": path, **model.units[path]}


def unit_paths(model: SystemModel, prefix: str | None = None) -> list[str]:
    """A system's units, or those at and below a path, in path order."""
    paths = model.units if prefix is None else (path for path in model.units if is_within(path, prefix))
    return sorted(paths, key=path_key)


def is_within(path: str, prefix: str) -> bool:
    """Is `path` that unit, or one below it? By whole components: 3/15 has nothing to do with 3/158."""
    return path == prefix or path.startswith(f"{prefix}/")


def system_head(reading: ReadModel, model: SystemModel) -> Document:
    """What a list of systems shows of one. `whole` false: what is told of it may lack something."""
    panel = model.control_unit()
    blasts = reading.blasts.of_system(model.name)
    return {
        "system": model.name,
        "version": model.version,
        "era": model.era,
        "time": model.time,
        "mode": model.mode,
        "control_unit": panel,
        "operation": None if panel is None else model.units[panel].get("operation"),
        "units": len(model.units),
        "warnings": len(model.warnings),
        "blasts": len(blasts),
        "open_blast": next((blast.blast for blast in blasts if blast.summary["closed"] is None), None),
        "last_blast": last_closed(blasts),
        "answered_after_blast": model.standing.answered.rows(),
        "clocks_ahead": model.standing.clocks.ahead(),
        "clocks_set_back": model.standing.clocks.set_back(),
        "whole": model.whole,
        "trouble": model.trouble.value if model.trouble else None,
    }


def last_closed(blasts: Sequence[ShelvedBlast]) -> Document | None:
    """The verdict of the last of a system's blasts that has closed; None where none has."""
    for blast in reversed(blasts):
        if blast.summary["closed"] is not None:
            known = {name: blast.summary[name] for name in ("blast", "initiated", "closed", "how")}
            return known | {"verdict": blast.summary.get("verdict"), "misfires": blast.misfires}
    return None


def system_document(reading: ReadModel, model: SystemModel) -> Document:
    """The head, and what the latest checkpoint says that no event tells."""
    row = model.row
    checkpoint = (
        None
        if row is None
        else {
            "version": row.version,
            "partition": row.partition,
            "offset": row.offset,
            "appended_at": row.appended_at,
            "checkpointed_at": row.checkpointed_at,
            "counters": row.counters,
            "sources": row.sources,
            "gaps": row.gaps,
            "state_hash": row.state_hash.hex(),
        }
    )
    return system_head(reading, model) | {"checkpoint": checkpoint}


def source_document(source: TroubledSource) -> Document:
    """A source of which nothing is of use, but for the system that it names."""
    return {name: value for name, value in source._asdict().items() if name != "system"}


def snapshot_document(reading: ReadModel, model: SystemModel, prefix: str | None = None) -> Document:
    """The state that a subscription begins with, at the model's version; with a prefix, that unit and those below."""
    warnings = [row for row in model.warnings.rows() if prefix is None or is_within(str(row["unit"]), prefix)]
    return system_head(reading, model) | {
        "units": [unit_document(model, path) for path in unit_paths(model, prefix)],
        "warnings": warnings,
        "blasts": [blast.head() for blast in reading.blasts.of_system(model.name)],
    }
