"""Keeping the libraries from drowning what a worker or a gateway has to say."""

import logging
import time
from typing import Final

from aiokafka.errors import ProducerFenced

LIBRARIES: Final = ("faust", "mode", "aiokafka")
SAME_AGAIN_AFTER_S: Final = 30.0


class OnceInAWhile(logging.Filter):
    """Lets a library say the same thing twice a minute: without a broker, aiokafka would say it 70 times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be logged."""
        if record.name == "asyncio" and record.exc_info and isinstance(record.exc_info[1], ProducerFenced):
            return False  # aiokafka's own left-overs: that the worker is fenced is told by `Fenced`
        if record.name.partition(".")[0] not in LIBRARIES:
            return True
        what, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._said.get(what, -SAME_AGAIN_AFTER_S) < SAME_AGAIN_AFTER_S:
            return False
        self._said[what] = now
        return True


def quiet_libraries() -> None:
    """At INFO they tell much that says nothing to an operator; at DEBUG it is all there."""
    root = logging.getLogger()
    if root.getEffectiveLevel() <= logging.DEBUG:
        return
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in root.handlers:
        handler.addFilter(OnceInAWhile())
