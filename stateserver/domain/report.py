"""A blast's report document (spec page 4): from it all views are made."""

from typing import Final, NamedTuple

from stateserver.domain.bank import Bank
from stateserver.domain.blast import FIRED, MISSED, OUTCOMES, UNREPORTED, Blast, JsonObject
from stateserver.domain.change import change_to_json
from stateserver.domain.system import System
from stateserver.domain.unit import Unit
from stateserver.protocol.commands import UnitType
from stateserver.protocol.layout import dotted_quad

ACTIVE: Final = "active"
POSSIBLY_LIVE: Final = "possibly_live"
EXCLUDED: Final = "excluded"
INACTIVE: Final = "inactive"

ALL_FIRED: Final = "all_fired"
DOUBTFUL: Final = "doubtful"
NOT_ALL_FIRED: Final = "not_all_fired"
ABORTED: Final = "aborted"


class Ending(NamedTuple):
    """A booster's counts at the end, and how many of its detonators have been heard of since firing ended."""

    after: dict[str, int]
    heard_after: int


class Closing(NamedTuple):
    """What is known of a blast only once it is closed. `endings` are by booster path."""

    at: int
    how: str
    version: int
    snapshot_sha256: str
    endings: dict[str, Ending]
    warnings: list[JsonObject]
    attention: list[JsonObject]


def report(system: System, blast: Blast, closing: Closing | None = None) -> JsonObject:
    """The report document of a blast (spec page 4); what isn't known before it closes is null."""
    active = [_finished_row(row, blast, closing) for row in rows(blast, ACTIVE)]
    detonators, attention = _detonators(blast, closing), _attention(active, closing)
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
            "total": sum(len(rows(blast, what)) for what in (ACTIVE, POSSIBLY_LIVE, EXCLUDED, INACTIVE)),
            ACTIVE: len(active),
            POSSIBLY_LIVE: len(rows(blast, POSSIBLY_LIVE)),
            EXCLUDED: len(rows(blast, EXCLUDED)),
            INACTIVE: len(rows(blast, INACTIVE)),
            "fired": sum(row["successful"] is True for row in active) if closing else None,
        },
        "detonators": detonators,
        "active": active,
        **{
            what: [_ended_row(row, closing) for row in rows(blast, what)]
            for what in (POSSIBLY_LIVE, EXCLUDED, INACTIVE)
        },
        "warnings": rows(blast, "warnings"),
        "warnings_after": closing.warnings if closing else None,
        "verdict": _verdict(blast, detonators, attention) if closing else None,
        "attention": attention if closing else None,
        "timeline": [change_to_json(change) for change in blast.timeline],
        "versions": {"opened": blast.version_opened, "closed": closing.version if closing else None},
        "snapshots": {
            "start": blast.start["sha256"],
            "end": closing.snapshot_sha256 if closing else None,
        },
        "frames": dict(blast.frames),
    }


def rows(blast: Blast, what: str) -> list[JsonObject]:
    """Rows of a blast that were known at its start."""
    known = blast.start[what]
    assert isinstance(known, list)
    return known


def counts(bank: Bank) -> dict[str, int]:
    """How many detonators there are, and how many of them are what (spec page 4, C)."""
    return {
        "detonators": len(bank),
        "tagged": bank.count("tagged"),
        "logged": bank.count("logged"),
        "answering": bank.count("detonator_status"),
        "programmed": bank.count("program"),
    }


def rest_row(unit: Unit) -> JsonObject:
    """A booster that takes no part, as it is known at the start (spec page 4, R)."""
    count = len(unit.windows_bank)
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


def active_row(unit: Unit) -> JsonObject:
    """A booster that takes part, as it is known at the start."""
    bank = unit.windows_bank
    return {
        "unit": unit.path,
        "serial": unit.serial,
        "label": unit.label,
        "before": counts(bank),
        "silent_before": [
            {"window_id": window, "uid": _uid(unit.path, bank.identity(window))}
            for window in bank.windows()
            if not bank.answers(window)
        ],
    }


def _uid(booster: str, identity: int | None) -> str | None:
    """A detonator's uid; a type 1 booster's detonators have none."""
    is_detonator = booster.startswith(f"{UnitType.BOOSTER_TYPE_2.value}/")
    return dotted_quad(identity) if is_detonator and identity is not None else None


def _ended_row(row: JsonObject, closing: Closing | None) -> JsonObject:
    ending = closing.endings[row["unit"]] if closing else None
    return {
        **row,
        "after": ending.after if ending else None,
        "heard_after": ending.heard_after if ending else None,
    }


def _finished_row(row: JsonObject, blast: Blast, closing: Closing | None) -> JsonObject:
    path = str(row["unit"])
    watched = blast.watched[path]
    not_fired = [
        {
            "window_id": window,
            "uid": _uid(path, watched.identities[window]),
            "outcome": outcome,
            "why": watched.why(window),
        }
        for window, outcome in watched.outcomes()
        if outcome != FIRED
    ]
    successful = bool(watched.identities) and not not_fired and not row["silent_before"]
    return {
        **_ended_row(row, closing),
        "successful": successful if closing else None,
        "not_fired": not_fired if closing else None,
    }


def _detonators(blast: Blast, closing: Closing | None) -> JsonObject:
    silent = sum(len(row["silent_before"]) for row in rows(blast, ACTIVE))
    tally = {outcome: _count_outcome(blast, outcome) for outcome in OUTCOMES}
    told = {"misfires": tally[MISSED] + tally[UNREPORTED] + silent, **tally}
    return {
        "total": sum(row["before"]["detonators"] for row in rows(blast, ACTIVE)),
        "answering_before": sum(len(watched.identities) for watched in blast.watched.values()),
        "silent_before": silent,
        **(told if closing else dict.fromkeys(told)),
    }


def _count_outcome(blast: Blast, wanted: str) -> int:
    return sum(outcome == wanted for watched in blast.watched.values() for _, outcome in watched.outcomes())


def _attention(active: list[JsonObject], closing: Closing | None) -> list[JsonObject]:
    """What contradicts a good blast; a detonator error only of boosters that weren't successful."""
    successful = {row["unit"] for row in active if row["successful"]}
    return [
        row
        for row in (closing.attention if closing else [])
        if row["what"] != "detonator_error" or row["unit"] not in successful
    ]


def _verdict(blast: Blast, detonators: JsonObject, attention: list[JsonObject]) -> str:
    """What is to be thought of a closed blast, decided once (spec page 2, The verdict)."""
    if blast.aborted is not None and blast.firing_complete is None:
        return ABORTED
    if detonators["misfires"] or not detonators["answering_before"]:
        return NOT_ALL_FIRED
    if attention or rows(blast, POSSIBLY_LIVE):
        return DOUBTFUL
    return ALL_FIRED


def _durations(blast: Blast, closing: Closing | None) -> JsonObject:
    ended = blast.ended
    return {
        "firing": None if ended is None else ended - blast.initiated,
        "reporting": None if ended is None or closing is None else closing.at - ended,
        "total": None if closing is None else closing.at - blast.initiated,
    }
