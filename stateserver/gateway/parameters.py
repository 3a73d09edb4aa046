"""The parameters of every operation, with their bounds: the same whether they come in an address or in JSON.

A name that an operation doesn't have is refused, as is a wrong type. Texts of addresses are read as JSON would say
them, so both are refused alike, in the same words.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stateserver.domain.commands import LABEL_CODE_POINTS_MAX
from stateserver.gateway.paging import LIMIT_DEFAULT, LIMIT_MAX
from stateserver.gateway.refusals import BadRequest
from stateserver.reports.views import VIEWS

VERSION_MAX: Final = 2**53 - 1
MS_MAX: Final = 2**53 - 1
NAME_CHARACTERS_MAX: Final = 1_024
UNIT_PATH: Final = "^[0-9]{1,9}/[0-9]{1,9}(/[0-9]{1,9}/[0-9]{1,9})?$"
BLAST: Final = "0cd3eb41-43ff-5a6a-b289-8532977676c8"
KINDS_MAX: Final = 64

System = Annotated[str, Field(max_length=NAME_CHARACTERS_MAX, description="The system's id", examples=["site"])]
Unit = Annotated[str, Field(max_length=NAME_CHARACTERS_MAX, description="Its path", examples=["3/158/4/37"])]
Blast = Annotated[str, Field(max_length=NAME_CHARACTERS_MAX, description="The blast's id, a UUID", examples=[BLAST])]
After = Annotated[
    str | None,
    Field(max_length=NAME_CHARACTERS_MAX, description="Those behind this one: the `next` of an answer"),
]
Limit = Annotated[int, Field(ge=1, le=LIMIT_MAX, description="How many at most")]
At = Annotated[
    int | None,
    Field(ge=0, le=MS_MAX, description="As it stood before the first record that took the system's time past this"),
]


class Parameters(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NoParameters(Parameters):
    """None."""


class SystemsPage(Parameters):
    """Which systems."""

    after: After = None
    limit: Limit = LIMIT_DEFAULT


class OfSystem(Parameters):
    """Which system."""

    system: System


class OfSystemAt(OfSystem):
    """Which system, and of when."""

    at: At = None


class ListPage(OfSystem):
    """Which of what a system has."""

    after: After = None
    limit: Limit = LIMIT_DEFAULT


class WarningsPage(ListPage, OfSystemAt):
    """Which warnings, and of when. `after` is `<unit>:<field>`, as `next` gives it."""


class OfUnit(OfSystemAt):
    """Which unit, and of when."""

    unit: Unit


class UnitsPage(OfSystemAt):
    """Which units, and of when."""

    type: Annotated[int | None, Field(ge=0, le=5, description="Only units of this type")] = None
    parent: Annotated[str | None, Field(pattern=UNIT_PATH, description="Only those of this unit")] = None
    communicating: Annotated[bool | None, Field(description="Those in contact, or the others")] = None
    label: Annotated[str | None, Field(max_length=LABEL_CODE_POINTS_MAX, description="Part of the label")] = None
    after: Annotated[str | None, Field(pattern=UNIT_PATH, description="Those behind this path")] = None
    limit: Limit = LIMIT_DEFAULT


class ChangesPage(OfSystem):
    """Which events."""

    after: Annotated[int, Field(ge=0, le=VERSION_MAX, description="A version: those that follow it")] = 0
    limit: Limit = LIMIT_DEFAULT


class OfBlast(Parameters):
    """Which blast."""

    blast: Blast
    version: Annotated[
        int | None, Field(ge=0, le=VERSION_MAX, description="Wait a moment for a report of this version")
    ] = None


class DetonatorsPage(OfBlast):
    """Which blast, and which of its detonators. A place among them is `<booster's path>:<window>`."""

    after: After = None
    limit: Limit = LIMIT_DEFAULT


class ReportOfBlast(Parameters):
    """Which view of which blast."""

    blast: Blast
    view: Annotated[
        str, Field(max_length=NAME_CHARACTERS_MAX, description=f"One of: {', '.join(VIEWS)}", examples=["csv"])
    ]


class Subscribe(OfSystem):
    """To what, and from where on."""

    cursor: Annotated[
        int | None,
        Field(ge=0, le=VERSION_MAX, description="Go on after this version; without it, begin at the present"),
    ] = None
    era: Annotated[
        int,
        Field(
            ge=0,
            le=VERSION_MAX,
            description="Which history `cursor` is of, as the snapshot before told; 0 is the first",
        ),
    ] = 0
    units: Annotated[
        str | None, Field(max_length=NAME_CHARACTERS_MAX, description="A path: that unit and those below it")
    ] = None
    kinds: Annotated[list[str] | None, Field(max_length=KINDS_MAX, description="Names of events")] = None
    changes_max: Annotated[
        int | None,
        Field(ge=0, le=VERSION_MAX, description="With more changes than these since `cursor`, rather a snapshot"),
    ] = None
    compress: Annotated[
        Literal["gzip"] | None, Field(description="Snapshots come as `snapshot_gzip`, base64 of their gzip")
    ] = None


class Unsubscribe(Parameters):
    """From what."""

    subscription: Annotated[str, Field(max_length=NAME_CHARACTERS_MAX, description="Its name, as `subscribe` gave it")]


RECORDS_A_CALL_MAX: Final = 1_000


class PacketsCall(Parameters):
    """The sealed records."""

    records: Annotated[
        list[str],
        Field(min_length=1, max_length=RECORDS_A_CALL_MAX, description="Sealed, base64 each", examples=[["wwH1"]]),
    ]


Checked = TypeVar("Checked", bound=Parameters)


def check(parameters: type[Checked], given: Mapping[str, Any]) -> Checked:
    """The parameters, or a BadRequest that names the first wrong one."""
    try:
        return parameters.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise no_such_parameter(name, parameters.model_fields) from None
        raise BadRequest(f"parameter {name!r}: {first['msg']}") from None


def no_such_parameter(name: str, there_are: Iterable[str]) -> BadRequest:
    """An answer to another question than was asked would look like one."""
    names = ", ".join(there_are)
    return BadRequest(f"there is no parameter {name!r} here", f"there are: {names}" if names else "it takes none")


_WHOLE_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,99})")
_BOOLEANS: Final = {"true": True, "false": False}


def from_address(parameters: type[Parameters], given: Mapping[str, str]) -> dict[str, Any]:
    """What an address says, as JSON would. A text that should be a number and is none stays one, to be refused."""
    return {name: _from_text(parameters, name, text) for name, text in given.items()}


def _from_text(parameters: type[Parameters], name: str, text: str) -> Any:
    field = parameters.model_fields.get(name)
    kinds = () if field is None else (field.annotation, *get_args(field.annotation))
    if int in kinds and _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if bool in kinds:
        return _BOOLEANS.get(text, text)
    return text
