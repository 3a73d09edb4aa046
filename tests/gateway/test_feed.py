"""The feed on real brokers: what is in the topics gets into the model, whenever the gateway comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from stateserver.broker.process import Broker
from stateserver.broker.tansu import Tansu
from stateserver.codec.topics import Topics, unit_key
from stateserver.codec.unit import UnitRow, encode_unit
from stateserver.gateway import feed as feed_module
from stateserver.gateway import topic_reader
from stateserver.gateway.app import Parts
from stateserver.gateway.feed import Feed
from stateserver.gateway.hub import Wanted
from stateserver.gateway.liveness import Condition
from stateserver.gateway.system_model import Trouble
from tests.gateway.serving import Gateway, make_parts, make_tokens, serving, until
from tests.gateway.test_api import example
from tests.gateway.test_system_model import sample_events
from tests.gateway.topics import make_topics, new_topics, writing
from tests.gateway.worker import Worker


def feed_of(bootstrap: str, topics: Topics, parts: Parts) -> Feed:
    """The feed of a gateway's parts."""
    options = {"bootstrap_servers": bootstrap}
    return Feed(options, topics, [topics.packets], parts.reading, parts.hub, parts.liveness, parts.metrics)


@asynccontextmanager
async def reading(bootstrap: str, topics: Topics) -> AsyncIterator[Parts]:
    """A gateway's parts, kept at the present by a feed."""
    parts = make_parts(make_tokens())
    feed = feed_of(bootstrap, topics, parts)
    task = asyncio.create_task(feed.run())
    try:
        yield parts
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def at_version(parts: Parts, version: int, system: str = "site") -> bool:
    """Has it all been read?"""
    model = parts.reading.systems.get(system)
    return parts.liveness.serving and model is not None and model.version == version


async def test_a_gateway_that_comes_late_reads_everything(broker: Broker, worker: Worker) -> None:
    topics = new_topics()
    await make_topics(broker.bootstrap, topics)
    async with writing(broker.bootstrap, topics) as writer:
        await writer.events(worker.events)
        await writer.rows(worker.rows)
        for stage in worker.stages:
            await writer.stage("site", stage)
    async with reading(broker.bootstrap, topics) as parts:
        await until(lambda: parts.liveness.ready)
        model = parts.reading.systems["site"]
        assert model.whole
        assert model.version == len(worker.events)
        assert model.units == dict(worker.system.units())
        assert model.mode == "AXXIS100"
        (blast,) = parts.reading.blasts.of_system("site")
        assert blast.document == example("blasts.jsonl")[0]
        assert len(model.log) == len(worker.events)


async def test_a_gateway_that_comes_early_follows_everything(broker: Broker, worker: Worker) -> None:
    topics = new_topics()
    async with reading(broker.bootstrap, topics) as parts:
        await until(lambda: parts.liveness.condition is Condition.NO_TOPICS)
        assert not parts.liveness.ready
        await make_topics(broker.bootstrap, topics)
        await until(lambda: parts.liveness.serving)
        async with writing(broker.bootstrap, topics) as writer:
            await writer.events(worker.events[:200])
            await until(lambda: at_version(parts, 200))
            opening = await parts.hub.open(Wanted("site"))
            await writer.events(worker.events[200:])
            await writer.rows(worker.rows)
            for stage in worker.stages:
                await writer.stage("site", stage)
        await until(lambda: at_version(parts, len(worker.events)))
        await until(lambda: parts.reading.systems["site"].units == dict(worker.system.units()))
        await until(lambda: [one.stage for one in parts.reading.blasts.of_system("site")] == ["closed"])
        assert parts.reading.systems["site"].whole
        while parts.hub.due(opening.subscription) is not None:
            """It follows to the end."""
        assert opening.subscription.cursor == len(worker.events)


async def test_all_of_the_last_batch_is_read_before_the_state_is_told(
    broker: Broker, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked where a partition ends, a broker may name the middle of its last batch."""
    monkeypatch.setattr(topic_reader, "RECORDS_A_STEP", 3)
    topics = new_topics()
    await make_topics(broker.bootstrap, topics)
    units = [
        (unit_key("site", path), encode_unit(UnitRow("site", path, 1, {})))
        for path in (path for path, _ in worker.system.units())
    ]
    async with writing(broker.bootstrap, topics) as writer:
        await writer.batch(topics.units, units)
        await writer.batch(topics.units, [(key, None) for key, _ in units])
    async with reading(broker.bootstrap, topics) as parts:
        await until(lambda: parts.liveness.ready)
        assert all(model.units == {} for model in parts.reading.systems.values())


async def test_repeats_and_records_that_cannot_be_read_do_no_harm(tansu: Broker, worker: Worker) -> None:
    topics = new_topics()
    await make_topics(tansu.bootstrap, topics)
    async with writing(tansu.bootstrap, topics) as writer, reading(tansu.bootstrap, topics) as parts:
        await writer.events(worker.events[:100])
        for topic in (topics.changes, topics.units, topics.systems, topics.blasts):
            await writer.put(topic, b"site", b"\xc3\x01 nothing that anybody wrote")
        await writer.put(topics.changes, b"site", None)
        await writer.events(worker.events[50:100])
        await writer.events(worker.events[100:])
        await until(lambda: at_version(parts, len(worker.events)))
        assert parts.reading.systems["site"].whole


async def test_a_gap_is_told_and_cured_when_the_event_turns_up(tansu: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "TROUBLE_RETRY_S", 0.2)
    first, second, third = sample_events()
    topics = new_topics()
    await make_topics(tansu.bootstrap, topics)
    async with writing(tansu.bootstrap, topics) as writer, reading(tansu.bootstrap, topics) as parts:
        await writer.events([first])
        await until(lambda: at_version(parts, 1))
        opening = await parts.hub.open(Wanted("site"))
        await writer.events([third])
        await until(lambda: parts.reading.systems["site"].trouble is Trouble.EVENTS_MISSING)
        standing = parts.hub.due(opening.subscription)
        assert standing is not None
        assert b'"whole":false' in standing.json[0]
        await writer.events([second, third])
        await until(lambda: at_version(parts, 3) and parts.reading.systems["site"].whole)
        assert parts.reading.systems["site"].units["3/1"]["mains"] is False


async def test_events_that_contradict_each_other_are_told(tansu: Broker) -> None:
    first, second, _ = sample_events()
    topics = new_topics()
    await make_topics(tansu.bootstrap, topics)
    async with writing(tansu.bootstrap, topics) as writer, reading(tansu.bootstrap, topics) as parts:
        await writer.events([first, second])
        await until(lambda: at_version(parts, 2))
        await writer.events([second._replace(after={"mains": False})])
        await until(lambda: parts.reading.systems["site"].trouble is Trouble.EVENTS_CONTRADICT)
        await until(lambda: parts.liveness.serving and parts.reading.generation > 1)
        assert parts.reading.systems["site"].trouble is Trouble.EVENTS_CONTRADICT


async def test_a_broker_that_is_lost_is_told_and_one_that_forgot_everything_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(topic_reader, "BROKER_ANSWER_S", 2.0)
    topics = new_topics()
    with Tansu(tmp_path / "one") as broker:
        await make_topics(broker.bootstrap, topics)
        async with reading(broker.bootstrap, topics) as parts:
            async with writing(broker.bootstrap, topics) as writer:
                await writer.events(sample_events())
            await until(lambda: at_version(parts, 3))
            broker.kill()
            await until(lambda: parts.liveness.condition is Condition.BROKER_LOST)
            assert parts.liveness.ready
            with Tansu(tmp_path / "two", broker.port):
                await make_topics(broker.bootstrap, topics)
                await until(lambda: at_version(parts, 0))
                async with writing(broker.bootstrap, topics) as writer:
                    await writer.events([sample_events()[0]._replace(after={"type": 5})])
                await until(lambda: at_version(parts, 1))
                assert parts.reading.systems["site"].units == {"3/1": {"type": 5}}


async def test_a_whole_gateway_on_a_broker_shows_the_blast(tansu: Broker, worker: Worker) -> None:
    topics, tokens = new_topics(), make_tokens()
    await make_topics(tansu.bootstrap, topics)
    parts = make_parts(tokens)
    feed = feed_of(tansu.bootstrap, topics, parts)
    async with writing(tansu.bootstrap, topics) as writer, serving(parts, tokens, feed.run) as gateway:
        await writer.events(worker.events)
        for stage in worker.stages:
            await writer.stage("site", stage)
        await until(lambda: at_version(parts, len(worker.events)))
        await until(lambda: [one.stage for one in parts.reading.blasts.of_system("site")] == ["closed"])
        assert await blasts_of(gateway) == [
            {name: value for name, value in blast.items() if name != "timeline"} | {"stage": "closed"}
            for blast in example("blasts.jsonl")
        ]


async def blasts_of(gateway: Gateway) -> object:
    """What the API says of the system's blasts."""
    async with gateway.client() as client:
        return (await client.get("/api/v1/systems/site/blasts")).json()["blasts"]
