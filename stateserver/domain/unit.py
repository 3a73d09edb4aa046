"""A unit that speaks for itself: control unit, section controller, booster type 2, CFC (spec page 2)."""

from functools import lru_cache
from typing import Final

from stateserver.domain.bank import BOOSTERS_TYPE_1, DETONATORS, Bank
from stateserver.domain.change import Fields
from stateserver.domain.operation import Signs
from stateserver.protocol.commands import UnitType

NEVER: Final = -1
"""A time before all others."""


class Unit:
    """One speaking unit. Times in ms since 1970; `reported` are the fields of its packets.

    `moved_by` is the source that last moved it by what it spoke; of a control unit, `fires` says whether its bit firing
    was 1 in a frame since its operation became firing.

    `heads` remembers the last bytes of each command's head chunk, so that a repeated one isn't read again.
    """

    __slots__ = (
        "as_of",
        "bank",
        "communicating",
        "counts",
        "fires",
        "first_seen",
        "heads",
        "label",
        "last_clear",
        "last_spoken",
        "moved_by",
        "operation",
        "path",
        "published_as_of",
        "reported",
        "serial",
        "type",
        "version",
    )

    def __init__(self, unit_type: UnitType, serial: int, at: int) -> None:
        self.type = unit_type
        self.serial = serial
        self.path = unit_path(unit_type, serial)
        self.first_seen = at
        self.as_of = at
        self.published_as_of = NEVER
        self.last_spoken = NEVER
        self.last_clear = NEVER
        self.moved_by: str | None = None
        self.fires = False
        self.communicating = False
        self.reported: Fields = {}
        self.heads: dict[int, bytes] = {}
        self.counts: dict[str, int] = {}
        self.operation: str | None = None
        self.label: str | None = None
        self.version = 0
        self.bank: Bank | None = None
        if unit_type is UnitType.BOOSTER_TYPE_2:
            self.bank = Bank(self.path, DETONATORS)
        elif unit_type is UnitType.SECTION_CONTROLLER:
            self.bank = Bank(self.path, BOOSTERS_TYPE_1)

    @property
    def order(self) -> tuple[int, int]:
        """Where the unit stands in path order among those that speak."""
        return (self.type, self.serial)

    @property
    def windows_bank(self) -> Bank:
        """What is in the windows of a booster or section controller."""
        assert self.bank is not None, f"{self.path} has windows"
        return self.bank

    @property
    def is_armed(self) -> bool:
        """Whether its key_switch is 1; an absent one counts as 0."""
        return self.reported.get("key_switch") is True

    def fields(self) -> Fields:
        """What the unit holds (spec page 2)."""
        fields: Fields = {"type": self.type.value, "serial": self.serial, "first_seen": self.first_seen}
        fields.update(self.reported)
        fields["communication_status"] = self.communicating
        fields["as_of"] = self.as_of
        fields.update(self.counts)
        if self.operation is not None:
            fields["operation"] = self.operation
        if self.label is not None:
            fields["label"] = self.label
        return fields


def signs_of(control: Unit, *, was_pressed: bool) -> Signs:
    """What a control unit's status says. `was_pressed`: the fire button was down in the status before."""
    reported = control.reported
    return Signs(
        key_switch=reported["key_switch"] is True,
        fire_button=reported["fire_button"] is True,
        fires=reported["firing"] is True,
        has_fired=control.fires,
        was_pressed=was_pressed,
    )


@lru_cache(maxsize=1 << 16)
def unit_path(unit_type: UnitType, serial: int) -> str:
    """`<type>/<serial>`."""
    return f"{unit_type.value}/{serial}"
