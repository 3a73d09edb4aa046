"""The views of a report by name."""

import hashlib
import io
from zoneinfo import ZoneInfo

import pytest

from stateserver.reports.document import Report
from stateserver.reports.views import FORMATS, VIEWS
from tests.reports.examples import FIELD, example_blasts

FILED = example_blasts()[FIELD]
BEGINNINGS = {"pdf": b"%PDF-", "json": b"{"}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_gives_the_same_bytes_each_time(view: str) -> None:
    first, again = io.BytesIO(), io.BytesIO()
    for out in (first, again):
        VIEWS[view].write(FILED, ZoneInfo("America/Santiago"), out)
    assert first.getvalue() == again.getvalue()
    assert first.getvalue().startswith(BEGINNINGS.get(view, b"\xef\xbb\xbf"))


def test_the_sha256_of_the_json_file_is_the_documents() -> None:
    out = io.BytesIO()
    VIEWS["json"].write(FILED, ZoneInfo("UTC"), out)
    assert hashlib.sha256(out.getvalue()).hexdigest() == Report.parse(FILED.document).sha256


def test_every_view_belongs_to_a_format() -> None:
    assert sorted(view for views in FORMATS.values() for view in views) == sorted(VIEWS)
    assert {name: views[0] for name, views in FORMATS.items()} == {"pdf": "pdf", "csv": "csv", "json": "json"}
