"""Everything that can be asked of a gateway, over HTTP or JSON-RPC, and what it takes: the one table of access.

A route names its operation by `operation_id`, a method by its own name. What isn't in the table cannot be served:
the app isn't built with such a route, and such a method is refused. `guard` holds people to it.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from stateserver.security.tokens import Permission


class Bound(StrEnum):
    """What of an operation is bound to a system."""

    NOT = "not"
    """Nothing: it tells of the gateway, or of whoever asks."""
    FILTERED = "filtered"
    """Its answer: it holds what is of the principal's systems, and no more."""
    NAMED = "named"
    """It names a system, which is judged before anything is looked up."""
    LOOKED_UP = "looked up"
    """The system shows once something is found (a blast's) or read (a packet's): it is judged there."""


class Operation(NamedTuple):
    """One of them. `needs` is None where any good credential will do; `open` where none is asked for."""

    name: str
    needs: Permission | None
    bound: Bound = Bound.NOT
    open: bool = False
    command: bool = False
    """It changes something: it is written down before it is carried out."""
    body_bytes_max: int = 64 << 10

    @property
    def verb(self) -> str:
        """What it does, for whoever may not."""
        return "do this" if self.needs is None else self.needs.value


_READ, _COMMAND, _APPEND = Permission.READ, Permission.COMMAND, Permission.APPEND

OPERATIONS: Final[dict[str, Operation]] = {
    operation.name: operation
    for operation in (
        Operation("status.get", _READ, Bound.FILTERED),
        Operation("systems.list", _READ, Bound.FILTERED),
        Operation("systems.get", _READ, Bound.NAMED),
        Operation("units.list", _READ, Bound.NAMED),
        Operation("units.get", _READ, Bound.NAMED),
        Operation("warnings.list", _READ, Bound.NAMED),
        Operation("changes.list", _READ, Bound.NAMED),
        Operation("blasts.list", _READ, Bound.NAMED),
        Operation("blasts.get", _READ, Bound.LOOKED_UP),
        Operation("blasts.detonators", _READ, Bound.LOOKED_UP),
        Operation("blasts.report", _READ, Bound.LOOKED_UP),
        Operation("commands.send", _COMMAND, Bound.NAMED, command=True),
        Operation("warnings.acknowledge", _COMMAND, Bound.NAMED, command=True),
        Operation("units.label", _COMMAND, Bound.NAMED, command=True),
        Operation("packets.append", _APPEND, Bound.LOOKED_UP, body_bytes_max=1 << 20),
        Operation("subscribe", _READ, Bound.NAMED),
        Operation("unsubscribe", _READ),
        Operation("ping", None),
        Operation("connect", None),
        Operation("session.get", None),
        Operation("session.open", None),
        Operation("session.close", None, open=True),  # a browser may always forget its cookie
        Operation("page", None, open=True),
        Operation("openapi", None, open=True),
        Operation("docs", None, open=True),
        Operation("health.live", None, open=True),
        Operation("health.ready", None, open=True),
        Operation("metrics", None, open=True),
    )
}
