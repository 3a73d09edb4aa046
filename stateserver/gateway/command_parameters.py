"""The parameters of commands, by action: what HTTP's body says, and the methods of JSON-RPC."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field

from stateserver.domain.commands import (
    ACKNOWLEDGE_WARNING,
    LABEL_CODE_POINTS_MAX,
    LABEL_UNIT,
    RETIRE_UNIT,
    is_unicode,
)
from stateserver.gateway.parameters import NAME_CHARACTERS_MAX, OfSystem, check, no_such_parameter
from stateserver.gateway.refusals import BadRequest

NOTE_CHARACTERS_MAX: Final = 2_000
ID_CHARACTERS_MAX: Final = 256
FIELD_CHARACTERS_MAX: Final = 64
ID_SAYS: Final = (
    "The client's own. For a day the same id again, to whichever gateway, is the same command: it is answered alike"
    " and not carried out again; with another command, or from somebody else, it is refused. Afterwards too no other"
    " command may have it: one that bears the id of any of the system's last 1,000 commands changes nothing, and is"
    " refused"
)
"""All that is said of it, in every document."""


def _unicode(text: str) -> str:
    if not is_unicode(text):
        raise ValueError("a lone surrogate is no Unicode")
    return text


Text = Annotated[str, AfterValidator(_unicode)]


class Command(OfSystem):
    """What commands have in common. `action` is what the journal and HTTP call it; a method says it by its name."""

    action: ClassVar[str]

    unit: Annotated[Text, Field(max_length=NAME_CHARACTERS_MAX, description="The unit's path", examples=["3/158"])]
    note: Annotated[Text | None, Field(max_length=NOTE_CHARACTERS_MAX, description="Why, in the operator's words")] = (
        None
    )
    id: Annotated[Text | None, Field(min_length=1, max_length=ID_CHARACTERS_MAX, description=ID_SAYS)] = None


class Acknowledge(Command):
    """Say that an open warning has been seen."""

    action: ClassVar[str] = ACKNOWLEDGE_WARNING

    field: Annotated[
        Text, Field(max_length=FIELD_CHARACTERS_MAX, description="The warning's field", examples=["cable_fault"])
    ]


class Label(Command):
    """Give a unit a label, or take it away."""

    action: ClassVar[str] = LABEL_UNIT

    label: Annotated[Text, Field(max_length=LABEL_CODE_POINTS_MAX, description="Empty: none", examples=["North wall"])]


class Retire(Command):
    """Say that a section controller, booster or CFC is no more, or never was: it goes, with all below it."""

    action: ClassVar[str] = RETIRE_UNIT


COMMANDS: Final[dict[str, type[Command]]] = {one.action: one for one in (Acknowledge, Label, Retire)}
"""By action."""


def check_command(system: str, body: Mapping[str, Any]) -> Command:
    """The command of HTTP's body, which names its action where a method says it by its name. Raises BadRequest."""
    action = body.get("action")
    if not isinstance(action, str) or action not in COMMANDS:
        raise BadRequest(f"parameter 'action': there is no action {action!r}", f"there are: {', '.join(COMMANDS)}")
    if "system" in body:
        raise no_such_parameter("system", [name for name in COMMANDS[action].model_fields if name != "system"])
    members = {name: value for name, value in body.items() if name != "action"}
    return check(COMMANDS[action], {"system": system, **members})
