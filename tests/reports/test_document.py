"""Reading a report document, and its SHA-256."""

import copy
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.blast import JsonObject
from stateserver.domain.canonical import canonical_json
from stateserver.domain.change import BLAST_CLOSED, BLAST_OPENED, WARNING_RAISED
from stateserver.reports.document import Report, UnreadableReport, canonical_chunks, document_sha256
from tests.reports.examples import ABORTED, FIELD, OPEN, PERFECT, example_blasts

BLASTS = example_blasts()
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("name", BLASTS)
def test_a_report_keeps_what_its_document_says(name: str) -> None:
    document = BLASTS[name].document
    report = Report.parse(document)
    assert (report.blast, report.how, report.closed) == (document["blast"], document["how"], document["closed"])
    assert [booster.unit for booster in report.active] == [row["unit"] for row in document["active"]]
    assert sum(len(booster.silent_before) for booster in report.active) == document["detonators"]["silent_before"]
    if report.closed is not None:
        assert sum(booster.fired or 0 for booster in report.active) == document["detonators"]["fired"]
    assert [change.version for change in report.timeline()] == [change["version"] for change in document["timeline"]]


@pytest.mark.parametrize("name", BLASTS)
def test_its_sha256_is_that_of_its_canonical_json(name: str) -> None:
    document = BLASTS[name].document
    assert Report.parse(document).sha256 == hashlib.sha256(canonical_json(document)).hexdigest()


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), values, max_size=5))
def test_canonical_json_comes_out_the_same_in_pieces(document: JsonObject) -> None:
    assert b"".join(canonical_chunks(document)) == canonical_json(document)


def test_one_changed_letter_is_another_sha256() -> None:
    document = copy.deepcopy(BLASTS[FIELD].document)
    before = document_sha256(document)
    document["active"][0]["label"] = "x"
    assert document_sha256(document) != before


def test_the_timeline_is_told_apart_by_kind_and_by_whose_events_they_are() -> None:
    report = Report.parse(BLASTS[ABORTED].document)
    whole = list(report.timeline())
    assert [change.kind for change in (whole[0], whole[-1])] == [BLAST_OPENED, BLAST_CLOSED]
    more = list(report.events_of_more())
    assert len(more) + report.single_detonators_events == len(whole)
    assert 0 < len(more) < len(whole)
    assert [change.kind for change in report.events_of({BLAST_CLOSED})] == [BLAST_CLOSED]
    assert list(report.events_of({WARNING_RAISED})) == []


def test_what_is_not_known_yet_is_none() -> None:
    report = Report.parse(BLASTS[OPEN].document)
    assert report.active
    assert all(booster.fired is None and booster.after is None for booster in report.active)
    assert report.end_sha256 is None


@pytest.mark.parametrize("missing", ["blast", "mode", "active", "timeline", "frames", "versions"])
def test_a_document_that_lacks_something_is_refused(missing: str) -> None:
    document = dict(BLASTS[PERFECT].document)
    del document[missing]
    with pytest.raises(UnreadableReport):
        Report.parse(document)


def test_an_outcome_that_nobody_knows_is_refused() -> None:
    document = copy.deepcopy(BLASTS[FIELD].document)
    document["active"][0]["not_fired"][0]["outcome"] = "vanished"
    with pytest.raises(UnreadableReport, match="3/158"):
        Report.parse(document)
