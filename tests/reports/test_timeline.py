"""Report documents read with their timeline left as it lies."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.blast import JsonObject
from stateserver.domain.canonical import canonical_json
from stateserver.reports.timeline import Timeline, read_document
from tests.reports.examples import example_blasts

# What could be taken for an end or a beginning, and what JSON writes with a backslash.
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["},{", "}]", '"timeline":[', "\\", '\\"', '"},{"', "{", "\n", "\u2028"]
)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
events = st.dictionaries(texts, values | st.dictionaries(texts, values, max_size=3), max_size=5)


def plain(document: Any) -> Any:
    """The document with all of it decoded."""
    if isinstance(document, dict) and isinstance(document.get("timeline"), Timeline):
        return document | {"timeline": list(document["timeline"])}
    return document


@given(st.lists(events, max_size=5), st.dictionaries(texts, values, max_size=3), st.dictionaries(texts, values))
def test_events_are_those_of_the_document_whatever_they_say(
    timeline: list[JsonObject], before: JsonObject, after: JsonObject
) -> None:
    document = {**before, "timeline": timeline, **after, "timeline ": [{"a": 1}, {}]}
    document["timeline"] = timeline
    for content in (orjson.dumps(document), canonical_json(document)):
        read = read_document(content)
        assert plain(read) == document
        assert isinstance(read["timeline"], Timeline)
        assert len(read["timeline"]) == len(timeline)
        assert list(read["timeline"]) == list(read["timeline"])


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{}",
        b'{"timeline": [{"a": 1}]}',
        b'{"timeline":[1,2]}',
        b'{"timeline":[{"a":1} , {"b":2}]}',
        b'{"timeline":[{"a":{"b":{"c":1}}}]}',
        b'{"inner":{"timeline":[{"a":1}]}}',
        b'{"inner":{"timeline":[{"a":1}]},"timeline":[{"b":2}]}',
        b'{"inner":{"timeline":[{"a":1}]},"timeline":[]}',
        b'[{"timeline":[{"a":1}]}]',
    ],
)
def test_what_lies_otherwise_is_read_all_the_same(content: bytes) -> None:
    assert plain(read_document(content)) == orjson.loads(content)


@pytest.mark.parametrize("content", [b"", b'{"timeline":[', b'{"timeline":[{"a":1}', b'{"timeline":[{"a":1},]}', b"{]"])
def test_what_is_no_json_is_no_document(content: bytes) -> None:
    with pytest.raises(ValueError, match="line"):
        read_document(content)


def test_the_timelines_of_the_examples_are_left_as_they_lie() -> None:
    for filed in example_blasts().values():
        read = read_document(canonical_json(filed.document))
        assert isinstance(read["timeline"], Timeline)
        assert plain(read) == filed.document
