"""What became of a command, told by the events and the state after it. Pure.

A command's event has its actor, its time (the command's own, to the ms) and what it was about: that is how it is
known. One that changes nothing has no event; then the state itself must agree with it.
"""

import json
from enum import StrEnum
from typing import Any, Final, NamedTuple

from stateserver.domain.change import COMMAND_REFUSED, UNIT_LABELLED, WARNING_ACKNOWLEDGED
from stateserver.domain.commands import ACKNOWLEDGE_WARNING
from stateserver.gateway.change_log import LoggedChange
from stateserver.gateway.system_model import SystemModel

_KINDS: Final = (WARNING_ACKNOWLEDGED, UNIT_LABELLED, COMMAND_REFUSED)


class Outcome(StrEnum):
    """How a command ended, as far as is known."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    """It was so already."""
    REFUSED = "refused"
    PENDING = "pending"
    """It lies in the journal, and no worker has applied it yet."""
    LOST = "lost"
    """The worker went past it, and nothing came of it: see the rejected records."""


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
    """What became of it, at which version; `why` where it was refused."""

    outcome: Outcome
    version: int | None = None
    why: str | None = None


def look(sent: Sent, model: SystemModel) -> Told:
    """What became of a command, as far as this model shows."""
    events = model.log.after(sent.after, len(model.log)) if sent.after < model.version else []
    for event in events or ():
        told = _told_by(sent, event)
        if told is not None:
            return told
    row = model.row
    if events is None and not _holds(sent, model):
        return Told(Outcome.PENDING)  # an event may have told, and is not kept here any more
    if row is None or row.offset < sent.offset or row.version > model.version:
        return Told(Outcome.PENDING)
    return Told(Outcome.UNCHANGED if _holds(sent, model) else Outcome.LOST, model.version)


def _told_by(sent: Sent, event: LoggedChange) -> Told | None:
    if event.kind not in _KINDS or event.unit != sent.unit:
        return None
    change: dict[str, Any] = json.loads(event.json)
    details = change["details"]
    if change["at"] != sent.at or details.get("actor") != sent.actor or details.get("field") != sent.field:
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
        return False
    if sent.action == ACKNOWLEDGE_WARNING:
        return any(
            (row["unit"], row["field"]) == (sent.unit, sent.field) and row["acknowledged"] is not None
            for row in model.warnings.rows()
        )
    return (model.units[sent.unit].get("label") or None) == (sent.label or None)
