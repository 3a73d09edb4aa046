"""When a client that takes too little is given up (pure)."""

from typing import Final

FULL_CHECKS_MAX: Final = 20
"""For so many checks in a row somebody may be busy with what they were sent, if only they take some of it."""


class Patience:
    """Asked at each check of a connection."""

    def __init__(self) -> None:
        self._waited: tuple[int, int] | None = None
        self._checks = 0

    def ends(self, *, full: bool, waiting: int, turns: int) -> bool:
        """Has the client taken nothing since the last check, or been full for too many?

        `waiting` bytes are still to be taken; there was room again `turns` times since it came.
        """
        before = self._waited
        if not full:
            self._waited = None
            return False
        self._waited = (turns, waiting)
        if before is None or before[0] != turns:
            self._checks = 1
            return False
        self._checks += 1
        return waiting >= before[1] or self._checks > FULL_CHECKS_MAX
