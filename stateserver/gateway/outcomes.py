"""What became of a command, told by the events and the state after it. Pure.

A command's event has its actor, its time (the command's own, to the ms, or an earlier one where Kafka's clock is behind
the gateway's) and what it was about: that is how it is known. One that changes nothing has no event; then the state
itself must agree with it, or have agreed meanwhile. Else nothing came of it: it was rejected, or passed over, as its id
had been used before.
"""

import json
from enum import StrEnum
from typing import Any, Final, NamedTuple

from stateserver.domain.change import COMMAND_REFUSED, UNIT_LABELLED, UNIT_RETIRED, WARNING_ACKNOWLEDGED
from stateserver.domain.commands import ACKNOWLEDGE_WARNING, LABEL_UNIT, RETIRE_UNIT
from stateserver.gateway.change_log import LoggedChange
from stateserver.gateway.system_model import SystemModel

_EVENT_OF: Final = {
    ACKNOWLEDGE_WARNING: WARNING_ACKNOWLEDGED,
    LABEL_UNIT: UNIT_LABELLED,
    RETIRE_UNIT: UNIT_RETIRED,
}


class Outcome(StrEnum):
    """How a command ended, as far as is known."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    """It was so already."""
    REFUSED = "refused"
    PENDING = "pending"
    """It lies in the journal, and no worker has applied it yet."""
    LOST = "lost"
    """The worker went past it, and nothing came of it: it was rejected (`why` says by which reason), or passed over."""


class Sent(NamedTuple):
    """A command in the journal. `after` is the version that was known before it was appended."""

    action: str
    unit: str
    field: str | None
    label: str | None
    actor: str
    at: int
    partition: int
    offset: int
    after: int


class Told(NamedTuple):
    """What became of it, at which version; `why` where it was refused or rejected."""

    outcome: Outcome
    version: int | None = None
    why: str | None = None


def look(sent: Sent, model: SystemModel) -> Told:
    """What became of a command, as far as this model shows."""
    events = model.log.after(sent.after, len(model.log)) if sent.after < model.version else []
    near: Told | None = None
    agreed = _holds(sent, model)
    for event in events or ():
        if event.unit != sent.unit or event.kind not in (_EVENT_OF[sent.action], COMMAND_REFUSED):
            continue
        change = json.loads(event.json)
        told = _told_by(sent, event, change)
        if told is not None and change["at"] == sent.at:
            return told
        near = near or told
        agreed = agreed or _agrees(sent, change)
    row = model.row
    if row is None or row.offset < sent.offset or row.version > model.version:
        return Told(Outcome.PENDING)
    if near is not None:
        return near
    if agreed:
        return Told(Outcome.UNCHANGED, model.version)
    # An event may have told, and is not kept here any more.
    return Told(Outcome.PENDING) if events is None else Told(Outcome.LOST, model.version)


def _told_by(sent: Sent, event: LoggedChange, change: dict[str, Any]) -> Told | None:
    details = change["details"]
    if change["at"] > sent.at or details.get("actor") != sent.actor or details.get("field") != sent.field:
        return None
    if event.kind == COMMAND_REFUSED:
        wanted = details["action"] == sent.action
        return Told(Outcome.REFUSED, event.version, details["why"]) if wanted else None
    if event.kind == UNIT_LABELLED and change["after"]["label"] != (sent.label or None):
        return None
    return Told(Outcome.APPLIED, event.version)


def _holds(sent: Sent, model: SystemModel) -> bool:
    """Is it as the command wanted it?"""
    if sent.unit not in model.units:
        return sent.action == RETIRE_UNIT
    if sent.action == RETIRE_UNIT:
        return False
    if sent.action == ACKNOWLEDGE_WARNING:
        return any(
            (row["unit"], row["field"]) == (sent.unit, sent.field) and row["acknowledged"] is not None
            for row in model.warnings.rows()
        )
    return (model.units[sent.unit].get("label") or None) == (sent.label or None)


def _agrees(sent: Sent, change: dict[str, Any]) -> bool:
    """Was it so before or after somebody else's event?"""
    if change["kind"] == COMMAND_REFUSED:
        return False
    if sent.action == LABEL_UNIT:
        return (sent.label or None) in (change["before"].get("label"), change["after"].get("label"))
    return bool(change["details"].get("field") == sent.field)
