"""A gateway that starts long after something happened knows it all the same, though events lie too far back for it."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stateserver.broker.process import Broker
from stateserver.broker.tansu import Tansu
from stateserver.codec.standing import clocks_ahead
from stateserver.domain.paths import path_key
from stateserver.domain.records import FrameRecord
from stateserver.gateway import feed as feed_module
from stateserver.gateway.feed import Feed
from stateserver.protocol.encode import encode_frame
from stateserver.protocol.modes import Mode
from tests.gateway.chained import at_version, gateway_of
from tests.gateway.serving import Caller, Gateway, make_parts, make_tokens, serving, until
from tests.gateway.test_commands import CAPTURED, send
from tests.gateway.topics import make_topics, new_topics, writing
from tests.gateway.worker import Worker
from tests.stream.chain import Chain
from tests.stream.journals import example_records, folded, sealed

EARTH_LEAK = FrameRecord(1563531999000, Mode.AXXIS100, "leak", 1, encode_frame(8, 23, bytes.fromhex("0508")))
ACKNOWLEDGE = {"action": "acknowledge_warning", "unit": "0/23", "field": "earth_leakage", "note": "drilled into"}
ALL = 10_000


async def get(gateway: Gateway, path: str, status: int = 200) -> Any:
    async with gateway.client() as client:
        answer = await client.get(f"/api/v1/systems/site{path}")
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_warnings_and_who_saw_them_outlive_every_restart(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce([*CAPTURED, sealed(EARTH_LEAK)])
        async with gateway_of(chain) as gateway:
            await until(lambda: "site" in gateway.parts.reading.systems)
            await until(lambda: len(gateway.parts.reading.systems["site"].warnings) == 1)
            await at_version(gateway, 1)
            first = await send(gateway, ACKNOWLEDGE)
            assert first["outcome"] == "applied"
            await send(gateway, {"action": "label_unit", "unit": "3/158", "label": "North wall"})
            seen = await get(gateway, "/warnings")
            assert [(one["actor"], one["note"]) for one in seen["warnings"]] == [("any-operator", "drilled into")]
            events = (await get(gateway, f"/changes?limit={ALL}"))["changes"]
        # As after more events than a gateway reads back: it finds none of them that its rows tell of.
        monkeypatch.setattr(feed_module, "HISTORY_RECORDS", 0)
        async with gateway_of(chain) as gateway:
            await at_version(gateway, seen["version"])
            assert len(gateway.parts.reading.systems["site"].log) < len(events)
            assert await get(gateway, "/warnings") == seen
            again = await send(gateway, ACKNOWLEDGE)
            assert (again["outcome"], again["version"]) == ("unchanged", seen["version"])
            assert await get(gateway, "/warnings") == seen
            await all_events_are_told(gateway, events)


async def all_events_are_told(gateway: Gateway, events: list[Any]) -> None:
    whole = await get(gateway, f"/changes?after=0&limit={ALL}")
    assert (whole["changes"], whole["next"]) == (events, None)
    async with gateway.websocket() as socket:
        caller = Caller(socket)
        assert (await caller.call("changes.list", system="site", limit=ALL))["result"] == whole
        page: dict[str, Any] = {"next": 0}
        told: list[Any] = []
        while page["next"] is not None:
            page = (await caller.call("changes.list", system="site", after=page["next"], limit=100))["result"]
            told += page["changes"]
        assert told == events
        opened = await caller.call("subscribe", system="site", cursor=0)
        assert opened["result"]["resumed"] is True
        told = []
        while len(told) < len(events):
            told += (await caller.notification("changes"))["params"]["changes"]
        assert told == events


async def test_who_answered_after_the_blast_and_whose_clock_is_wrong_outlives_every_restart(
    tansu: Tansu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stretch of a made-up mine in which there are all of these."""
    records = example_records("AXXIS500_WIFI")[:375]
    truth = folded(records)
    system, last = truth.system, truth.documents()[-1]
    assert (len(system.answered), clocks_ahead(system), len(system.warnings)) == (3, ["ps-1"], 2)
    chain = Chain(tansu, f"{uuid4().hex[:8]}.", tmp_path)
    with chain.worker() as worker:
        await worker.ready()
        async with gateway_of(chain) as gateway:
            await chain.produce([sealed(record) for record in records])
            await at_version(gateway, system.version)
            model = gateway.parts.reading.systems["site"]
            await until(lambda: model.row is not None and model.row.version == system.version)
            await until(lambda: all(one.stage == "closed" for one in gateway.parts.reading.blasts.of_system("site")))
            told = await standing(gateway)
            answered = sorted(system.answered.values(), key=lambda one: path_key(one.unit))
            assert told["answered_after_blast"] == [one._asdict() for one in answered]
            assert told["clocks_ahead"] == ["ps-1"]
            assert [one["source"] for one in told["clocks_set_back"]] == ["ps-1"]
            assert told["last_blast"] == {
                "misfires": last["detonators"]["misfires"],
                **{name: last[name] for name in ("blast", "initiated", "closed", "how", "verdict")},
            }
        monkeypatch.setattr(feed_module, "HISTORY_RECORDS", 0)
        async with gateway_of(chain) as gateway:
            await at_version(gateway, system.version)
            assert await standing(gateway) == told


async def standing(gateway: Gateway) -> dict[str, Any]:
    """What is told of a system wherever it is told in brief."""
    names = ("warnings", "last_blast", "answered_after_blast", "clocks_ahead", "clocks_set_back")
    whole = await get(gateway, "")
    async with gateway.client() as client, gateway.websocket() as socket:
        (brief,) = (await client.get("/api/v1/systems")).json()["systems"]
        snapshot = (await Caller(socket).call("subscribe", system="site"))["result"]["snapshot"]
    told = {name: whole[name] for name in names}
    assert {name: brief[name] for name in names} == told
    assert {name: snapshot[name] for name in names[1:]} == {name: told[name] for name in names[1:]}
    return told


async def test_events_that_are_kept_no_more_are_said_to_be_gone(tansu: Tansu, worker: Worker) -> None:
    """Also where there are none at all any more, and nothing else has come since."""
    topics, tokens = new_topics(), make_tokens()
    await make_topics(tansu.bootstrap, topics)
    options = {"bootstrap_servers": tansu.bootstrap}
    parts = make_parts(tokens, options=options, topics=topics)
    feed = Feed(options, topics, [topics.packets], parts.reading, parts.hub, parts.liveness, parts.metrics)
    async with writing(tansu.bootstrap, topics) as writer:
        await writer.rows([one._replace(row=at_begin(one.row)) for one in worker.rows])
    async with serving(parts, tokens, feed.run) as gateway:
        await at_version(gateway, len(worker.events))
        for after in (0, len(worker.events) - 1):
            refused = await get(gateway, f"/changes?after={after}", 410)
            assert refused["type"] == "urn:stateserver:problem:history-gone"
            assert f"from version {len(worker.events) + 1} on" in refused["hint"]
            async with gateway.websocket() as socket:
                caller = Caller(socket)
                assert (await caller.call("changes.list", system="site", after=after))["error"]["data"] == refused
                opened = (await caller.call("subscribe", system="site", cursor=after))["result"]
                assert (opened["resumed"], opened["why"]) == (False, "history_gone")
        nothing_new = await get(gateway, f"/changes?after={len(worker.events)}")
        assert (nothing_new["changes"], nothing_new["next"]) == ([], None)


def at_begin(row: Any) -> Any:
    """A row as it lies beside a topic of events that is empty."""
    return row._replace(changes_offset=0) if hasattr(row, "changes_offset") else row
