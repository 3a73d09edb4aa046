"""The HTTP interface, over a real socket: what the capture's blast looks like to a program."""

import json
from typing import Any

import pytest

from stateserver.codec.heartbeat import TroubledSource
from stateserver.gateway.liveness import Condition, PartitionStanding
from tests.gateway.conftest import DATA
from tests.gateway.serving import Gateway, make_parts, make_tokens, serving
from tests.gateway.test_system_model import sample_events
from tests.gateway.worker import Worker

EXAMPLE = DATA / "field-2019-07-19"
BLAST = "0cd3eb41-43ff-5a6a-b289-8532977676c8"


def example(name: str) -> list[Any]:
    """The lines of an example file."""
    return [json.loads(line) for line in (EXAMPLE / name).read_text(encoding="utf-8").splitlines()]


def without_as_of(unit: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in unit.items() if name != "as_of"}


async def get(gateway: Gateway, path: str, status: int = 200) -> Any:
    """What a GET answers, as JSON."""
    async with gateway.client() as client:
        answer = await client.get(path)
    assert answer.status_code == status, answer.text
    kind = "application/json" if status < 400 else "application/problem+json"
    assert answer.headers["content-type"] == kind
    return answer.json()


async def test_systems_are_listed_with_what_matters_first(told: Gateway) -> None:
    (system,) = (await get(told, "/api/v1/systems"))["systems"]
    assert system | {"time": None} == {
        "system": "site",
        "version": len(example("changes.jsonl")),
        "era": 0,
        "time": None,
        "mode": None,
        "control_unit": "0/23",
        "operation": "disarmed",
        "units": 103,
        "warnings": 0,
        "blasts": 1,
        "open_blast": None,
        "last_blast": {
            "blast": BLAST,
            "initiated": 1563531134999,
            "closed": example("blasts.jsonl")[0]["closed"],
            "how": "timer_completed",
            "verdict": "aborted",
            "misfires": 100,
        },
        "answered_after_blast": [],
        "clocks_ahead": [],
        "clocks_set_back": [],
        "whole": True,
        "trouble": None,
        "live": True,
        "troubled_sources": [],
    }


async def test_a_system_is_live_where_its_own_partition_is_and_the_gateway_where_all_are(told: Gateway) -> None:
    liveness, model = told.parts.liveness, told.parts.reading.systems["site"]
    model.partition = 1
    alive, silent = PartitionStanding(Condition.LIVE), PartitionStanding(Condition.WORKER_SILENT, 1563531134999)
    async with told.client() as client:
        tag = (await client.get("/api/v1/systems/site")).headers["etag"]
        liveness.watch({0: silent, 1: alive}, ())
        again = await client.get("/api/v1/systems/site", headers={"if-none-match": tag})
        assert again.json()["live"] is True
        liveness.watch({0: alive, 1: silent}, ())
        again = await client.get("/api/v1/systems/site", headers={"if-none-match": again.headers["etag"]})
        assert again.status_code == 200, "a tag would else hide that it is no longer live"
        assert again.json()["live"] is False
        assert (await client.get("/api/v1/systems")).json()["systems"][0]["live"] is False
        ready = await client.get("/health/ready")
        assert ready.status_code == 200, "where only a worker is missing, the gateway must be there to say so"
        metrics = (await client.get("/metrics")).text
    told_of: dict[str, Any] = {"condition": "worker_silent", "reason": "no worker gives a sign of life"}
    trouble = told_of | {"partitions": [1], "since": 1563531134999}
    assert ready.json() == {"ready": True, "live": False, "condition": "worker_silent", "troubles": [trouble]}
    assert await get(told, "/api/v1/status") == {
        "live": False,
        "condition": "worker_silent",
        "troubles": [trouble],
        "troubled_sources": [],
    }
    assert "stateserver_gateway_live 0.0" in metrics
    assert "stateserver_gateway_partitions_not_live 1.0" in metrics


async def test_sources_of_no_use_are_told_with_their_system_to_whoever_may_see_it(told: Gateway) -> None:
    ours = TroubledSource("site", "ps-1", "rejected", "unknown_key", 120, 1563531134999)
    others = TroubledSource("other", "ps-2", "duplicates", None, 7, 1563531134999)
    nobodys = TroubledSource(None, None, "rejected", "bad_encoding", 3, 1563531134999)
    told.parts.liveness.watch({1: PartitionStanding(Condition.LIVE)}, [ours, others, nobodys])
    shown = {"source": "ps-1", "why": "rejected", "reason": "unknown_key", "frames": 120, "since": 1563531134999}
    assert (await get(told, "/api/v1/systems/site"))["troubled_sources"] == [shown]
    assert (await get(told, "/api/v1/systems"))["systems"][0]["troubled_sources"] == [shown]
    status = await get(told, "/api/v1/status")
    assert [one["system"] for one in status["troubled_sources"]] == ["site", "other", None]
    async with told.client(told.tokens.bound) as client:
        status = (await client.get("/api/v1/status")).json()
    assert [one["system"] for one in status["troubled_sources"]] == ["other"], "though it isn't known yet"
    async with told.client(None) as client:
        assert "stateserver_gateway_troubled_sources 3.0" in (await client.get("/metrics")).text


async def test_a_system_shows_what_its_latest_checkpoint_says(told: Gateway, worker: Worker) -> None:
    for written in worker.rows:
        if not hasattr(written.row, "unit"):
            told.parts.reading.refresh(written.row)
    system = await get(told, "/api/v1/systems/site")
    assert system["mode"] == "AXXIS100"
    assert system["time"] == 1563531750740
    assert system["checkpoint"]["counters"]["frames"] == 38
    assert system["checkpoint"]["state_hash"] == worker.rows[-1].row.state_hash.hex()  # type: ignore[union-attr]


async def test_units_are_those_of_the_example(told: Gateway) -> None:
    units = (await get(told, "/api/v1/systems/site/units"))["units"]
    assert [without_as_of(unit) for unit in units] == [without_as_of(unit) for unit in example("units.jsonl")]


async def test_units_come_in_pages_without_gap_or_repeat(told: Gateway) -> None:
    paths: list[str] = []
    after = ""
    while True:
        page = await get(told, f"/api/v1/systems/site/units?limit=10{after}")
        paths += [unit["unit"] for unit in page["units"]]
        if page["next"] is None:
            break
        assert len(page["units"]) == 10
        after = f"&after={page['next']}"
    assert paths == [unit["unit"] for unit in example("units.jsonl")]


@pytest.mark.parametrize(
    ("query", "count"),
    [("type=0", 1), ("type=3", 2), ("parent=3/158", 100), ("type=4&parent=3/115", 0), ("type=5", 0)],
)
async def test_units_can_be_chosen_by_type_and_parent(told: Gateway, query: str, count: int) -> None:
    assert len((await get(told, f"/api/v1/systems/site/units?{query}"))["units"]) == count


async def test_one_unit(told: Gateway) -> None:
    unit = await get(told, "/api/v1/systems/site/units/3/158/4/37")
    assert unit["uid"] == "28.85.157.65"
    assert unit["system"] == "site"
    assert unit["unit"] == "3/158/4/37"


async def test_changes_are_those_of_the_example(told: Gateway) -> None:
    answer = await get(told, "/api/v1/systems/site/changes?after=0&limit=10000")
    assert answer["changes"] == [change | {"source": "file"} for change in example("changes.jsonl")]
    two = await get(told, "/api/v1/systems/site/changes?after=225&limit=2")
    assert [change["version"] for change in two["changes"]] == [226, 227]
    last = await get(told, f"/api/v1/systems/site/changes?after={answer['version']}")
    assert last["changes"] == []


async def test_the_system_has_exactly_the_one_blast(told: Gateway) -> None:
    (blast,) = (await get(told, "/api/v1/systems/site/blasts"))["blasts"]
    (expected,) = example("blasts.jsonl")
    expected.pop("timeline")
    assert blast == expected | {"stage": "closed"}


async def test_a_blast_has_its_timeline(told: Gateway) -> None:
    assert [await get(told, f"/api/v1/blasts/{BLAST}")] == example("blasts.jsonl")


async def test_a_blast_can_be_waited_for(gateway: Gateway, worker: Worker) -> None:
    gateway.tell(worker.events)
    for stage in worker.stages[:1]:
        gateway.shelve("site", stage)
    version = worker.stages[1].version
    async with gateway.client() as client:
        asked = client.get(f"/api/v1/blasts/{BLAST}?version={version}")
        gateway.shelve("site", worker.stages[1])
        assert (await asked).json()["aborted"] == 1563531153559


@pytest.mark.parametrize(
    ("path", "status", "problem"),
    [
        ("/systems/nowhere", 404, "unknown-system"),
        ("/systems/nowhere/units", 404, "unknown-system"),
        ("/systems/nowhere/units/3/1", 404, "unknown-system"),
        ("/systems/nowhere/warnings", 404, "unknown-system"),
        ("/systems/nowhere/changes", 404, "unknown-system"),
        ("/systems/nowhere/blasts", 404, "unknown-system"),
        ("/systems/site/units/3/999", 404, "unknown-unit"),
        ("/systems/site/units/nonsense", 404, "unknown-unit"),
        ("/blasts/0000", 404, "unknown-blast"),
        ("/systems/site/units?limit=0", 400, "bad-request"),
        ("/systems/site/units?limit=many", 400, "bad-request"),
        ("/systems/site/units?after=x", 400, "bad-request"),
        ("/systems/site/units?colour=red", 400, "bad-request"),
        ("/systems/site/changes?after=-1", 400, "bad-request"),
        ("/systems/site/changes?after=100000", 404, "unknown-version"),
        ("/systems/site?at=9007199254740991", 404, "not-yet"),
        ("/systems/site/units?at=-1", 400, "bad-request"),
        ("/systems/site/warnings?at=yesterday", 400, "bad-request"),
        ("/systems/site/changes?at=1563531134999", 400, "bad-request"),
        ("/systems/nowhere/units/3/1?at=1563531134999", 404, "unknown-system"),
    ],
)
async def test_what_is_refused_is_said_why(told: Gateway, path: str, status: int, problem: str) -> None:
    answer = await get(told, f"/api/v1{path}", status)
    assert answer["type"] == f"urn:stateserver:problem:{problem}"
    assert answer["status"] == status
    assert answer["title"]
    assert answer["detail"]


async def test_changes_that_are_not_held_any_more_are_gone(told: Gateway) -> None:
    told.parts.reading.systems["site"].log.keep(5)
    answer = await get(told, "/api/v1/systems/site/changes?after=0", 410)
    assert answer["type"] == "urn:stateserver:problem:history-gone"


async def test_an_address_that_nothing_is_at_is_a_problem_too(told: Gateway) -> None:
    assert (await get(told, "/api/v1/nothing", 404))["type"] == "about:blank"


@pytest.mark.parametrize(
    ("path", "allowed"), [("systems", "GET"), ("session", "DELETE, GET, POST"), ("packets", "POST")]
)
async def test_a_wrong_method_is_told_which_there_are(gateway: Gateway, path: str, allowed: str) -> None:
    async with gateway.client() as client:
        answer = await client.put(f"/api/v1/{path}")
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_systems_are_named_by_any_unicode(gateway: Gateway) -> None:
    name = "Grube 7 å%2F?#&"
    gateway.tell(event._replace(system=name) for event in sample_events())
    async with gateway.client() as client:
        answer = await client.get("/api/v1/systems/Grube%207%20%C3%A5%252F%3F%23%26/units/3/1")
    assert answer.json()["system"] == name


async def test_nothing_is_told_before_the_topics_are_read() -> None:
    tokens = make_tokens()

    async def feed() -> None:
        """Never comes to an end of reading."""

    async with serving(make_parts(tokens), tokens, feed) as gateway:
        for path in ("/api/v1/systems", "/api/v1/systems/site", f"/api/v1/blasts/{BLAST}"):
            answer = await get(gateway, path, 503)
            assert answer["type"] == "urn:stateserver:problem:not-ready"
        async with gateway.client(None) as client:
            assert (await client.get("/health/ready")).status_code == 503
            assert (await client.get("/health/live")).status_code == 200


async def test_readiness_follows_the_broker(gateway: Gateway) -> None:
    async with gateway.client(None) as client:
        well = {"ready": True, "live": True, "condition": "live", "troubles": []}
        assert (await client.get("/health/ready")).json() == well
        gateway.parts.liveness.enter(Condition.BROKER_LOST)
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["condition"]) == (503, "broker_lost")


async def test_metrics_are_there_for_prometheus(told: Gateway) -> None:
    async with told.client(None) as client:
        text = (await client.get("/metrics")).text
    assert "stateserver_gateway_live 1.0" in text
    assert "stateserver_gateway_systems_not_whole 0.0" in text


async def test_the_page_and_its_files_are_open_and_carry_a_strict_policy(gateway: Gateway) -> None:
    async with gateway.client(None) as client:
        page = await client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        script = await client.get("/page/main.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        again = await client.get("/page/main.js", headers={"if-none-match": script.headers["etag"]})
        assert again.status_code == 304
        assert (await client.get("/page/../app.py")).status_code == 404


async def test_data_is_not_for_caches(told: Gateway) -> None:
    async with told.client() as client:
        answer = await client.get("/api/v1/systems")
    assert answer.headers["cache-control"] == "no-store"
