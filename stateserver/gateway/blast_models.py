"""What the API answers of blasts, as schemas with examples: for the documents of the interface, as in `api_models`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from stateserver.gateway.api_models import (
    AT,
    Answer,
    BlastId,
    ChangeEvent,
    Ms,
    Next,
    OfSystem,
    Path,
    System,
    Verdict,
    Version,
)
from stateserver.gateway.parameters import BLAST
from stateserver.protocol.modes import Mode


class Attention(Answer):
    """Something that contradicts a good blast (the specification, page 2, The verdict)."""

    what: str = Field(examples=["not_marked_fired"])
    unit: Path
    windows: list[int] | None = Field(description="Of the detonators concerned", examples=[[2, 4, 5]])
    field: str | None = Field(description="Of fault_at_end", examples=[None])


class BlastSummary(BaseModel):
    """A blast's report without its timeline. All of it is described with the whole report."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": True,
            "examples": [{"blast": BLAST, "system": "site", "mode": "AXXIS100", "initiated": AT, "closed": None}],
        },
    )

    blast: BlastId
    system: System
    mode: Mode = Field(examples=["AXXIS100"])
    control_unit: Path
    initiated: Ms
    firing_complete: Ms | None
    aborted: Ms | None
    closed: Ms | None
    how: str | None = Field(description="data_completed, timer_completed or superseded", examples=["timer_completed"])
    verdict: Verdict | None = Field(None, description="Null until it closes, and in what an older version judged")
    attention: list[Attention] | None = Field(None, description="What contradicts a good blast", examples=[[]])
    boosters: dict[str, int | None] = Field(examples=[{"total": 2, "active": 1}])
    detonators: dict[str, int | None] = Field(examples=[{"total": 100, "unreported": 99}])


class StagedBlast(BlastSummary):
    """A blast in a list, with the stage that it is at."""

    stage: Literal["opened", "firing_complete", "firing_aborted", "closed"] = Field(examples=["closed"])


class Blasts(OfSystem):
    """Blasts, oldest first."""

    blasts: list[StagedBlast]
    next: Next = Field(examples=[None])


class BlastReport(BlastSummary):
    """A blast's whole report document."""

    timeline: list[ChangeEvent]


class BlastDetonator(Answer):
    """A detonator (in IBS systems a type 1 booster) of a blast, as it was at the start, and what became of it.

    It is known by booster, window and uid (in IBS systems serial): another may be in that window by now.
    """

    unit: Path = Field(description="Its booster's path (in IBS systems its section controller's)")
    window_id: int = Field(examples=[37])
    uid: str | None = Field(description="null: nobody had told it at the start", examples=["28.85.157.65"])
    serial: int | None = Field(description="Of a type 1 booster, where it was listed", examples=[None])
    label: str | None = Field(examples=["A-37"])
    delay: int | None = Field(description="Ms", examples=[100])
    first_seen: Ms | None = Field(description="As its unit says: another, in the same window, says another time")
    outcome: Literal["fired", "missed", "unreported", "silent_before"] | None = Field(
        description="null: it is in a blast that is still open, and not known yet. fired: no longer answers, presumed"
        " fired. silent_before is known from the start",
        examples=["unreported"],
    )
    why: Literal["cleared", "replaced", "no_evidence"] | None = Field(
        description="Of an unreported one: its booster has forgotten it, another uid took its place, nothing was heard",
        examples=["no_evidence"],
    )


class BlastDetonators(Answer):
    """The detonators of a blast's active boosters at the start, in path order."""

    blast: BlastId
    system: System
    version: Version
    stage: Literal["opened", "firing_complete", "firing_aborted", "closed"] = Field(examples=["closed"])
    detonators: list[BlastDetonator]
    next: Next = Field(examples=["3/158:100"])
