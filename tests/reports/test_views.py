"""The views of a report by name."""

import hashlib
import io
from zoneinfo import ZoneInfo

import orjson
import pytest

from stateserver.domain.canonical import canonical_json
from stateserver.reports.document import Report
from stateserver.reports.views import FORMATS, VIEWS
from tests.reports.examples import ABORTED, FIELD, IBS, OPEN, example_blasts

FILED = example_blasts()[FIELD]
BEGINNINGS = {"pdf": b"%PDF-", "json": b"{"}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_gives_the_same_bytes_each_time(view: str) -> None:
    first, again = io.BytesIO(), io.BytesIO()
    for out in (first, again):
        VIEWS[view].write(FILED, ZoneInfo("America/Santiago"), out)
    assert first.getvalue() == again.getvalue()
    assert first.getvalue().startswith(BEGINNINGS.get(view, b"\xef\xbb\xbf"))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", [FIELD, ABORTED, OPEN, IBS])
def test_the_order_of_a_documents_members_makes_no_difference(view: str, name: str) -> None:
    filed = example_blasts()[name]
    as_it_lies_in_the_topic = filed._replace(document=orjson.loads(canonical_json(filed.document)))
    one, other = io.BytesIO(), io.BytesIO()
    VIEWS[view].write(filed, ZoneInfo("UTC"), one)
    VIEWS[view].write(as_it_lies_in_the_topic, ZoneInfo("UTC"), other)
    assert one.getvalue() == other.getvalue()


def test_the_sha256_of_the_json_file_is_the_documents() -> None:
    out = io.BytesIO()
    VIEWS["json"].write(FILED, ZoneInfo("UTC"), out)
    assert hashlib.sha256(out.getvalue()).hexdigest() == Report.parse(FILED.document).sha256


def test_every_view_belongs_to_a_format() -> None:
    assert sorted(view for views in FORMATS.values() for view in views) == sorted(VIEWS)
    assert {name: views[0] for name, views in FORMATS.items()} == {"pdf": "pdf", "csv": "csv", "json": "json"}
