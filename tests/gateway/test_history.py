"""Events that are no longer in memory, from the topic of real brokers."""

from collections.abc import AsyncIterator

import pytest

from stateserver.broker.process import Broker
from stateserver.codec.change import encode_change
from stateserver.codec.topics import Topics, system_key
from stateserver.domain.change import Change
from stateserver.gateway import history as history_module
from stateserver.gateway.change_log import logged
from stateserver.gateway.history import History
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import HistoryUnreachable, UnknownSystem
from tests.gateway.topics import Writer, make_topics, new_topics, writing
from tests.gateway.worker import Worker

PARTITION = 1


@pytest.fixture
def topics() -> Topics:
    return new_topics()


@pytest.fixture
async def writer(broker: Broker, topics: Topics) -> AsyncIterator[Writer]:
    await make_topics(broker.bootstrap, topics)
    async with writing(broker.bootstrap, topics, PARTITION) as one:
        yield one


async def write(writer: Writer, events: list[Change]) -> None:
    """In small batches, so that a reader can begin nearly everywhere."""
    for at in range(0, len(events), 50):
        await writer.batch(
            writer.topics.changes, [(system_key(one.system), encode_change(one)) for one in events[at : at + 50]]
        )


def reading_of(events: list[Change]) -> ReadModel:
    """What a gateway holds that has read them, and dropped them from memory."""
    reading = ReadModel(log_capacity=1)
    for event in events:
        reading.fold(event, PARTITION)
    return reading


async def test_any_stretch_is_found_among_other_systems_events_and_repeats(
    broker: Broker, topics: Topics, writer: Writer, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "NEAR_RECORDS", 3)
    monkeypatch.setattr(history_module, "NOTE_EVERY", 7)
    ours = worker.events
    others = [event._replace(system="other") for event in ours]
    # Both at once, then the other alone; a worker died after 150 events and told 20 of them again.
    mixed = [event for pair in zip(ours[:150], others, strict=False) for event in pair]
    await write(writer, [*mixed, *ours[130:], *others[150:]])
    history = History({"bootstrap_servers": broker.bootstrap}, topics, reading_of(ours + others))
    for after in (0, 1, 100, 129, 130, 149, 150, len(ours) - 1, 17):
        assert await history.changes("site", after, 40) == [logged(one) for one in ours[after : after + 40]], after
    assert await history.changes("other", 200, 10_000) == [logged(one) for one in others[200:]]
    assert await history.changes("site", len(ours), 10) == []


async def test_what_retention_took_is_gone(broker: Broker, topics: Topics, writer: Writer, worker: Worker) -> None:
    await write(writer, worker.events[100:])
    history = History({"bootstrap_servers": broker.bootstrap}, topics, reading_of(worker.events))
    assert await history.changes("site", 50, 10) is None
    assert await history.changes("site", 100, 10) == [logged(one) for one in worker.events[100:110]]


async def test_without_its_broker_it_says_so(worker: Worker, topics: Topics) -> None:
    history = History({"bootstrap_servers": "127.0.0.1:1"}, topics, reading_of(worker.events))
    with pytest.raises(HistoryUnreachable):
        await history.changes("site", 0, 10)
    with pytest.raises(UnknownSystem):
        await history.changes("nowhere", 0, 10)
