"""Checked parameters of JSON-RPC methods: a name that a method doesn't have is refused, as is a wrong type."""

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stateserver.domain.commands import LABEL_CODE_POINTS_MAX
from stateserver.gateway.queries import LIMIT_DEFAULT, LIMIT_MAX
from stateserver.gateway.refusals import BadRequest

VERSION_MAX = 2**53 - 1
NAME_CHARACTERS_MAX = 1_024


class Parameters(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NoParameters(Parameters):
    """systems.list, ping."""


class OfSystem(Parameters):
    """systems.get, warnings.list, blasts.list."""

    system: str = Field(max_length=NAME_CHARACTERS_MAX)


class OfUnit(OfSystem):
    """units.get."""

    unit: str = Field(max_length=NAME_CHARACTERS_MAX)


class UnitsPage(OfSystem):
    """units.list."""

    type: int | None = None
    parent: str | None = Field(None, max_length=NAME_CHARACTERS_MAX)
    communicating: bool | None = None
    label: str | None = Field(None, max_length=LABEL_CODE_POINTS_MAX)
    after: str | None = Field(None, max_length=NAME_CHARACTERS_MAX)
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)


class ChangesPage(OfSystem):
    """changes.list."""

    after: int = Field(0, ge=0, le=VERSION_MAX)
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)


class OfBlast(Parameters):
    """blasts.get. With `version` the answer waits for a document of at least that version."""

    blast: str = Field(max_length=NAME_CHARACTERS_MAX)
    version: int | None = Field(None, ge=0, le=VERSION_MAX)


class Subscribe(OfSystem):
    """subscribe. `units` is a path: that unit and those below it; `kinds` are names of events.

    With more than `changes_max` changes since `cursor`, there is a snapshot instead. `compress`: the snapshot's form.
    """

    cursor: int | None = Field(None, ge=0, le=VERSION_MAX)
    units: str | None = Field(None, max_length=NAME_CHARACTERS_MAX)
    kinds: list[str] | None = Field(None, max_length=64)
    changes_max: int | None = Field(None, ge=0, le=VERSION_MAX)
    compress: Literal["gzip"] | None = None


class Unsubscribe(Parameters):
    """unsubscribe."""

    subscription: str = Field(max_length=NAME_CHARACTERS_MAX)


Checked = TypeVar("Checked", bound=Parameters)


def check(parameters: type[Checked], given: dict[str, Any]) -> Checked:
    """The parameters, or a BadRequest that names the first wrong one."""
    try:
        return parameters.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadRequest(f"parameter {name!r}: {first['msg']}") from None
