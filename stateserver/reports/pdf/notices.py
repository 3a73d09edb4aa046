"""What must be acted upon, on the first page: missed detonators by name, and what may still be live."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from stateserver.domain.blast import MISSED, UNREPORTED
from stateserver.reports.document import ActiveBooster, OtherBooster, Report
from stateserver.reports.pdf.fonts import Face
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.signs import draw_warning
from stateserver.reports.pdf.style import AMBER, GREY, LEFT, PAPER, RED, RIGHT, SMALL, SMALL_BOLD, WIDTH, Style
from stateserver.reports.pdf.text import apart, fit
from stateserver.reports.pictures import Picture
from stateserver.reports.wording import Nouns, counted, nouns_of, number, reasons_words, unit_words

ENTRY: Final = Style(Face.BOLD, 7.8, RED)
ENTRIES_A_LINE: Final = 4
ENTRY_LEFT: Final = 132.0
ENTRY_WIDTH: Final = (WIDTH - ENTRY_LEFT) / ENTRIES_A_LINE
LINE: Final = 10.2
LABEL_WIDTH: Final = 120.0
FRAME: Final = 24.0


class MissedLine(NamedTuple):
    """Some missed detonators of one booster; `booster` is empty where the line before began it."""

    booster: str
    entries: list[tuple[int, str]]


class Notice(NamedTuple):
    """One kind of warning: what it is, whom it is about, a line each, and the chapter that says it all.

    `endangers`: somebody may come to harm by it.
    """

    title: str
    items: list[str]
    chapter: str
    endangers: bool = True

    @property
    def lines(self) -> int:
        """How many lines it takes to say it all."""
        return 1 + len(self.items)


def name_of(booster: ActiveBooster | OtherBooster) -> str:
    """A booster by its number and its label."""
    return unit_words(booster.unit) + (f" “{apart(booster.label)}”" if booster.label else "")


def short_name_of(booster: ActiveBooster | OtherBooster) -> str:
    """As name_of, with no more of the label than leaves room for what is said of the booster."""
    label = fit(booster.label or "", SMALL.face, SMALL.size, LABEL_WIDTH)
    return unit_words(booster.unit) + (f" “{apart(label)}”" if label else "")


def identity_of(booster: ActiveBooster, window_id: int, uid: str | None, pictures: dict[str, Picture]) -> str:
    """A detonator's uid; a type 1 booster's serial; `unknown` where nobody told it."""
    serial = pictures[booster.unit].serials.get(window_id)
    return uid or ("unknown" if serial is None else str(serial))


def window_ranges(windows: Iterable[int]) -> str:
    """Ascending window ids in short: `1-52, 54, 60-100`."""
    spans: list[list[int]] = []
    for window in windows:
        if spans and window == spans[-1][1] + 1:
            spans[-1][1] = window
        else:
            spans.append([window, window])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def draw_notices(paper: Paper, pictures: dict[str, Picture], bottom: float) -> None:
    """Draw what there is between the paper's place and `bottom`; what finds no room is said to be further on."""
    report = paper.report
    missed = list(_missed_lines(report, pictures))
    notices = list(_notices(report))
    lines = int((paper.y - bottom - 2 * FRAME) / LINE)
    wanted = sum(notice.lines for notice in notices)
    for_notices = min(wanted, max(lines - len(missed), lines // 2))
    if missed:
        _draw_missed(paper, missed, lines - for_notices)
    if notices:
        _draw_warnings(paper, notices, for_notices)


def _missed_lines(report: Report, pictures: dict[str, Picture]) -> Iterator[MissedLine]:
    for booster in report.active:
        missed = [one for one in booster.not_fired or () if one.outcome == MISSED]
        for start in range(0, len(missed), ENTRIES_A_LINE):
            some = missed[start : start + ENTRIES_A_LINE]
            entries = [(one.window_id, identity_of(booster, one.window_id, one.uid, pictures)) for one in some]
            yield MissedLine(name_of(booster) if start == 0 else "", entries)


def _draw_missed(paper: Paper, missed: list[MissedLine], lines: int) -> None:
    nouns, count = nouns_of(paper.report.mode), paper.report.detonators.missed or 0
    fitting = missed if len(missed) <= lines else missed[: max(1, lines - 1)]
    height = 15.0
    paper.canvas.setFillColor(RED)
    paper.canvas.rect(LEFT, paper.y - height, WIDTH, height, stroke=0, fill=1)
    title = f"MISSED: {counted(count, nouns.detonator, nouns.detonators)} still {_verb(count, 'answers', 'answer')}"
    paper.text(LEFT + 6, paper.y - 11, title, Style(Face.BOLD, 9.5, PAPER))
    columns = f"{nouns.booster}, then {nouns.window} and {nouns.identity} of each"
    paper.text(RIGHT - 6, paper.y - 10.5, columns, Style(Face.REGULAR, 7.8, PAPER), Align.RIGHT)
    paper.y -= height + 2
    for line in fitting:
        paper.y -= LINE
        paper.text(LEFT + 6, paper.y + 2, fit(line.booster, Face.BOLD, ENTRY.size, ENTRY_LEFT - 12), ENTRY)
        for index, (window_id, identity) in enumerate(line.entries):
            x = LEFT + ENTRY_LEFT + index * ENTRY_WIDTH
            paper.text(x + 18, paper.y + 2, str(window_id), ENTRY, Align.RIGHT)
            paper.text(x + 24, paper.y + 2, identity, Style(Face.REGULAR, ENTRY.size, RED))
    rest = count - sum(len(line.entries) for line in fitting)
    if rest:
        paper.y -= LINE
        end = paper.words(LEFT + 6, paper.y + 2, f"and {number(rest)} more; all are listed from page ", ENTRY)
        paper.refer("not-fired", end, paper.y + 2)
    paper.y -= 9


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _notices(report: Report) -> Iterator[Notice]:
    nouns, told = nouns_of(report.mode), report.detonators
    if report.possibly_live:
        count = sum(booster.detonators for booster in report.possibly_live)
        live = counted(len(report.possibly_live), nouns.booster, nouns.boosters)
        title = (
            f"Possibly live: {live} with {counted(count, nouns.detonator, nouns.detonators)}, not part of this blast."
        )
        yield Notice(title, [_live_item(booster, nouns) for booster in report.possibly_live], "others")
    if told.unreported:
        title = f"Unreported: {counted(told.unreported, nouns.detonator, nouns.detonators)}."
        title += f" Nothing tells whether {_verb(told.unreported, 'it', 'they')} fired."
        windows = {
            booster: [one.window_id for one in booster.not_fired or () if one.outcome == UNREPORTED]
            for booster in report.active
        }
        yield Notice(title, _windows_items(windows, nouns), "not-fired")
    if told.silent_before:
        title = f"Silent before: {counted(told.silent_before, nouns.detonator, nouns.detonators)} did not answer"
        title += f" at the start. Nobody can say what became of {_verb(told.silent_before, 'it', 'them')}."
        windows = {booster: [one.window_id for one in booster.silent_before] for booster in report.active}
        yield Notice(title, _windows_items(windows, nouns), "not-fired")
    if report.frames.missing or report.frames.rejected:
        missing = counted(report.frames.missing, "frame", "frames")
        title = f"Data: {missing} missing and {number(report.frames.rejected)} rejected during the blast."
        yield Notice(title, [], "quality", endangers=False)
    if report.warnings:
        title = f"Faults: {counted(len(report.warnings), 'warning', 'warnings')} open when it was initiated."
        yield Notice(title, [], "warnings", endangers=False)


def _live_item(booster: OtherBooster, nouns: Nouns) -> str:
    held = counted(booster.detonators, nouns.detonator, nouns.detonators)
    return f"{short_name_of(booster)}: {held}; {reasons_words(booster.why, nouns)}"


def _windows_items(windows: dict[ActiveBooster, list[int]], nouns: Nouns) -> list[str]:
    return [
        f"{short_name_of(booster)}: {number(len(some))} of {number(booster.before.detonators)},"
        f" {nouns.window}{'' if len(some) == 1 else 's'} {window_ranges(some)}"
        for booster, some in windows.items()
        if some
    ]


def share_lines(wanted: list[int], lines: int) -> list[int]:
    """How many lines each gets of those there are: one at least, then in turn as long as it wants more."""
    shares = [1] * len(wanted)
    left = lines - len(wanted)
    while left > 0 and shares != wanted:
        for index, most in enumerate(wanted):
            if shares[index] < most and left > 0:
                shares[index] += 1
                left -= 1
    return shares


def _draw_warnings(paper: Paper, notices: list[Notice], lines: int) -> None:
    canvas, top = paper.canvas, paper.y
    endangers = any(notice.endangers for notice in notices)
    colour, left = (AMBER, LEFT + 46) if endangers else (GREY, LEFT + 8)
    paper.y -= 15
    title = "WARNING: READ BEFORE ANYBODY GOES IN" if endangers else "TO NOTE"
    paper.text(left, paper.y, title, Style(Face.BOLD, 10.5 if endangers else 8.5, colour))
    paper.y -= 3
    shares = share_lines([notice.lines for notice in notices], lines)
    for notice, share in zip(notices, shares, strict=True):
        _draw_notice(paper, notice, left, share)
    paper.y -= 6
    thickness = 2.2 if endangers else 0.8
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(thickness)
    canvas.rect(LEFT + thickness / 2, paper.y, WIDTH - thickness, top - paper.y)
    if endangers:
        draw_warning(canvas, LEFT + 24, top - 20, 13, colour)


def _draw_notice(paper: Paper, notice: Notice, left: float, lines: int) -> None:
    paper.y -= LINE
    end = paper.words(left, paper.y + 2, f"{notice.title} Page ", SMALL_BOLD)
    paper.refer(notice.chapter, end, paper.y + 2)
    shown = notice.items if notice.lines <= lines else notice.items[: max(0, lines - 2)]
    for item in shown:
        paper.y -= LINE
        paper.text(left + 8, paper.y + 2, fit(item, SMALL.face, SMALL.size, RIGHT - left - 16), SMALL)
    if len(shown) < len(notice.items) and lines > 1:
        paper.y -= LINE
        paper.text(left + 8, paper.y + 2, f"and {number(len(notice.items) - len(shown))} more", SMALL)
