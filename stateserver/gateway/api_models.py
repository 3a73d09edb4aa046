"""What the API answers, as schemas with examples: for the OpenAPI document, and for nobody's run time."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from stateserver.domain.change import KINDS
from stateserver.gateway.liveness import Condition
from stateserver.gateway.outcomes import Outcome
from stateserver.gateway.parameters import BLAST
from stateserver.gateway.system_model import Trouble as SystemTrouble
from stateserver.protocol.modes import Mode
from stateserver.security.tokens import Role

AT: Final = 1563531134999

Version = Annotated[int, Field(ge=0, description="Of the event that it follows from", examples=[226])]
Era = Annotated[
    int,
    Field(
        ge=0,
        description="Which history the version is of: 0 is the first. Where all was told anew, when that began, in ms"
        " since 1970: then drop what was told of an earlier one",
        examples=[0],
    ),
]
Ms = Annotated[int, Field(description="Ms since 1970 (UTC)", examples=[AT])]
Path = Annotated[str, Field(description="A unit's path", examples=["3/158"])]
System = Annotated[str, Field(description="The system's id", examples=["site"])]
BlastId = Annotated[str, Field(description="The blast's id, a UUID", examples=[BLAST])]
Whole = Annotated[bool, Field(description="False: something may be missing in what is told", examples=[True])]
Verdict = Literal["all_fired", "doubtful", "not_all_fired", "aborted"]
Value = None | bool | int | str
Fields = Annotated[dict[str, Value], Field(examples=[{"mains": True}])]
Next = Annotated[str | None, Field(description="To be given as `after` for what follows; null at the end")]


class Answer(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(extra="forbid")


At = Annotated[int | None, Field(description="The past instant that was asked for, if one was", examples=[AT])]


class Trouble(Answer):
    """Why something is not live."""

    condition: Condition = Field(examples=["worker_silent"])
    reason: str = Field(examples=["no worker gives a sign of life"])
    partitions: list[int] = Field(description="Those concerned; none named: all", examples=[[1, 3]])
    since: Ms | None = Field(description="Ms since 1970 (UTC); null where that isn't known")


class SystemSource(Answer):
    """A source of which nothing is of use: for a minute or longer all its frames are rejected, or duplicates."""

    source: str | None = Field(description="Null where that can't be read", examples=["ps-1"])
    why: Literal["rejected", "duplicates"] = Field(examples=["rejected"])
    reason: str | None = Field(description="Why most of them were rejected", examples=["unknown_key"])
    frames: int = Field(description="How many there were", examples=[120])
    since: Ms


class TroubledSource(SystemSource):
    """The same, with the system that it names."""

    system: System | None = Field(description="Null where that can't be read", examples=["site"])


class Standing(Answer):
    """Whether what is told is the present; `condition` is the worst there is, `troubles` are all."""

    live: bool = Field(examples=[False])
    condition: Condition = Field(examples=["worker_silent"])
    troubles: list[Trouble]


class Status(Standing):
    """The same, with the sources that send nothing of use, of systems that aren't known yet too."""

    troubled_sources: list[TroubledSource]


class LastBlast(Answer):
    """The last blast of a system that has closed. Null are those of what an older version judged."""

    blast: BlastId
    initiated: Ms
    closed: Ms
    how: str = Field(examples=["timer_completed"])
    verdict: Verdict | None
    misfires: int | None = Field(description="Missed, unreported and silent before", examples=[100])


class Answered(Answer):
    """A detonator that answered after a blast, though the report says otherwise of it: it is live."""

    unit: Path = Field(examples=["3/158/4/37"])
    blast: BlastId
    outcome: Literal["fired", "unreported", "silent_before"] = Field(description="What the blast told of it")
    at: Ms


class ClockSetBack(Answer):
    """The last time that a Packet Server's clock was set back."""

    source: str = Field(examples=["ps-1"])
    at: Ms
    by: int = Field(description="Ms", examples=[3_600_000])


class SystemHead(Answer):
    """A system in brief."""

    system: System
    version: Version
    era: Era
    time: Ms | None
    mode: Mode | None = Field(examples=["AXXIS100"])
    control_unit: Path | None
    operation: str | None = Field(examples=["armed"])
    units: int = Field(examples=[103])
    warnings: int = Field(examples=[0])
    blasts: int = Field(examples=[1])
    open_blast: BlastId | None
    last_blast: LastBlast | None
    answered_after_blast: list[Answered] = Field(
        description="Who answered after the last blast, until the next one opens or they are retired", examples=[[]]
    )
    clocks_ahead: list[str] | None = Field(
        description="Packet Servers whose clocks are ahead of the journal's; null of a past instant", examples=[[]]
    )
    clocks_set_back: list[ClockSetBack] | None = Field(
        description="Of Packet Servers whose clocks have been set back, the last time; null of a past instant",
        examples=[[]],
    )
    whole: Whole
    trouble: SystemTrouble | None = Field(examples=[None])
    live: bool | None = Field(description="Whether this is the present; null of a past instant", examples=[True])
    troubled_sources: list[SystemSource] = Field(examples=[[]])


class Checkpoint(Answer):
    """What a system's latest checkpoint says that no event tells."""

    version: Version
    partition: int = Field(examples=[1])
    offset: int = Field(description="Of the last journal record that was applied", examples=[37])
    appended_at: Ms | None
    checkpointed_at: Ms
    counters: dict[str, int] = Field(examples=[{"frames": 38}])
    sources: dict[str, int] = Field(description="Each source's last sequence", examples=[{"ps-1": 38}])
    gaps: dict[str, int] = Field(description="How many frames of each source are missing", examples=[{}])
    state_hash: str = Field(examples=["5f0c954a8f0a4c4e9d1b8f6f0f0e3c55"])


class SystemDocument(SystemHead):
    """A system, with its latest checkpoint; of a past instant there is none."""

    at: At = None
    checkpoint: Checkpoint | None


class Systems(Answer):
    """Systems, by name."""

    systems: list[SystemHead]
    next: Next = Field(examples=[None])


class Unit(BaseModel):
    """A unit as it stands. Fields that nobody has reported are absent; `as_of` is when it was last heard of.

    Of a past instant there is no `as_of`: it moves without events.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": {"type": ["null", "boolean", "integer", "string"]},
            "examples": [{"system": "site", "unit": "3/158", "type": 3, "serial": 158, "mains": True, "as_of": AT}],
        },
    )

    system: System
    unit: Path


class OfSystem(Answer):
    """What is told of one system, at one version."""

    system: System
    version: Version
    whole: Whole


class OfSystemAt(OfSystem):
    """The same, perhaps of a past instant."""

    at: At = None


class Units(OfSystemAt):
    """Units, in path order."""

    units: list[Unit]
    next: Next = Field(examples=["3/158/4/100"])


class Warning(Answer):  # noqa: A001 - the field's word for it
    """A warning that is open. `raised` is null where that lies further back than what could be read."""

    unit: Path
    field: str = Field(examples=["cable_fault"])
    raised: Ms | None
    acknowledged: Ms | None
    actor: str | None = Field(examples=[None])
    note: str | None = Field(examples=[None])


class Warnings(OfSystemAt):
    """Open warnings."""

    warnings: list[Warning]
    next: Next = Field(examples=[None])


class ChangeEvent(Answer):
    """An event, known by its system and version (docs of what each kind holds: the specification, page 2)."""

    system: System
    version: Version
    at: Ms
    kind: Literal[KINDS] = Field(examples=["unit_changed"])  # type: ignore[valid-type]
    unit: Path | None
    before: Fields
    after: Fields
    source: str | None = Field(examples=["ps-1"])
    sequence: int | None = Field(examples=[38])
    deadline: bool = Field(examples=[False])
    details: dict[str, Value] = Field(examples=[{}])


class Changes(OfSystem):
    """Events that follow a version, in order."""

    era: Era
    changes: list[ChangeEvent]
    next: int | None = Field(description="To be given as `after` for what follows; null at the end", examples=[226])


class CommandAnswer(Answer):
    """What became of a command. `pending`: it lies in the journal, and no worker has applied it yet."""

    system: System
    action: Literal["acknowledge_warning", "label_unit", "retire_unit"] = Field(examples=["label_unit"])
    unit: Path
    id: str | None = Field(examples=["north-wall-1"])
    outcome: Outcome = Field(examples=["applied"])
    version: int | None = Field(description="Of its event, or at which nothing had to change", examples=[277])
    created_at: Ms
    partition: int = Field(examples=[1])
    offset: int = Field(description="Where it lies in the journal", examples=[38])


class RecordAnswer(Answer):
    """What became of one record."""

    status: Literal["appended", "refused", "failed"] = Field(examples=["appended"])
    partition: int | None = Field(None, examples=[1])
    offset: int | None = Field(None, examples=[38])
    repeated: bool | None = Field(None, description="It lay there already", examples=[False])
    reason: str | None = Field(None, description="bad_encoding, too_large, unknown_system, …")
    detail: str | None = Field(None)


class PacketsAnswer(Answer):
    """What became of each record, in their order."""

    records: list[RecordAnswer]


class Subscribed(Answer):
    """A subscription, and what it begins with: no snapshot where a cursor could be resumed."""

    subscription: str = Field(examples=["5c0f3a1be2d4960f-1"])
    cursor: Version
    resumed: bool = Field(False, description="Only where a cursor was given")
    why: str = Field("", description="Only where it could not be resumed: why")
    snapshot: dict[str, Any] = Field({}, description="The system in brief, and its units, warnings and blasts")
    snapshot_gzip: str = Field(
        "", description="In its place with `compress`", json_schema_extra={"contentEncoding": "base64"}
    )


class Unsubscribed(RootModel[Literal[True]]):
    """It is."""


class Session(Answer):
    """Who is logged in; `systems` null: every one."""

    id: str = Field(examples=["page-1"])
    role: Role = Field(examples=["viewer"])
    systems: list[str] | None = Field(examples=[None])


class Live(Answer):
    """The process answers."""

    live: bool = Field(examples=[True])


class Ready(Standing):
    """Whether the gateway does its part, and whether what it tells is the present.

    A gateway is ready where only a worker is missing: it must be there to say so.
    """

    ready: bool = Field(examples=[True])


class Problem(BaseModel):
    """An error (RFC 9457). `type` names it; `hint` says what may be done."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:stateserver:problem:unknown-system"])
    title: str = Field(examples=["No such system"])
    status: int = Field(ge=400, le=599, examples=[404])
    detail: str | None = Field(None, examples=["there is no system 'nowhere'"])
    hint: str | None = Field(None, examples=["the list of systems has all that you may see"])


def example_of(model: type[BaseModel]) -> dict[str, Any]:
    """An answer put together from the examples of its members."""
    whole = model.model_json_schema(mode="serialization")
    example = _example(whole, whole.get("$defs", {}))
    assert isinstance(example, dict)
    return example


def _example(schema: dict[str, Any], known: dict[str, Any]) -> Any:
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return _example(known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], known)
    if schema.get("type") == "array":
        return [_example(schema["items"], known)]
    if schema.get("type") == "object":
        return {name: _example(part, known) for name, part in schema.get("properties", {}).items()}
    return None
