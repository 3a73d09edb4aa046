"""What happened in a run, last things last, and what must not happen."""

import asyncio
from collections import deque

from tests.simulation.loop import current_process

SHOWN = 150


class Violated(Exception):
    """Something that is promised does not hold."""


class Trace:
    """Tells what happened, and when; the last things, or `all_of_it`."""

    def __init__(self, *, all_of_it: bool = False) -> None:
        self._said: deque[tuple[float, str, str]] = deque(maxlen=None if all_of_it else SHOWN)
        self.violations: list[str] = []

    def say(self, what: str, who: str | None = None) -> None:
        """Note an event of the present process."""
        self._said.append((asyncio.get_running_loop().time(), who or current_process(), what))

    def violate(self, what: str) -> None:
        """Note that a promise was broken; the run ends with it."""
        self.say(f"VIOLATED: {what}")
        self.violations.append(what)

    def lines(self) -> list[str]:
        """What was told."""
        return [f"{at:9.3f} {who:>4}  {what}" for at, who, what in self._said]
