"""The report as a PDF, from its first page to its last."""

from typing import BinaryIO

from stateserver.reports.detonators import Snapshot, check_snapshots
from stateserver.reports.document import Report
from stateserver.reports.pdf.boosters import draw_bars, draw_booster_table
from stateserver.reports.pdf.first_page import draw_first_page
from stateserver.reports.pdf.grids import draw_grids
from stateserver.reports.pdf.misfires import draw_attention, draw_not_fired
from stateserver.reports.pdf.paper import Paper
from stateserver.reports.pdf.plot import draw_plan
from stateserver.reports.pdf.records import draw_others, draw_quality, draw_warnings
from stateserver.reports.pdf.timeline import draw_timeline
from stateserver.reports.pictures import take_pictures
from stateserver.reports.times import SiteClock


def write_pdf(report: Report, start: Snapshot, end: Snapshot | None, clock: SiteClock, out: BinaryIO) -> None:
    """Write the report as a PDF: the same bytes for the same report, snapshots and time zone.

    Raises WrongSnapshot. It takes a while for a large blast: call it from a thread, or a process.
    """
    check_snapshots(report, start, end)
    pictures = take_pictures(report, start, end)
    paper = Paper(report, clock, out)
    draw_first_page(paper, pictures)
    paper.turn()
    draw_not_fired(paper, pictures)
    draw_attention(paper, pictures)
    draw_booster_table(paper, pictures)
    draw_bars(paper)
    draw_grids(paper, pictures)
    draw_plan(paper, pictures)
    draw_others(paper, pictures)
    draw_warnings(paper, pictures)
    draw_timeline(paper, pictures)
    draw_quality(paper, pictures)
    paper.finish()
