"""The capture's blast, as a worker writes it, in a gateway that listens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stateserver.domain.records import Record
from stateserver.protocol.modes import Mode
from stateserver.protocol.reasons import Rejected
from stateserver.replay.lines import LineReader
from tests.gateway.serving import Gateway, make_parts, make_tokens, serving
from tests.gateway.worker import Worker

DATA = Path(__file__).parents[1] / "data"


def read_journal(folder: str, mode: Mode) -> list[Record]:
    """The records of an example's journal that can be read."""
    reader, records = LineReader(mode), []
    for line in (DATA / folder / "journal.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            record = reader.read(line)
        except Rejected:
            continue
        if record is not None:
            records.append(record)
    return records


@pytest.fixture(scope="session")
def capture() -> list[Record]:
    """The real capture."""
    return read_journal("field-2019-07-19", Mode.AXXIS100)


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
