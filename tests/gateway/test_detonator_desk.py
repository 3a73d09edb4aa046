"""What became of each detonator of a blast: rows by the report and the start snapshot, over HTTP and JSON-RPC."""

import asyncio
from typing import Any

import pytest

from stateserver.domain.canonical import canonical_json
from stateserver.gateway.blast_shelf import ShelvedBlast
from stateserver.gateway.detonator_desk import DetonatorDesk
from stateserver.gateway.refusals import ReportFailed
from tests.gateway.serving import Caller, Gateway
from tests.gateway.test_api import BLAST, get
from tests.gateway.worker import Worker

PATH = f"/api/v1/blasts/{BLAST}/detonators"


@pytest.fixture
def opened(gateway: Gateway, worker: Worker) -> Gateway:
    """A gateway that has read the blast's opening, and no more of it."""
    gateway.tell(worker.events)
    gateway.shelve("site", worker.stages[0])
    return gateway


def shelved(gateway: Gateway) -> ShelvedBlast:
    held = gateway.parts.reading.blasts.get(BLAST)
    assert held is not None
    return held


async def test_each_has_its_place_its_uid_as_it_was_at_the_start_and_its_outcome(told: Gateway) -> None:
    answer = await get(told, PATH)
    rows = answer.pop("detonators")
    version = shelved(told).version
    assert answer == {"blast": BLAST, "system": "site", "version": version, "stage": "closed", "next": None}
    assert [(row["unit"], row["window_id"]) for row in rows] == [("3/158", window) for window in range(1, 101)]
    first = {name: rows[0][name] for name in ("uid", "serial", "label", "delay", "outcome")}
    assert first == {"uid": "28.85.190.185", "serial": None, "label": None, "delay": 0, "outcome": "unreported"}
    assert rows[0]["first_seen"] == told.parts.reading.systems["site"].units["3/158/4/1"]["first_seen"]
    assert {row["window_id"]: row["uid"] for row in rows if row["outcome"] == "silent_before"} == {37: "28.85.157.65"}
    assert [row["why"] for row in rows if row["outcome"] == "unreported"] == ["no_evidence"] * 99


async def test_while_the_blast_is_open_no_outcome_is_told_but_of_those_who_were_silent(opened: Gateway) -> None:
    answer = await get(opened, PATH)
    assert answer["stage"] == "opened"
    outcomes = {row["window_id"]: row["outcome"] for row in answer["detonators"]}
    assert outcomes.pop(37) == "silent_before"
    assert set(outcomes.values()) == {None}
    assert len(outcomes) == 99


async def test_it_comes_in_pages_the_same_over_both(told: Gateway) -> None:
    async with told.websocket() as socket, told.client() as http:
        caller, found = Caller(socket), list[dict[str, Any]]()
        more: dict[str, str] = {}
        while True:
            page = (await http.get(PATH, params={"limit": 30, **more})).json()
            assert (await caller.call("blasts.detonators", blast=BLAST, limit=30, **more))["result"] == page
            found += page["detonators"]
            if page["next"] is None:
                break
            more = {"after": page["next"]}
        assert found == (await http.get(PATH)).json()["detonators"]
    lost = await get(told, f"{PATH}?after=3/158:101", status=404)
    assert lost["type"] == "urn:stateserver:problem:unknown-place"


async def test_it_is_tagged_by_its_report(told: Gateway) -> None:
    async with told.client() as client:
        tag = (await client.get(PATH)).headers["etag"]
        assert tag == f'W/"{shelved(told).sha256}.detonators"'
        assert (await client.get(PATH, headers={"if-none-match": tag})).status_code == 304


async def test_one_of_a_version_can_be_waited_for(opened: Gateway, worker: Worker) -> None:
    closed = worker.stages[-1]
    async with opened.client() as client:
        asked = asyncio.create_task(client.get(f"{PATH}?version={closed.version}"))
        opened.shelve("site", closed)
        assert (await asked).json()["stage"] == "closed"


async def test_without_its_start_snapshot_it_is_not_told(told: Gateway) -> None:
    told.parts.reading.blasts._snapshots.clear()
    answer = await get(told, PATH, status=503)
    assert answer["type"] == "urn:stateserver:problem:not-there-yet"


async def test_another_snapshot_than_the_report_names_is_not_taken_for_it(told: Gateway, worker: Worker) -> None:
    opened = worker.stages[0]
    assert opened.snapshot is not None
    told.shelve_document("site", opened, "start", opened.snapshot.replace(b"28.85.190.185", b"28.85.190.186"))
    answer = await get(told, PATH, status=500)
    assert answer["type"] == "urn:stateserver:problem:report-failed"
    assert "is not the one that its report names" in answer["detail"]


async def test_of_a_report_of_before_the_verdict_nothing_is_told(told: Gateway, worker: Worker) -> None:
    closed = worker.stages[-1]
    older = {name: value for name, value in closed.report.items() if name != "attention"}
    told.shelve_document("site", closed._replace(version=closed.version + 1), "report", canonical_json(older))
    answer = await get(told, PATH, status=500)
    assert "no report document of this version" in answer["detail"]


async def test_they_are_made_once_for_all_who_ask(told: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, blast = DetonatorDesk(), shelved(told)
    start = told.parts.reading.blasts.start_parts(BLAST)
    assert start is not None
    first, second = await asyncio.gather(desk.rows(blast, start), desk.rows(blast, start))
    assert first is second
    assert await desk.rows(blast, start) is first
    monkeypatch.setattr("stateserver.gateway.detonator_desk.KEPT_ROWS_MAX", 150)
    with pytest.raises(ReportFailed):
        await desk.rows(blast._replace(sha256="of another", summary={}), start)
    other = await desk.rows(blast._replace(sha256="of a third"), start)
    assert await desk.rows(blast._replace(sha256="of a third"), start) is other
    assert await desk.rows(blast, start) is not first, "the oldest gave way"
