"""How a system stood once, asked of a gateway: a real broker, a real worker, and the process that looks back."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stateserver.broker.process import Broker
from stateserver.domain.records import CommandRecord
from stateserver.gateway.past_desk import WAITING_MAX
from tests.gateway.chained import at_version, gateway_of
from tests.gateway.past import Journey, Stood, instants, without_as_of
from tests.gateway.serving import Caller, Gateway, until
from tests.stream.chain import Chain
from tests.stream.journals import CAPTURE, example_records, folded, sealed

CAPTURED = example_records(CAPTURE)
LABELLED = CommandRecord(
    CAPTURED[20].created_at + 5,
    CAPTURED[0].mode,
    json.dumps({"action": "label_unit", "unit": "3/158", "label": "North wall", "actor": "anna"}).encode(),
    CAPTURED[20].created_at + 5,
)
RETIRED = CommandRecord(
    CAPTURED[-1].created_at - 2,
    CAPTURED[0].mode,
    json.dumps({"action": "retire_unit", "unit": "3/115", "actor": "anna"}).encode(),
    CAPTURED[-1].created_at - 2,
)
RECORDS = [*CAPTURED[:21], LABELLED, *CAPTURED[21:-1], RETIRED, CAPTURED[-1]]
JOURNEY = Journey(RECORDS)
BLASTS = folded(RECORDS).documents()
LATEST = JOURNEY.states[-1]
FIRST = RECORDS[0].created_at
SYSTEM = "/api/v1/systems/site"


@pytest.fixture
def chain(broker: Broker, tmp_path: Path) -> Chain:
    return Chain(broker, f"{uuid4().hex[:8]}.", tmp_path)


async def get(gateway: Gateway, path: str, at: int, status: int = 200) -> Any:
    async with gateway.client() as client:
        answer = await client.get(f"{SYSTEM}{path}", params={"at": at})
    assert answer.status_code == status, answer.text
    return answer.json()


async def all_units(gateway: Gateway, at: int, limit: int, **chosen: Any) -> dict[str, dict[str, Any]]:
    """Page after page."""
    units: dict[str, dict[str, Any]] = {}
    after: dict[str, str] = {}
    async with gateway.client() as client:
        while True:
            answer = (await client.get(f"{SYSTEM}/units", params={"at": at, "limit": limit, **chosen, **after})).json()
            units |= {unit.pop("unit"): unit for unit in answer["units"]}
            if answer["next"] is None:
                return units
            after = {"after": answer["next"]}


def as_told(stood: Stood) -> dict[str, dict[str, Any]]:
    return {path: {"system": "site", **fields} for path, fields in stood.units.items()}


@pytest.mark.timeout(600)
async def test_at_instants_of_the_capture_a_gateway_says_what_the_journal_does(chain: Chain) -> None:
    with chain.worker() as worker:
        await worker.ready()
        # In two goes: there is a still in between.
        await chain.produce([sealed(record) for record in RECORDS[:12]])
        async with gateway_of(chain) as gateway:
            await until(lambda: "site" in gateway.parts.reading.systems)
            await at_version(gateway, Journey(RECORDS[:12]).states[-1].version)
            await chain.produce([sealed(record) for record in RECORDS[12:]])
            await at_version(gateway, LATEST.version)
            times = instants(RECORDS)
            for at in times[times.index(FIRST) :: len(times) // 8]:
                await agrees(gateway, JOURNEY.at(at), at)
            for at in (LABELLED.created_at, CAPTURED[-1].created_at - 1, CAPTURED[-1].created_at):
                await agrees(gateway, JOURNEY.at(at), at)
            assert "3/115" not in JOURNEY.at(CAPTURED[-1].created_at - 1).units
            await pages_filters_and_tags(gateway)
            await methods_say_the_same(gateway)
            await what_is_refused(gateway)
            await nobody_waits_for_whoever_looks_back(gateway)


async def agrees(gateway: Gateway, stood: Stood, at: int) -> None:
    system = await get(gateway, "", at)
    control = "0/23" if "0/23" in stood.units else None
    assert (system["at"], system["version"], system["mode"]) == (at, stood.version, stood.mode)
    assert (system["units"], system["warnings"]) == (len(stood.units), len(stood.warnings))
    assert (system["control_unit"], system["checkpoint"], system["whole"]) == (control, None, True)
    assert system["operation"] == stood.units.get("0/23", {}).get("operation")
    assert system["time"] <= at
    assert system["answered_after_blast"] == stood.answered
    ended = [
        one for one in BLASTS if one["versions"]["closed"] is not None and one["versions"]["closed"] <= stood.version
    ]
    assert (system["last_blast"] or {}).get("blast") == (ended[-1]["blast"] if ended else None)
    assert await all_units(gateway, at, 1_000) == as_told(stood)
    warnings = (await get(gateway, "/warnings", at))["warnings"]
    assert sorted(warnings, key=repr) == sorted(stood.warnings, key=repr)
    path = max(stood.units)
    assert await get(gateway, f"/units/{path}", at) == {"system": "site", "unit": path, **stood.units[path]}


async def pages_filters_and_tags(gateway: Gateway) -> None:
    at = CAPTURED[24].created_at
    expected = as_told(JOURNEY.at(at))
    assert list(await all_units(gateway, at, 7)) == list(expected)
    boosters = {path: fields for path, fields in expected.items() if fields["type"] == 3}
    assert await all_units(gateway, at, 10, type=3) == boosters
    answering = {path for path, fields in expected.items() if fields["communication_status"]}
    assert set(await all_units(gateway, at, 10, communicating="true")) == answering
    assert list(await all_units(gateway, at, 10, label="north")) == ["3/158"]
    async with gateway.client() as client:
        first = await client.get(f"{SYSTEM}/units", params={"at": at})
        again = await client.get(f"{SYSTEM}/units", params={"at": at}, headers={"if-none-match": first.headers["etag"]})
        other = await client.get(f"{SYSTEM}/units", params={"at": FIRST})
    assert (again.status_code, again.content) == (304, b"")
    assert other.headers["etag"] != first.headers["etag"]
    assert (await get(gateway, "", FIRST))["blasts"] == 0


async def methods_say_the_same(gateway: Gateway) -> None:
    at = CAPTURED[24].created_at
    async with gateway.websocket() as socket:
        caller = Caller(socket)
        for method, path, more in (
            ("systems.get", "", {}),
            ("units.list", "/units", {}),
            ("units.get", "/units/3/158", {"unit": "3/158"}),
            ("warnings.list", "/warnings", {}),
        ):
            said = await caller.call(method, system="site", at=at, **more)
            assert said["result"] == await get(gateway, path, at)
        refused = await caller.call("units.get", system="site", at=at, unit="3/9")
        assert (refused["error"]["code"], refused["error"]["data"]["type"]) == (
            -32012,
            "urn:stateserver:problem:unknown-unit",
        )


async def what_is_refused(gateway: Gateway) -> None:
    for path, at, status, problem in (
        ("", FIRST - 1, 404, "not-a-system-then"),
        ("/units", 0, 404, "not-a-system-then"),
        ("/units/3/9", FIRST, 404, "unknown-unit"),
        ("/warnings", 2**53 - 1, 404, "not-yet"),
    ):
        assert (await get(gateway, path, at, status))["type"] == f"urn:stateserver:problem:{problem}"
    async with gateway.client(gateway.tokens.bound) as client:
        hidden = await client.get(SYSTEM, params={"at": FIRST})
    assert hidden.json()["type"] in {"urn:stateserver:problem:unknown-system", "urn:stateserver:problem:not-allowed"}


async def nobody_waits_for_whoever_looks_back(gateway: Gateway) -> None:
    """While the process that looks back doesn't answer at all, everyone else is served; then it is made anew."""
    desk = gateway.parts.past
    assert desk is not None
    process = desk._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    async with gateway.client() as client, gateway.websocket() as socket:

        async def status(at: int) -> int:
            return (await client.get(f"{SYSTEM}/units", params={"at": at})).status_code

        asked = [asyncio.ensure_future(status(FIRST + one)) for one in range(WAITING_MAX)]
        await until(lambda: len(desk._asking) == WAITING_MAX)
        assert (await get(gateway, "", FIRST, 429))["type"] == "urn:stateserver:problem:busy"
        assert (await client.get(f"{SYSTEM}/units")).status_code == 200
        assert (await Caller(socket).call("ping"))["result"]["live"]
        process.kill()
        assert sorted(await asyncio.gather(*asked)) == [200] * (WAITING_MAX - 1) + [503]


def test_as_of_is_left_out() -> None:
    assert without_as_of({"as_of": 1, "type": 3}) == {"type": 3}
