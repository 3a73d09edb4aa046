"""A gateway with the page open in a browser, and what a worker makes of the capture to tell it.

The browser takes longer to start than most tests take: there is one for them all, and each opens contexts of its own
in it, which know nothing of each other. So all of them run in one event loop (`pytestmark`), and the gateway too.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from stateserver.domain.change import BLAST_OPENED
from tests.gateway.conftest import capture, worker
from tests.gateway.serving import Gateway, make_parts, make_tokens, serving
from tests.gateway.worker import Worker
from tests.page.browser import chromium_started

__all__ = ["capture", "worker"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """Headless Chromium."""
    async with chromium_started(chromium) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway that knows no system yet."""
    tokens = make_tokens()
    async with serving(make_parts(tokens), tokens) as one:
        yield one


class Story:
    """Tells a gateway the capture's events, bit by bit."""

    def __init__(self, gateway: Gateway, worker: Worker) -> None:
        self._gateway = gateway
        self._worker = worker
        self._told = 0
        self._stages = list(worker.stages)

    def to(self, version: int) -> None:
        """Tell up to this version."""
        self._gateway.tell(self._worker.events[self._told : version])
        self._told = version
        while self._stages and self._stages[0].version <= version:
            self._gateway.shelve("site", self._stages.pop(0))

    def to_kind(self, kind: str) -> None:
        """Tell up to the first event of a kind that has not been told yet."""
        later = self._worker.events[self._told :]
        self.to(next(event.version for event in later if event.kind == kind))

    def to_blast(self) -> None:
        """Tell until the blast is opened."""
        self.to_kind(BLAST_OPENED)

    def to_end(self) -> None:
        """Tell the rest."""
        self.to(len(self._worker.events))


@pytest.fixture
def story(gateway: Gateway, worker: Worker) -> Story:
    """The capture's blast, not told yet."""
    return Story(gateway, worker)
