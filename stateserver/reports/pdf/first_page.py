"""The first page: whether the blast was good, told in ten seconds, and the place to sign it."""

from collections.abc import Callable, Iterable
from typing import Final

from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.reports.detonators import AWAITED, SILENT_BEFORE
from stateserver.reports.pdf.fonts import Face
from stateserver.reports.pdf.notice_box import draw_notices
from stateserver.reports.pdf.notices import notices_of
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.signs import draw_cross, draw_dots, draw_tick, draw_warning, fill_bar
from stateserver.reports.pdf.style import (
    AMBER,
    BLUE,
    BODY,
    CAPTION,
    GREEN,
    GREY,
    HAIRLINE,
    INK,
    LEFT,
    PAGE_HEIGHT,
    PAPER,
    RED,
    RIGHT,
    SMALL,
    SMALL_BOLD,
    SMALL_GREY,
    WIDTH,
    Style,
)
from stateserver.reports.pdf.text import fit, width_of, wrap
from stateserver.reports.pictures import Pictures
from stateserver.reports.times import write_duration
from stateserver.reports.verdict import Level, explain_how, misfires_words, verdict_of
from stateserver.reports.wording import HOW, NOTHING, nouns_of, number, unit_words

Icon = Callable[[Canvas, float, float, float, Color], None]
LOOKS: Final[dict[Level, tuple[Color, Icon]]] = {
    Level.GOOD: (GREEN, draw_tick),
    Level.CAUTION: (AMBER, draw_warning),
    Level.BAD: (RED, draw_cross),
    Level.OPEN: (BLUE, draw_dots),
}
TITLE: Final = Style(Face.BOLD, 19)
SYSTEM: Final = Style(Face.BOLD, 12)
PANEL_HEIGHT: Final = 74.0
EXPLANATION: Final = Style(Face.REGULAR, 10, PAPER)
EXPLANATION_LINES_MAX: Final = 6
SIGN_BOTTOM: Final = 50.0
SIGN_ROW: Final = 28.0
INSPECTION_HEIGHT: Final = 46.0
SIGN_HEIGHT: Final = 16 + 2 * SIGN_ROW + INSPECTION_HEIGHT
SIGNATURE_TOP: Final = SIGN_BOTTOM + SIGN_HEIGHT + 8
FACTS_HEIGHT: Final = 60.0
LEGEND_SHARES: Final = {FIRED: 0.26, AWAITED: 0.26, MISSED: 0.18, UNREPORTED: 0.29, SILENT_BEFORE: 0.27}
REMARK_PITCH: Final = 21.0
REMARK_LINES_MAX: Final = 10


def draw_first_page(paper: Paper, pictures: Pictures) -> None:
    """Draw it all, from the verdict down to the signature."""
    paper.canvas.bookmarkPage("summary")
    paper.canvas.addOutlineEntry("Summary", "summary", level=0)
    _draw_title(paper)
    _draw_verdict(paper)
    _draw_figures(paper)
    _draw_outcomes(paper)
    notices = notices_of(paper.report, pictures, paper.clock)
    draw_notices(paper, notices, SIGNATURE_TOP + FACTS_HEIGHT + 8)
    _draw_remarks(paper, SIGNATURE_TOP + FACTS_HEIGHT + 8)
    _draw_facts(paper, SIGNATURE_TOP + FACTS_HEIGHT)
    _draw_signature(paper)


def _draw_title(paper: Paper) -> None:
    report, base = paper.report, PAGE_HEIGHT - 56
    room = RIGHT - 20 - paper.words(LEFT, base, "Blast report", TITLE)
    paper.text(RIGHT, base, fit(report.system, SYSTEM.face, SYSTEM.size, room), SYSTEM, Align.RIGHT)
    paper.text(LEFT, base - 15, f"{report.mode.value.replace('_', ' ')}, {unit_words(report.control_unit)}", BODY)
    initiated = f"Initiated {paper.clock.site(report.initiated)} ({paper.clock.name})"
    paper.text(RIGHT, base - 15, initiated, BODY, Align.RIGHT)
    paper.y = base - 25


def _draw_verdict(paper: Paper) -> None:
    verdict = verdict_of(paper.report)
    colour, icon = LOOKS[verdict.level]
    canvas, top = paper.canvas, paper.y
    left, room = LEFT + 78, WIDTH - 90
    headline = verdict.headline.upper()
    size = next((size for size in (25, 22, 19, 17, 15, 13) if width_of(headline, Face.BOLD, size) <= room), 11)
    explanation = wrap(verdict.explanation, EXPLANATION.face, EXPLANATION.size, room)[:EXPLANATION_LINES_MAX]
    height = max(PANEL_HEIGHT, size + 5 + len(explanation) * 12.5 + 18)
    bottom = top - height
    canvas.setFillColor(colour)
    canvas.rect(LEFT, bottom, WIDTH, height, stroke=0, fill=1)
    icon(canvas, LEFT + 39, bottom + height / 2, 23, PAPER)
    base = top - (height - size - 5 - len(explanation) * 12.5) / 2 - size * 0.86
    paper.text(left, base, fit(headline, Face.BOLD, size, room), Style(Face.BOLD, size, PAPER))
    base -= 4
    for line in explanation:
        base -= 12.5
        paper.text(left, base, line, EXPLANATION)
    paper.y = bottom - 8


def _draw_figures(paper: Paper) -> None:
    report, nouns = paper.report, nouns_of(paper.report.mode)
    aborted = "" if report.aborted is None else "Firing was aborted. "
    told, boosters = report.detonators, report.boosters
    misfires = "missed, unreported and silent before: to be treated as such by law"
    boxes = (
        ("HOW IT CLOSED", HOW[report.how], aborted + explain_how(report), bool(aborted)),
        ("MISFIRES", number(told.misfires), misfires, bool(told.misfires)),
        (
            f"{nouns.detonators} presumed fired".upper(),
            f"{number(told.fired)} of {number(told.total)}",
            "they no longer answer",
            told.fired is not None and told.fired < max(1, told.total),
        ),
        (
            f"{nouns.boosters} presumed fired".upper(),
            f"{number(boosters.fired)} of {number(boosters.active)}",
            f"with each of their {nouns.detonators}, and none silent before",
            boosters.fired is not None and boosters.fired < max(1, boosters.active),
        ),
    )
    gap, height = 6.0, 70.0
    width = (WIDTH - (len(boxes) - 1) * gap) / len(boxes)
    for index, (caption, figure, words, alarming) in enumerate(boxes):
        x, top = LEFT + index * (width + gap), paper.y
        paper.canvas.setStrokeColor(GREY)
        paper.canvas.setLineWidth(0.8)
        paper.canvas.rect(x, top - height, width, height)
        small = next(size for size in (6.8, 6.2, 5.6, 5.0, 4.4) if width_of(caption, Face.BOLD, size) <= width - 12)
        paper.text(x + 6, top - 12, caption, Style(Face.BOLD, small, GREY))
        size = next(size for size in (22, 19, 17, 14, 12, 10, 8) if width_of(figure, Face.BOLD, size) <= width - 12)
        paper.text(x + 6, top - 36, figure, Style(Face.BOLD, size, RED if alarming else INK))
        for line, text in enumerate(wrap(words, SMALL.face, SMALL.size, width - 12)[:3]):
            paper.text(x + 6, top - 47.5 - line * 8, text, SMALL)
    paper.y -= height + 9


def _draw_outcomes(paper: Paper) -> None:
    """All detonators of the blast as one bar, with its legend."""
    told = paper.report.detonators
    rows = [
        (FIRED, told.fired, "presumed fired", "no longer answers"),
        (MISSED, told.missed, "missed", "still answers"),
        (UNREPORTED, told.unreported, "unreported", "nothing tells whether they fired"),
        (SILENT_BEFORE, told.silent_before, "silent before", "did not answer at the start"),
    ]
    if paper.report.closed is None:
        rows = [(AWAITED, told.answering_before, "watched", "answered at the start"), rows[3]]
    x, height = LEFT, 13.0
    paper.y -= height
    for outcome, count, _, _ in rows:
        if count and told.total:
            width = WIDTH * count / told.total
            fill_bar(paper.canvas, outcome, x, paper.y, width, height)
            x += width
    if not told.total:
        paper.canvas.setStrokeColor(HAIRLINE)
        paper.canvas.rect(LEFT, paper.y, WIDTH, height)
    x = LEFT
    for outcome, count, name, words in rows:
        fill_bar(paper.canvas, outcome, x, paper.y - 20, 11, 11)
        colour = RED if count and outcome in (MISSED, UNREPORTED, SILENT_BEFORE) else INK
        figure = Style(Face.BOLD, 11, colour)
        end = paper.words(x + 16, paper.y - 18.5, number(count), figure)
        paper.text(end + 4, paper.y - 18.5, name, Style(Face.BOLD, 8.5, colour))
        paper.text(x + 16, paper.y - 28, words, SMALL_GREY)
        x += WIDTH * LEGEND_SHARES[outcome]
    paper.y -= 38


def _draw_remarks(paper: Paper, bottom: float) -> None:
    """Lines to write on by hand, in what room is left."""
    top = paper.y - 14
    count = min(REMARK_LINES_MAX, int((top - bottom - 6) / REMARK_PITCH))
    if count < 1:
        return
    paper.text(LEFT, top - 4, "REMARKS", CAPTION)
    for line in range(count):
        paper.rule(top - 6 - (line + 1) * REMARK_PITCH)


def _draw_facts(paper: Paper, top: float) -> None:
    report, clock = paper.report, paper.clock
    paper.rule(top)
    instants = (
        ("Initiated", report.initiated, None),
        ("Firing complete", report.firing_complete, report.durations.firing if report.aborted is None else None),
        ("Firing aborted", report.aborted, report.durations.firing if report.firing_complete is None else None),
        ("Closed", report.closed, report.durations.total),
    )
    local, utc, after = LEFT + 92, LEFT + 232, LEFT + 372
    base = top - 11
    paper.text(local, base, "UTC" if clock.is_utc else fit(clock.name, CAPTION.face, CAPTION.size, 130), CAPTION)
    if not clock.is_utc:
        paper.text(utc, base, "UTC", CAPTION)
    paper.text(after, base, "AFTER IT WAS INITIATED", CAPTION)
    for what, at, duration in instants:
        base -= 10.8
        paper.text(LEFT, base, what, SMALL_BOLD)
        paper.text(local, base, NOTHING if at is None else clock.site(at), SMALL)
        if not clock.is_utc:
            paper.text(utc, base, NOTHING if at is None else clock.utc(at), SMALL)
        if at is not None and at != report.initiated:
            since = at - report.initiated if duration is None else duration
            paper.text(after, base, write_duration(since), SMALL)


_SIGNERS: Final = ("Blaster", "Second signatory")
_SIGN_FIELDS: Final = (("name", 8.0, 130.0), ("licence no.", 146.0, 84.0), ("signature", 238.0, 146.0))
_DATE_FIELD: Final = ("date and time", 392.0, 105.0)
_INSPECTION_FIELDS: Final = (
    ("misfires found", 8.0, 70.0),
    ("where, and what was done with them", 86.0, 168.0),
    ("inspected by", 262.0, 122.0),
    _DATE_FIELD,
)


def _draw_signature(paper: Paper) -> None:
    """The result of the misfire inspection, and two signatures, to be written by hand."""
    canvas, top = paper.canvas, SIGN_BOTTOM + SIGN_HEIGHT
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(0.8)
    canvas.rect(LEFT, SIGN_BOTTOM, WIDTH, SIGN_HEIGHT)
    paper.rule(top - INSPECTION_HEIGHT, INK, 0.8)
    told = misfires_words(paper.report.detonators) if paper.report.closed is not None else "Misfires: not known yet"
    paper.text(LEFT + 8, top - 12, "Misfire inspection", SMALL_BOLD)
    paper.text(RIGHT - 8, top - 12, f"By this report: {told[:1].lower()}{told[1:]}", SMALL, Align.RIGHT)
    _draw_fields(paper, top - INSPECTION_HEIGHT + 14, _INSPECTION_FIELDS)
    base = top - INSPECTION_HEIGHT - 11
    statement = "I have read this report, checked the site as it calls for, and take it as the record of this blast."
    if paper.report.closed is None:
        statement = "This blast is still open: sign the report of the closed one."
    paper.text(LEFT + 8, base, statement, SMALL)
    for signer in _SIGNERS:
        base -= SIGN_ROW
        fields = [(f"{signer}'s {name}" if name == "name" else name, x, width) for name, x, width in _SIGN_FIELDS]
        _draw_fields(paper, base + 8, (*fields, _DATE_FIELD))


def _draw_fields(paper: Paper, base: float, fields: Iterable[tuple[str, float, float]]) -> None:
    """Lines to write on, with what is wanted below each."""
    for name, offset, width in fields:
        x = LEFT + offset
        paper.canvas.setStrokeColor(INK)
        paper.canvas.setLineWidth(0.6)
        paper.canvas.line(x, base, x + width, base)
        paper.text(x, base - 8.5, f"{name[:1].upper()}{name[1:]}", SMALL_GREY)
