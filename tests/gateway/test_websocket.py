"""The WebSocket over real sockets: calls, subscriptions, and clients that are slow or gone."""

import asyncio
import base64
import gzip
import json
import random
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from stateserver.gateway import rpc, websocket
from stateserver.gateway.liveness import Condition
from tests.gateway.client import Client
from tests.gateway.serving import LIMIT_S, Caller, Gateway, until
from tests.gateway.test_api import BLAST, example
from tests.gateway.test_system_model import folded, sample_events, without_as_of
from tests.gateway.worker import Worker


async def hear_out(socket: ClientConnection) -> None:
    """Receive until the connection ends. Raises ConnectionClosed."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            await socket.recv()


async def test_methods_answer_as_the_resources_do(told: Gateway) -> None:
    async with told.websocket() as socket, told.client() as http:
        caller = Caller(socket)
        for method, params, path in (
            ("systems.list", {}, "/systems"),
            ("systems.get", {"system": "site"}, "/systems/site"),
            ("units.list", {"system": "site", "limit": 5, "after": "3/115"}, "/systems/site/units?limit=5&after=3/115"),
            ("units.get", {"system": "site", "unit": "3/158/4/37"}, "/systems/site/units/3/158/4/37"),
            ("warnings.list", {"system": "site"}, "/systems/site/warnings"),
            ("changes.list", {"system": "site", "after": 230}, "/systems/site/changes?after=230"),
            ("blasts.list", {"system": "site"}, "/systems/site/blasts"),
            ("blasts.get", {"blast": BLAST}, f"/blasts/{BLAST}"),
        ):
            answer = await caller.call(method, **params)
            assert answer["result"] == (await http.get(f"/api/v1{path}")).json(), method


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nothing", {}, -32601),
        ("systems.get", {}, -32602),
        ("systems.get", {"system": 1}, -32602),
        ("systems.get", {"system": "nowhere"}, -32004),
        ("systems.list", {"system": "site"}, -32602),
        ("units.get", {"system": "site", "unit": "9/9"}, -32012),
        ("units.list", {"system": "site", "limit": 0}, -32602),
        ("blasts.get", {"blast": "x"}, -32015),
        ("subscribe", {"system": "nowhere"}, -32004),
        ("subscribe", {"system": "site", "cursor": -1}, -32602),
        ("subscribe", {"system": "site", "kinds": ["nothing"]}, -32602),
        ("subscribe", {"system": "site", "colour": "red"}, -32602),
        ("unsubscribe", {"subscription": "7"}, -32016),
    ],
)
async def test_what_is_refused_is_an_error_object(
    told: Gateway, method: str, params: dict[str, Any], code: int
) -> None:
    async with told.websocket() as socket:
        error = (await Caller(socket).call(method, **params))["error"]
    assert error["code"] == code
    assert error["message"]


async def test_a_subscription_has_the_state_and_then_every_change(gateway: Gateway, worker: Worker) -> None:
    gateway.tell(worker.events[:100])
    async with gateway.websocket() as socket:
        caller = Caller(socket)
        opened = (await caller.call("subscribe", system="site"))["result"]
        assert opened["cursor"] == 100
        client = Client(opened)
        for event in worker.events[100:]:
            gateway.tell([event])
        while client.cursor < len(worker.events):
            client.take(await caller.notification("changes"))
    assert client.versions == list(range(101, len(worker.events) + 1))
    assert without_as_of(client.units) == without_as_of(folded(worker.events))


async def test_a_snapshot_is_the_example(told: Gateway) -> None:
    async with told.websocket() as socket:
        opened = (await Caller(socket).call("subscribe", system="site"))["result"]
    units = [{name: value for name, value in unit.items() if name != "as_of"} for unit in opened["snapshot"]["units"]]
    assert units == [
        {name: value for name, value in unit.items() if name != "as_of"} for unit in example("units.jsonl")
    ]
    (blast,) = opened["snapshot"]["blasts"]
    assert (blast["blast"], blast["stage"], blast["how"]) == (BLAST, "closed", "timer_completed")


async def test_a_client_that_comes_back_goes_on_where_it_was(gateway: Gateway, worker: Worker) -> None:
    """It disconnects at random times; what it holds in the end is the truth, with no gap and no repeat."""
    dice = random.Random(1)
    gateway.tell(worker.events[:1])
    client: Client | None = None

    async def keep_telling() -> None:
        for event in worker.events[1:]:
            gateway.tell([event])
            await asyncio.sleep(0)

    telling = asyncio.create_task(keep_telling())
    while client is None or client.cursor < len(worker.events):
        async with gateway.websocket() as socket:
            caller = Caller(socket)
            cursor = {} if client is None else {"cursor": client.cursor}
            opened = (await caller.call("subscribe", system="site", **cursor))["result"]
            if client is None:
                client = Client(opened)
            assert opened["cursor"] == client.cursor
            for _ in range(dice.randrange(1, 4)):
                if client.cursor < len(worker.events):
                    client.take(await caller.notification("changes"))
    await telling
    assert client.snapshots == 1
    assert client.versions == list(range(client.versions[0], len(worker.events) + 1))
    assert without_as_of(client.units) == without_as_of(folded(worker.events))


async def test_a_cursor_that_cannot_be_resumed_gets_a_snapshot(told: Gateway) -> None:
    told.parts.reading.systems["site"].log.keep(5)
    async with told.websocket() as socket:
        caller = Caller(socket)
        assert "snapshot" in (await caller.call("subscribe", system="site", cursor=3))["result"]
        assert "snapshot" in (await caller.call("subscribe", system="site", cursor=10**6))["result"]
        version = told.parts.reading.systems["site"].version
        ahead = (await caller.call("subscribe", system="site", cursor=version + 1))["result"]
        assert (ahead["resumed"], ahead["why"]) == (False, "cursor_ahead")
        resumed = (await caller.call("subscribe", system="site", cursor=version - 2))["result"]
        assert resumed["resumed"] is True
        assert "snapshot" not in resumed
        assert len((await caller.notification("changes"))["params"]["changes"]) == 2


async def test_many_subscriptions_share_one_socket(gateway: Gateway, worker: Worker) -> None:
    gateway.tell(worker.events[:10])
    async with gateway.websocket() as socket:
        caller = Caller(socket)
        names = {}
        wanted: dict[str, dict[str, Any]] = {
            "all": {},
            "booster": {"units": "3/115"},
            "operation": {"kinds": ["operation_changed"]},
        }
        for key, params in wanted.items():
            names[key] = (await caller.call("subscribe", system="site", **params))["result"]["subscription"]
        assert len(set(names.values())) == 3
        gateway.tell(worker.events[10:])
        heard: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
        while len(heard[names["all"]]) < len(worker.events) - 10 or len(heard[names["operation"]]) < 4:
            params = (await caller.notification("changes"))["params"]
            heard[params["subscription"]] += params["changes"]
    assert {change["kind"] for change in heard[names["operation"]]} == {"operation_changed"}
    assert {change["unit"] for change in heard[names["booster"]]} == {"3/115"}


async def test_nothing_comes_after_an_unsubscribe(gateway: Gateway, worker: Worker) -> None:
    gateway.tell(worker.events[:10])
    async with gateway.websocket() as socket:
        caller = Caller(socket)
        name = (await caller.call("subscribe", system="site"))["result"]["subscription"]
        other = (await caller.call("subscribe", system="site"))["result"]["subscription"]
        assert (await caller.call("unsubscribe", subscription=name))["result"] is True
        gateway.tell(worker.events[10:])
        assert (await caller.notification("changes"))["params"]["subscription"] == other
        assert (await caller.call("unsubscribe", subscription=name))["error"]["code"] == -32016


async def test_subscriptions_of_a_connection_are_bounded(told: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "SUBSCRIPTIONS_MAX", 2)
    async with told.websocket() as socket:
        caller = Caller(socket)
        for _ in range(2):
            assert "result" in await caller.call("subscribe", system="site")
        assert (await caller.call("subscribe", system="site"))["error"]["code"] == -32029


async def test_in_a_batch_the_answer_comes_before_its_notifications(told: Gateway, worker: Worker) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"system": "site", "cursor": 5}},
        {"jsonrpc": "2.0", "id": 2, "method": "ping"},
    ]
    async with told.websocket() as socket:
        caller = Caller(socket)
        await socket.send(json.dumps(batch))
        message = await caller.receive()
        while isinstance(message, dict) and message["method"] == "status":
            message = await caller.receive()
        assert [answer["id"] for answer in message] == [1, 2]
        assert (await caller.notification("changes"))["params"]["changes"][0]["version"] == 6


async def test_a_blast_can_be_fetched_as_soon_as_its_event_has_come(gateway: Gateway, worker: Worker) -> None:
    gateway.tell(worker.events)
    async with gateway.websocket() as socket:
        caller = Caller(socket)
        asked = asyncio.create_task(caller.call("blasts.get", blast=BLAST, version=worker.stages[-1].version))
        for stage in worker.stages:
            gateway.shelve("site", stage)
        assert (await asked)["result"] == example("blasts.jsonl")[0]


async def test_clients_are_told_when_the_gateway_loses_sight_of_the_present(told: Gateway) -> None:
    async with told.websocket() as socket:
        caller = Caller(socket)
        await caller.call("subscribe", system="site")
        assert (await caller.notification("status"))["params"] == {"live": True, "condition": "live", "troubles": []}
        told.parts.liveness.enter(Condition.BROKER_LOST)
        told.parts.hub.wake_all()
        assert (await caller.notification("status"))["params"]["live"] is False
        answer = (await caller.call("ping"))["result"]
        assert (answer["live"], answer["condition"]) == (False, "broker_lost")
        assert [trouble["reason"] for trouble in answer["troubles"]] == ["the gateway has lost the broker"]


async def test_a_slow_client_is_dropped_and_holds_up_nobody(
    gateway: Gateway, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "CHECK_S", 0.25)
    event = sample_events()[1]
    gateway.tell(sample_events())
    async with gateway.websocket() as slow, gateway.websocket() as quick:
        await Caller(slow).call("subscribe", system="site")
        caller = Caller(quick)
        await caller.call("subscribe", system="site")
        slow.transport.pause_reading()
        dropped = gateway.parts.metrics.dropped.labels("4408")
        version = 3
        while not dropped._value.get():
            bulky = event._replace(version=version + 1, details={"note": "x" * 100_000})
            gateway.tell([bulky])
            version += 1
            while (await caller.notification("changes"))["params"]["cursor"] < version:
                """The other one gets all of it meanwhile."""
            assert version < 2_000
        slow.transport.resume_reading()
        with pytest.raises(ConnectionClosed) as closed:
            await hear_out(slow)
    assert closed.value.rcvd is None or closed.value.rcvd.code == 4408


async def test_a_session_that_ends_ends_the_connection(told: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CHECK_S", 0.05)
    async with told.websocket() as socket:
        told.parts.doorkeeper._book = type(told.parts.doorkeeper._book)([])
        with pytest.raises(ConnectionClosed) as closed:
            await hear_out(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert closed.value.rcvd.reason == "the session has ended: log in again"


async def test_a_client_is_told_why_it_is_dropped(told: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async with told.websocket() as socket:
        await Caller(socket).call("ping")
        await socket.send(b"\0")
        caller = Caller(socket)
        assert (await caller.notification("closing"))["params"] == {
            "code": 1003,
            "reason": "only text messages are understood",
        }


async def test_a_slow_client_that_reads_on_gets_a_fresh_snapshot(
    gateway: Gateway, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept for it: what it missed is in the log, or in a snapshot if the log has gone on."""
    gateway.tell(sample_events())
    log = gateway.parts.reading.systems["site"].log
    async with gateway.websocket() as slow:
        caller = Caller(slow)
        client = Client((await caller.call("subscribe", system="site"))["result"])
        slow.transport.pause_reading()
        (connection,) = gateway.parts.hub._watchers["site"]
        assert isinstance(connection, websocket.Connection)
        version = 3
        while not connection._outlet.full or version - log.first > 20:
            version += 1
            gateway.tell([sample_events()[1]._replace(version=version, details={"note": "x" * 100_000})])
            log.keep(10)
            await asyncio.sleep(0)
        waiting = connection._outlet.waiting
        for _ in range(100):
            version += 1
            gateway.tell([sample_events()[1]._replace(version=version, details={"note": "x" * 100_000})])
            log.keep(10)
        assert connection._outlet.waiting == waiting
        slow.transport.resume_reading()
        while client.cursor < version:
            client.take(await caller.notification("changes", "snapshot"))
        assert client.snapshots == 2
        assert client.units == gateway.parts.reading.systems["site"].units


async def test_a_snapshot_may_be_had_compressed(told: Gateway) -> None:
    async with told.websocket() as socket:
        caller = Caller(socket)
        plain = (await caller.call("subscribe", system="site"))["result"]
        packed = (await caller.call("subscribe", system="site", compress="gzip"))["result"]
        assert (await caller.call("subscribe", system="site", compress="br"))["error"]["code"] == -32602
    assert "snapshot" not in packed
    assert json.loads(gzip.decompress(base64.b64decode(packed["snapshot_gzip"]))) == plain["snapshot"]


async def test_a_client_is_told_of_the_cursor_where_all_else_is_filtered_out(
    gateway: Gateway, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "CHECK_S", 0.05)
    gateway.tell(worker.events[:10])
    async with gateway.websocket() as socket:
        caller = Caller(socket)
        await caller.call("subscribe", system="site", kinds=["mode_changed"])
        gateway.tell(worker.events[10:])
        params = (await caller.notification("changes"))["params"]
        assert (params["changes"], params["cursor"]) == ([], len(worker.events))


@pytest.mark.parametrize("message", [b"\x00", "x" * 2_000_000])
async def test_binary_and_oversized_messages_end_the_connection(told: Gateway, message: str | bytes) -> None:
    async with told.websocket() as socket:
        await socket.send(message)
        with pytest.raises(ConnectionClosed):
            await hear_out(socket)


async def test_nothing_is_left_of_a_client_that_is_gone(told: Gateway) -> None:
    async with told.websocket() as socket:
        await Caller(socket).call("subscribe", system="site")
        assert told.parts.metrics.subscriptions._value.get() == 1
    await until(lambda: told.parts.metrics.connections._value.get() == 0)
    assert told.parts.metrics.subscriptions._value.get() == 0
    assert told.parts.hub._watchers == {}
