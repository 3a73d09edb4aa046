"""The control unit's operation, told by its key switch and fire button (spec page 2)."""

from typing import Final, NamedTuple

ARMED: Final = "armed"
DISARMED: Final = "disarmed"
FIRING: Final = "firing"
FIRING_ERROR: Final = "firing_error"
FIRING_COMPLETE: Final = "firing_complete"
FIRING_ABORTED: Final = "firing_aborted"

# From (None is a unit's first packet), then by (key_switch, fire_button). What isn't here stays as it is.
_TRANSITIONS: Final[dict[str | None, dict[tuple[bool, bool], str]]] = {
    None: {
        (True, False): ARMED,
        (False, False): DISARMED,
        (True, True): FIRING,
        (False, True): FIRING_ERROR,
    },
    DISARMED: {(True, False): ARMED, (False, True): FIRING_ERROR, (True, True): FIRING},
    FIRING_ERROR: {(False, False): DISARMED, (True, False): ARMED, (True, True): FIRING},
    ARMED: {(False, False): DISARMED, (False, True): FIRING_ERROR, (True, True): FIRING},
    FIRING: {(True, False): FIRING_COMPLETE, (False, True): FIRING_ABORTED, (False, False): FIRING_ABORTED},
    FIRING_COMPLETE: {(False, False): DISARMED, (True, True): FIRING},
    FIRING_ABORTED: {(False, False): DISARMED, (True, False): ARMED, (True, True): FIRING},
}


class Signs(NamedTuple):
    """What a status packet says, and what those before it said.

    `fires` is the bit firing; `has_fired`: it was 1 in a packet since the operation became firing; `was_pressed`: the
    button was down in the packet before.
    """

    key_switch: bool
    fire_button: bool
    fires: bool
    has_fired: bool
    was_pressed: bool


def next_operation(operation: str | None, signs: Signs) -> str | None:
    """The operation after a status packet; the same where the table names no step."""
    if signs.key_switch and signs.fire_button and not signs.fires:
        if operation == FIRING and signs.has_fired:
            return FIRING_COMPLETE
        if operation in (FIRING_COMPLETE, FIRING_ABORTED) and signs.was_pressed:
            return operation  # still held
    return _TRANSITIONS[operation].get((signs.key_switch, signs.fire_button), operation)
