"""Whether this gateway sees the present, and a way to wait for news of the read model."""

import asyncio
from collections.abc import Callable
from enum import StrEnum


class Condition(StrEnum):
    """What the feed is doing."""

    STARTING = "starting"
    NO_TOPICS = "no_topics"
    LIVE = "live"
    BROKER_LOST = "broker_lost"
    READING_ANEW = "reading_anew"
    JOURNAL_UNREAD = "journal_unread"
    """Records come into the journal, and nothing comes of them."""


class Liveness:
    """The feed's condition. `ready` from the first complete reading on: before it, nothing is told."""

    def __init__(self) -> None:
        self.condition = Condition.STARTING
        self.ready = False
        self._news = asyncio.Event()

    @property
    def live(self) -> bool:
        """Is what the read model holds the present, but for what is on its way?"""
        return self.condition is Condition.LIVE

    @property
    def serving(self) -> bool:
        """Does this gateway itself do its part? Where only a worker is missing, it must still be there to say so."""
        return self.condition in (Condition.LIVE, Condition.JOURNAL_UNREAD)

    def enter(self, condition: Condition) -> None:
        """The feed's condition is this from now on."""
        self.condition = condition
        self.ready = self.ready or condition is Condition.LIVE
        self.beat()

    def beat(self) -> None:
        """Something is new, here or in the read model."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def until(self, holds: Callable[[], bool], limit_s: float) -> bool:
        """Wait until that holds, looking at it whenever something is new; False when it took too long."""
        try:
            async with asyncio.timeout(limit_s):
                while not holds():
                    await self._news.wait()
        except TimeoutError:
            return False
        return True
