"""Checked parameters of JSON-RPC methods: a name that a method doesn't have is refused, as is a wrong type."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from stateserver.domain.commands import LABEL_CODE_POINTS_MAX, is_unicode
from stateserver.gateway.paging import LIMIT_DEFAULT, LIMIT_MAX
from stateserver.gateway.refusals import BadRequest

VERSION_MAX = 2**53 - 1
MS_MAX = 2**53 - 1
NAME_CHARACTERS_MAX = 1_024
RECORDS_A_CALL_MAX = 1_000


class Parameters(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NoParameters(Parameters):
    """ping."""


class SystemsPage(Parameters):
    """systems.list."""

    after: str | None = Field(None, max_length=NAME_CHARACTERS_MAX)
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)


class OfSystem(Parameters):
    """systems.get."""

    system: str = Field(max_length=NAME_CHARACTERS_MAX)


class OfSystemAt(OfSystem):
    """systems.get. `at` is a past instant, in ms since 1970."""

    at: int | None = Field(None, ge=0, le=MS_MAX)


class ListPage(OfSystem):
    """blasts.list."""

    after: str | None = Field(None, max_length=NAME_CHARACTERS_MAX)
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)


class WarningsPage(ListPage, OfSystemAt):
    """warnings.list."""


class OfUnit(OfSystemAt):
    """units.get."""

    unit: str = Field(max_length=NAME_CHARACTERS_MAX)


class UnitsPage(OfSystemAt):
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


class DetonatorsPage(OfBlast):
    """blasts.detonators. A place among them is `<booster's path>:<window>`."""

    after: str | None = Field(None, max_length=NAME_CHARACTERS_MAX)
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)


NOTE_CHARACTERS_MAX = 2_000
ID_CHARACTERS_MAX = 256
FIELD_CHARACTERS_MAX = 64


def _unicode(text: str) -> str:
    if not is_unicode(text):
        raise ValueError("a lone surrogate is no Unicode")
    return text


Text = Annotated[str, AfterValidator(_unicode)]


class _AnyCommand(Parameters):
    """What commands have in common."""

    unit: Text = Field(max_length=NAME_CHARACTERS_MAX, description="The unit's path", examples=["3/158"])
    note: Text | None = Field(None, max_length=NOTE_CHARACTERS_MAX, description="Why, in the operator's words")
    id: Text | None = Field(
        None,
        min_length=1,
        max_length=ID_CHARACTERS_MAX,
        description="The client's own: the same id again is the same command, for a day in one gateway",
    )


class Acknowledge(_AnyCommand):
    """Say that an open warning has been seen."""

    action: Literal["acknowledge_warning"]
    field: Text = Field(max_length=FIELD_CHARACTERS_MAX, description="The warning's field", examples=["cable_fault"])


class Label(_AnyCommand):
    """Give a unit a label, or take it away."""

    action: Literal["label_unit"]
    label: Text = Field(max_length=LABEL_CODE_POINTS_MAX, description="Empty: none", examples=["North wall"])


CommandBody = Acknowledge | Label


class AcknowledgeCall(OfSystem, Acknowledge):
    """warnings.acknowledge: the method says the action."""

    action: Literal["acknowledge_warning"] = "acknowledge_warning"


class LabelCall(OfSystem, Label):
    """units.label: the method says the action."""

    action: Literal["label_unit"] = "label_unit"


class PacketsCall(Parameters):
    """packets.append. `records` are the sealed records, base64 each."""

    records: list[str] = Field(min_length=1, max_length=RECORDS_A_CALL_MAX)


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
