"""How answers go out: tagged, compressed, in pages; and reports as files."""

import gzip
import hashlib
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.blast import BlastDocument, split_document
from stateserver.domain.canonical import canonical_json
from stateserver.gateway import report_desk
from stateserver.gateway.answers import as_file
from stateserver.gateway.paging import cut
from stateserver.gateway.read_model import ReadModel
from tests.gateway.serving import Gateway
from tests.gateway.test_api import BLAST, example
from tests.gateway.test_system_model import sample_events
from tests.gateway.worker import Worker

TAGGED = [
    "/api/v1/systems",
    "/api/v1/systems/site",
    "/api/v1/systems/site/units?type=3",
    "/api/v1/systems/site/units/3/158",
    "/api/v1/systems/site/warnings",
    "/api/v1/systems/site/changes?after=3&limit=3",
    "/api/v1/systems/site/blasts",
]


@pytest.mark.parametrize("path", [*TAGGED, f"/api/v1/blasts/{BLAST}", f"/api/v1/blasts/{BLAST}/report.json"])
async def test_who_has_the_answer_is_told_so(told: Gateway, path: str) -> None:
    async with told.client() as client:
        first = await client.get(path)
        tag = first.headers["etag"]
        again = await client.get(path, headers={"if-none-match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        listed = await client.get(path, headers={"if-none-match": f'"another", {tag}'})
        assert listed.status_code == 304
        other = await client.get(path, headers={"if-none-match": 'W/"another"'})
        assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("path", TAGGED)
async def test_news_of_a_system_gives_it_another_tag(told: Gateway, worker: Worker, path: str) -> None:
    async with told.client() as client:
        tag = (await client.get(path)).headers["etag"]
        news = worker.events[-1]._replace(version=worker.events[-1].version + 1)
        told.tell([news])
        answer = await client.get(path, headers={"if-none-match": tag})
        assert answer.status_code == 200
        assert answer.headers["etag"] != tag


async def test_what_cannot_be_had_is_no_secret_that_a_tag_tells(told: Gateway) -> None:
    async with told.client(told.tokens.bound) as client:
        answer = await client.get("/api/v1/systems/site", headers={"if-none-match": "*"})
    assert answer.status_code == 404


async def test_large_answers_are_compressed_for_who_takes_that(told: Gateway) -> None:
    path = "/api/v1/systems/site/units"
    async with told.client() as client:
        plain = await client.get(path, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        refused = await client.get(path, headers={"accept-encoding": "gzip;q=0"})
        assert "content-encoding" not in refused.headers
        async with client.stream("GET", path, headers={"accept-encoding": "br, gzip;q=0.5"}) as answer:
            raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "accept-encoding"
        assert len(raw) < len(plain.content) / 5
        assert gzip.decompress(raw) == plain.content
        small = await client.get("/api/v1/session", headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in small.headers


@pytest.mark.parametrize(
    ("path", "name", "key"),
    [
        ("/api/v1/systems", "systems", "system"),
        ("/api/v1/systems/site-1/warnings", "warnings", "field"),
        ("/api/v1/systems/site-1/changes", "changes", "version"),
        ("/api/v1/systems/site-1/units", "units", "unit"),
        ("/api/v1/systems/site-1/blasts", "blasts", "blast"),
    ],
)
async def test_every_list_comes_in_pages(gateway: Gateway, worker: Worker, path: str, name: str, key: str) -> None:
    added, *_ = sample_events()
    for number in range(5):
        system = f"site-{number}"
        gateway.tell([added._replace(system=system)])
        for version, field in enumerate(("cable_fault", "earth_leakage", "low_battery", "shaft_fault"), start=2):
            faults: dict[str, Any] = {"field": field}
            warned = added._replace(system=system, version=version, kind="warning_raised", after={}, details=faults)
            gateway.tell([warned])
    for second in range(4):
        stage = worker.stages[0]
        blast = f"blast-{second}"
        report = {**stage.report, "blast": blast, "initiated": stage.report["initiated"] + second}
        gateway.shelve("site-1", stage._replace(blast=blast, report=report))
    gateway.tell([added._replace(system="site-1", version=6, unit=f"3/{unit}") for unit in (2,)])
    async with gateway.client() as client:
        whole = (await client.get(path)).json()
        assert whole["next"] is None
        found, after = [], ""
        while True:
            page = (await client.get(f"{path}?limit=1{after}")).json()
            found += page[name]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert found == whole[name]
        assert len({json.dumps(one[key]) for one in found}) == len(found) > 1


@given(st.lists(st.text(max_size=3), unique=True, max_size=20), st.integers(1, 7))
def test_pages_cut_a_list_into_all_of_it(names: list[str], limit: int) -> None:
    found: list[int] = []
    after = None
    while True:
        page = cut(names, after, limit)
        found += page.items
        if page.next is None:
            break
        after = page.next
    assert found == list(range(len(names)))


async def test_a_place_that_is_gone_is_said(told: Gateway) -> None:
    async with told.client() as client:
        for path in ("/api/v1/systems/site/blasts?after=gone", "/api/v1/systems/site/warnings?after=3/1:mains"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:stateserver:problem:unknown-place")


async def test_reports_are_files_made_elsewhere_and_kept(told: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    (document,) = example("blasts.jsonl")
    async with told.client() as client:
        whole = await client.get(f"/api/v1/blasts/{BLAST}/report.json")
        assert whole.json() == document
        sha256 = hashlib.sha256(whole.content).hexdigest()
        assert whole.headers["etag"] == f'W/"{sha256}.json"'
        name = f"site_2019-07-19_101214+0000_{BLAST[:8]}.json"
        assert (
            whole.headers["content-disposition"] == f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(name)}"
        )

        table = await client.get(f"/api/v1/blasts/{BLAST}/report.csv")
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        assert sha256 in table.text or table.text.count("28.85.157.65") == 1
        book = await client.get(f"/api/v1/blasts/{BLAST}/report.pdf")
        assert book.headers["content-type"] == "application/pdf"
        assert book.content.startswith(b"%PDF-")

        async def never(*_: object) -> bytes:
            raise AssertionError

        monkeypatch.setattr(report_desk, "_run", never)
        assert (await client.get(f"/api/v1/blasts/{BLAST}/report.pdf")).content == book.content
        answer = await client.get(f"/api/v1/blasts/{BLAST}/report.docx")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:stateserver:problem:unknown-view")
        assert (await client.get("/api/v1/blasts/0000/report.pdf")).status_code == 404


async def test_a_report_that_cannot_be_made_is_said(told: Gateway) -> None:
    """Its start snapshot is not there."""
    told.parts.reading.blasts._snapshots.clear()
    async with told.client() as client:
        answer = await client.get(f"/api/v1/blasts/{BLAST}/report.pdf")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:stateserver:problem:report-failed")


def test_a_report_is_known_by_its_canonical_form(worker: Worker) -> None:
    reading, stage = ReadModel(), worker.stages[-1]
    content = canonical_json(stage.report)
    for part in split_document(BlastDocument(stage.blast, "site", stage.version, stage.stage, "report", content)):
        reading.blasts.put(part)
    held = reading.blasts.get(stage.blast)
    assert held is not None
    assert held.content == content
    assert held.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("site_0cd3eb41.pdf", "attachment; filename=\"site_0cd3eb41.pdf\"; filename*=UTF-8''site_0cd3eb41.pdf"),
        ("北区_0c.pdf", "attachment; filename=\"___0c.pdf\"; filename*=UTF-8''%E5%8C%97%E5%8C%BA_0c.pdf"),
    ],
)
def test_a_file_has_its_name_in_any_script(name: str, header: str) -> None:
    assert as_file(name) == header
    assert header.isascii()
