"""Looking into the past in the topics of real brokers: among others' records, repeats, and what is gone."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from random import Random
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from stateserver.broker.process import Broker
from stateserver.codec.still import Still, encode_still
from stateserver.codec.topics import Topics, system_key
from stateserver.gateway import past_search
from stateserver.gateway.past_search import Asked, Found, find_past
from stateserver.gateway.refusals import NotASystemThen, PastGone
from stateserver.stream.ports import Row
from tests.gateway.past import Journey, Written, instants
from tests.gateway.topics import make_topics, new_topics
from tests.stream.journals import CAPTURE, example_records

PARTITION = 1
RECORDS = example_records(CAPTURE)
INSTANTS = instants(RECORDS)
MODE = RECORDS[0].mode


class Lines(NamedTuple):
    """What lies in a partition of the two topics."""

    changes: list[Row]
    history: list[Row]


def mixed(others: int, stills_every: int) -> Lines:
    """The events of `site` and of others, a cut after each three records, in some of which it has a still taken.

    A worker died after the fourth cut, and told of that once more.
    """
    lines, random, cuts_a_still = Lines([], []), Random(7), stills_every // 3
    systems = {name: Written(RECORDS, 3, name) for name in ("site", *(f"other-{one}" for one in range(others)))}
    for cut in range(len(systems["site"].stills)):
        for name in random.sample(sorted(systems), len(systems)):
            written = systems[name]
            begin = written.stills[cut - 1].changes_offset if cut else 0
            again = written.stills[cut - 2].changes_offset if cut == 4 else begin
            lines.changes.extend(written.events[again : written.stills[cut].changes_offset])
        for name, written in systems.items():
            if name != "site" or cut % cuts_a_still == 0:
                lines.history.extend(rows(written.stills[cut]._replace(changes_offset=len(lines.changes))))
    return lines


def rows(still: Still) -> Iterable[Row]:
    return [Row(system_key(still.system), value) for value in encode_still(still)]


async def write(broker: Broker, topics: Topics, lines: Lines) -> None:
    """In small batches, so that a reader can begin nearly everywhere."""
    await make_topics(broker.bootstrap, topics)
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        for topic, those in ((topics.changes, lines.changes), (topics.history, lines.history)):
            for start in range(0, len(those), 25):
                batch = those[start : start + 25]
                sent = [
                    await producer.send(topic, row.value, row.key, PARTITION, headers=list(row.headers))
                    for row in batch
                ]
                await asyncio.gather(*sent)


@pytest.fixture
async def consumer(broker: Broker) -> AsyncIterator[AIOKafkaConsumer]:
    async with AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    ) as one:
        yield one


@pytest.fixture
def topics() -> Topics:
    return new_topics()


async def look(consumer: AIOKafkaConsumer, topics: Topics, at: int) -> Found:
    return await find_past(consumer, topics, Asked("site", PARTITION, at, JOURNEY.states[-1].version, MODE))


def agree(found: Found, at: int) -> None:
    past, expected = found.past, JOURNEY.at(at)
    assert (past.version, past.mode) == (expected.version, expected.mode)
    assert {path: past.units[path] for path in past.units} == expected.units


JOURNEY = Journey(RECORDS)
FIRST = RECORDS[0].created_at
SOME = INSTANTS[INSTANTS.index(FIRST) :: len(INSTANTS) // 12]


def among(at: Sequence[int]) -> list[int]:
    """Not in their order: what was read last says nothing of what comes."""
    return Random(3).sample(at, len(at))


@pytest.mark.parametrize(("near", "span"), [(2, 10), (64, 250_000)])
async def test_among_others_wherever_the_search_begins(
    broker: Broker, topics: Topics, consumer: AIOKafkaConsumer, monkeypatch: pytest.MonkeyPatch, near: int, span: int
) -> None:
    monkeypatch.setattr(past_search, "NEAR_RECORDS", near)
    monkeypatch.setattr(past_search, "SPAN", span)
    await write(broker, topics, mixed(others=3, stills_every=9))
    for at in among([*SOME, INSTANTS[-1]]):
        agree(await look(consumer, topics, at), at)
    assert (await look(consumer, topics, FIRST)).settled
    assert not (await look(consumer, topics, INSTANTS[-1])).settled
    with pytest.raises(NotASystemThen, match="heard"):
        await look(consumer, topics, FIRST - 1)


async def test_without_a_still_it_begins_with_the_first_event(
    broker: Broker, topics: Topics, consumer: AIOKafkaConsumer
) -> None:
    await write(broker, topics, mixed(others=1, stills_every=9)._replace(history=[]))
    for at in among(SOME):
        agree(await look(consumer, topics, at), at)


async def test_a_still_that_another_release_took_is_passed_over(
    broker: Broker, topics: Topics, consumer: AIOKafkaConsumer
) -> None:
    lines = mixed(others=0, stills_every=3)
    strange = Still("site", 3, FIRST, MODE, 0, b"of another form")
    await write(broker, topics, lines._replace(history=[*rows(strange), Row(b"site", b"nonsense"), Row(b"site", None)]))
    agree(await look(consumer, topics, SOME[3]), SOME[3])


async def test_what_retention_took_is_gone_and_the_rest_is_there(
    broker: Broker, topics: Topics, consumer: AIOKafkaConsumer
) -> None:
    written = Written(RECORDS, 3)
    middle = written.stills[len(written.stills) // 2]
    assert middle.time is not None
    # What is left of `changes` begins with the last event that the first still has.
    gone = middle.changes_offset - 1
    left = [still for still in written.stills if still.version >= middle.version]
    history = [row for still in left for row in rows(still._replace(changes_offset=still.changes_offset - gone))]
    await write(broker, topics, Lines(written.events[gone:], history))
    for at in [one for one in SOME if one >= middle.time]:
        agree(await look(consumer, topics, at), at)
    with pytest.raises(PastGone, match="gone"):
        await look(consumer, topics, FIRST)
