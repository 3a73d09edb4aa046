"""The capture's blast, as a worker writes it, in a gateway that listens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stateserver.domain.records import Record
from tests.gateway.serving import Gateway, make_parts, make_tokens, serving
from tests.gateway.worker import Worker
from tests.stream.journals import CAPTURE, example_records

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="session")
def capture() -> list[Record]:
    """The real capture."""
    return example_records(CAPTURE)


@pytest.fixture
def worker(capture: list[Record]) -> Worker:
    """All that a worker makes of the capture."""
    return Worker().run(capture)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway that knows no system yet."""
    tokens = make_tokens()
    async with serving(make_parts(tokens), tokens) as one:
        yield one


@pytest.fixture
async def told(gateway: Gateway, worker: Worker) -> Gateway:
    """A gateway that has read all that came of the capture."""
    gateway.tell(worker.events)
    for stage in worker.stages:
        gateway.shelve("site", stage)
    return gateway
