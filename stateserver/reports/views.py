"""The views there are of a report, by name: what the command line, replays and the gateway choose from."""

from collections.abc import Callable
from typing import BinaryIO, Final, NamedTuple
from zoneinfo import ZoneInfo

from stateserver.domain.blast import JsonObject
from stateserver.reports.csv_overview import write_blasts, write_summary, write_warnings
from stateserver.reports.csv_tables import write_boosters, write_detonators, write_timeline
from stateserver.reports.detonators import Snapshot
from stateserver.reports.document import Report, canonical_chunks
from stateserver.reports.pdf.book import write_pdf
from stateserver.reports.times import SiteClock


class Filed(NamedTuple):
    """All that a report is made of: its document, its snapshots (`end` is None while the blast is open)."""

    document: JsonObject
    start: Snapshot
    end: Snapshot | None


class View(NamedTuple):
    """`media_type` as HTTP names it; `write` raises UnreadableReport and WrongSnapshot."""

    media_type: str
    write: Callable[[Filed, ZoneInfo, BinaryIO], None]


def _pdf(filed: Filed, zone: ZoneInfo, out: BinaryIO) -> None:
    write_pdf(Report.parse(filed.document), filed.start, filed.end, SiteClock(zone), out)


def _detonators(filed: Filed, zone: ZoneInfo, out: BinaryIO) -> None:
    write_detonators(Report.parse(filed.document), filed.start, filed.end, SiteClock(zone), out)


def _boosters(filed: Filed, _zone: ZoneInfo, out: BinaryIO) -> None:
    write_boosters(Report.parse(filed.document), filed.start, filed.end, out)


def _timeline(filed: Filed, zone: ZoneInfo, out: BinaryIO) -> None:
    write_timeline(Report.parse(filed.document), filed.start, filed.end, SiteClock(zone), out)


def _warnings(filed: Filed, zone: ZoneInfo, out: BinaryIO) -> None:
    write_warnings(Report.parse(filed.document), filed.start, filed.end, SiteClock(zone), out)


def _blasts(filed: Filed, zone: ZoneInfo, out: BinaryIO) -> None:
    write_blasts([Report.parse(filed.document)], SiteClock(zone), out)


def _summary(filed: Filed, zone: ZoneInfo, out: BinaryIO) -> None:
    write_summary(Report.parse(filed.document), filed.start, filed.end, SiteClock(zone), out)


def _json(filed: Filed, _zone: ZoneInfo, out: BinaryIO) -> None:
    # Canonical, and nothing after it: the SHA-256 of the file is the document's.
    out.writelines(canonical_chunks(filed.document))


CSV_TYPE: Final = "text/csv; charset=utf-8"
BLASTS_VIEW: Final = "blasts.csv"
"""One row a blast: as a view that of this one, so that those of many can be laid together."""
VIEWS: Final = {
    "pdf": View("application/pdf", _pdf),
    "csv": View(CSV_TYPE, _detonators),
    "summary.csv": View(CSV_TYPE, _summary),
    "boosters.csv": View(CSV_TYPE, _boosters),
    "timeline.csv": View(CSV_TYPE, _timeline),
    "warnings.csv": View(CSV_TYPE, _warnings),
    BLASTS_VIEW: View(CSV_TYPE, _blasts),
    "json": View("application/json", _json),
}
FORMATS: Final = {
    "pdf": ("pdf",),
    "csv": ("csv", "summary.csv", "boosters.csv", "timeline.csv", "warnings.csv", BLASTS_VIEW),
    "json": ("json",),
}
"""The views that belong together; the first is the one meant where there can be only one."""
