"""Snapshots: the state at one version, though events come while they are written; written once for all who ask."""

import asyncio
import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.change import Change, Fields
from stateserver.gateway import draft, snapshots
from stateserver.gateway.documents import is_within, snapshot_document
from stateserver.gateway.draft import Draft
from stateserver.gateway.read_model import ReadModel, Rows
from stateserver.gateway.snapshots import Snapshot, Snapshots
from tests.domain.journals import journals
from tests.gateway.client import units_of
from tests.gateway.test_system_model import folded, sample_events, without_as_of
from tests.gateway.worker import Worker

EVENTS = st.builds(lambda journal: Worker().run(journal).events, journals()).filter(bool)
PREFIXES = st.none() | st.sampled_from(["3/1", "3/1/4", "3", "0/1", "1/1"])


def reading_of(events: list[Change], capacity: int = 10_000) -> ReadModel:
    reading = ReadModel(log_capacity=capacity)
    for event in events:
        reading.fold(event)
    return reading


def read(json_pieces: tuple[bytes, ...]) -> Any:
    assert all(json_pieces)
    return json.loads(b"".join(json_pieces))


@pytest.fixture
def tiny_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody else has their turn after each unit, and a system of two is no small one."""
    monkeypatch.setattr(draft, "SLICE_UNITS", 1)
    monkeypatch.setattr(draft, "SCAN_UNITS", 1)
    monkeypatch.setattr(draft, "PIECE_BYTES_MIN", 200)
    monkeypatch.setattr(snapshots, "SMALL_UNITS", 0)


@given(EVENTS, PREFIXES)
async def test_a_snapshot_is_the_document(events: list[Change], prefix: str | None) -> None:
    reading = reading_of(events)
    written = await Draft(reading, reading.systems["site"], prefix).write()
    assert written is not None
    assert read(written.json) == snapshot_document(reading, reading.systems["site"], prefix)


@pytest.mark.usefixtures("tiny_slices")
@given(EVENTS, PREFIXES, st.data())
async def test_events_that_come_meanwhile_are_in_it_or_come_after_it(
    events: list[Change], prefix: str | None, data: st.DataObject
) -> None:
    start = data.draw(st.integers(1, len(events)))
    reading = reading_of(events[:start])
    model = reading.systems["site"]
    writing = asyncio.create_task(Draft(reading, model, prefix).write())
    for event in events[start:]:
        for _ in range(data.draw(st.integers(0, 2))):
            await asyncio.sleep(0)
        reading.fold(event)
    written = await writing
    assert written is not None
    document = read(written.json)
    assert document["version"] == written.version
    truth = folded(events[: written.version])
    wanted = {path: fields for path, fields in truth.items() if prefix is None or is_within(path, prefix)}
    assert without_as_of(units_of(document)) == without_as_of(wanted)
    assert [row["unit"] for row in document["units"]] == [row["unit"] for row in rows_of(reading, document, prefix)]


@pytest.mark.usefixtures("tiny_slices")
@pytest.mark.parametrize("named", ["", "no path", "3/x"])
async def test_a_refused_command_that_names_no_unit_does_not_disturb_it(named: str) -> None:
    events = sample_events()
    reading = reading_of(events)
    model = reading.systems["site"]
    writing = asyncio.create_task(Draft(reading, model, None).write())
    await asyncio.sleep(0)
    refused: Fields = {"action": "label_unit", "why": "unknown_unit", "actor": "eva"}
    last = events[-1]
    reading.fold(last._replace(version=last.version + 1, kind="command_refused", unit=named, details=refused))
    written = await writing
    assert written is not None
    assert read(written.json) == snapshot_document(reading, model, None)


def rows_of(reading: ReadModel, document: dict[str, Any], prefix: str | None) -> Any:
    """The same units in the order of the document that is written in one go."""
    held = {row["unit"] for row in document["units"]}
    present = snapshot_document(reading, reading.systems["site"], prefix)["units"]
    rows = [row for row in present if row["unit"] in held]
    return rows if len(rows) == len(held) else document["units"]


@pytest.mark.usefixtures("tiny_slices")
async def test_a_draft_that_the_log_has_left_behind_is_of_no_use(worker: Worker) -> None:
    reading = reading_of(worker.events[:200])
    writing = asyncio.create_task(Draft(reading, reading.systems["site"], None).write())
    await asyncio.sleep(0)
    for event in worker.events[200:]:
        reading.fold(event)
    reading.systems["site"].log.keep(1)
    assert await writing is None


@pytest.mark.usefixtures("tiny_slices")
async def test_topics_read_anew_meanwhile_begin_it_anew(worker: Worker) -> None:
    reading = reading_of(worker.events[:200])
    asked = asyncio.create_task(Snapshots(reading).of("site"))
    await asyncio.sleep(0)
    fresh = reading.begin(Rows())
    for event in worker.events:
        fresh.fold(event)
    reading.adopt(fresh)
    snapshot = await asked
    assert (snapshot.generation, snapshot.version) == (reading.generation, len(worker.events))


@pytest.mark.usefixtures("tiny_slices")
async def test_many_who_ask_at_once_get_one_snapshot_even_if_the_first_goes(worker: Worker) -> None:
    held = Snapshots(reading_of(worker.events))
    first = asyncio.create_task(held.of("site"))
    await asyncio.sleep(0)
    others = [asyncio.create_task(held.of("site")) for _ in range(10)]
    await asyncio.sleep(0)
    first.cancel()
    assert len({id(one) for one in await asyncio.gather(*others)}) == 1
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.usefixtures("tiny_slices")
async def test_a_large_one_is_used_again_while_its_changes_are_held(worker: Worker) -> None:
    reading = reading_of(worker.events[:100])
    held = Snapshots(reading)
    one = await held.of("site")
    reading.fold(worker.events[100])
    assert await held.of("site") is one
    reading.systems["site"].log.keep(1)
    assert await held.of("site") is one
    reading.systems["site"].log.keep(0)
    assert (await held.of("site")).version == 101


async def test_a_small_one_is_always_the_present(worker: Worker) -> None:
    reading = reading_of(worker.events[:100])
    held = Snapshots(reading)
    assert await held.of("site") is await held.of("site")
    reading.fold(worker.events[100])
    assert (await held.of("site")).version == 101


async def test_it_is_compressed_once(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "BASE64_STEP", 30)
    snapshot = await Snapshots(reading_of(worker.events)).of("site")
    one, other = await asyncio.gather(snapshot.zipped(), snapshot.zipped())
    assert one is other
    assert gzip.decompress(base64.b64decode(b"".join(one))) == b"".join(snapshot.json)


async def test_no_more_are_held_than_may_be(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = reading_of(worker.events)
    held = Snapshots(reading)
    whole = await held.of("site")
    monkeypatch.setattr(snapshots, "HELD_BYTES_MAX", whole.size)
    part: Snapshot = await held.of("site", "3/115")
    assert list(held._held.values()) == [part]


async def test_an_unknown_system_has_none() -> None:
    with pytest.raises(KeyError):
        await Snapshots(reading_of(sample_events())).of("nowhere")
