"""What can be asked of a past state, and the answers as JSON: the same as those of the present, with their instant."""

from enum import StrEnum
from typing import Any, NamedTuple

from stateserver.codec.era import FIRST_ERA
from stateserver.gateway import compact_json
from stateserver.gateway.paging import LIMIT_DEFAULT, cut
from stateserver.gateway.past_search import Found
from stateserver.gateway.past_state import Past
from stateserver.gateway.refusals import UnknownPlace, UnknownUnit
from stateserver.gateway.unit_pages import Choice, page_of


class What(StrEnum):
    """Of a system."""

    SYSTEM = "system"
    UNITS = "units"
    UNIT = "unit"
    WARNINGS = "warnings"


class Question(NamedTuple):
    """All of it goes to another process, as JSON. `version`, `mode` and `era` are those of the present.

    `generation` tells one reading of the topics from the next: with it, the topics themselves may have been replaced.
    """

    what: str
    system: str
    partition: int
    at: int
    version: int
    mode: str | None
    generation: int = 0
    era: int = FIRST_ERA
    unit: str | None = None
    after: str | None = None
    limit: int = LIMIT_DEFAULT
    type: int | None = None
    parent: str | None = None
    communicating: bool | None = None
    label: str | None = None


def answer_to(question: Question, found: Found) -> bytes:
    """The answer's JSON. Raises UnknownUnit, UnknownPlace, BadRequest."""
    past = found.past
    if question.what == What.SYSTEM:
        document = past.head(question.at)
    elif question.what == What.UNIT:
        document = _unit(question, past)
    elif question.what == What.UNITS:
        document = _units(question, past)
    else:
        document = _warnings(question, past)
    return compact_json.encode(document)


def _standing(question: Question, past: Past) -> dict[str, Any]:
    return {"system": past.name, "at": question.at, "version": past.version, "whole": True}


def _unit(question: Question, past: Past) -> dict[str, Any]:
    unit = question.unit or ""
    if unit not in past.units:
        raise UnknownUnit(past.name, unit, question.at)
    return {"system": past.name, "unit": unit, **past.units[unit]}


def _units(question: Question, past: Past) -> dict[str, Any]:
    wanted = Choice(question.type, question.parent, question.communicating, question.label)
    page = page_of(past.units, wanted, question.after, question.limit)
    units = [{"system": past.name, "unit": path, **fields} for path, fields in page.units]
    return _standing(question, past) | {"units": units, "next": page.next}


def _warnings(question: Question, past: Past) -> dict[str, Any]:
    rows = past.warnings.rows()
    try:
        page = cut([f"{row['unit']}:{row['field']}" for row in rows], question.after, question.limit)
    except KeyError:
        raise UnknownPlace(question.after or "") from None
    return _standing(question, past) | {"warnings": [rows[place] for place in page.items], "next": page.next}
