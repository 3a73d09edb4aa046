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
    assert report.timeline_length == len(whole)
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


@pytest.mark.parametrize(
    ("what", "value"),
    [("outcome", "vanished"), ("why", "lost"), ("why", None)],
)
def test_an_outcome_that_nobody_knows_is_refused(what: str, value: str | None) -> None:
    document = copy.deepcopy(BLASTS[FIELD].document)
    document["active"][0]["not_fired"][0][what] = value
    with pytest.raises(UnreadableReport, match="3/158"):
        Report.parse(document)


def test_a_verdict_or_attention_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnreadableReport, match="splendid"):
        Report.parse(BLASTS[FIELD].document | {"verdict": "splendid"})
    attention = [{"what": "smoke", "unit": "3/158", "windows": None, "field": None}]
    with pytest.raises(UnreadableReport, match="smoke"):
        Report.parse(BLASTS[FIELD].document | {"attention": attention})


@pytest.mark.parametrize("missing", ["verdict", "attention", "warnings_after"])
def test_a_document_of_before_there_were_verdicts_is_refused_with_what_to_do(missing: str) -> None:
    document = {name: value for name, value in BLASTS[FIELD].document.items() if name != missing}
    with pytest.raises(UnreadableReport, match="no report document of this version") as refused:
        Report.parse(document)
    assert "Replay" in refused.value.hint
