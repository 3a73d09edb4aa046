"""Every misfire by name, and everything that needs attention: what the first page points to."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from stateserver.domain.blast import MISSED, UNREPORTED
from stateserver.reports.document import Report
from stateserver.reports.pdf.fonts import Face
from stateserver.reports.pdf.naming import identity_of, labelled, name_of, places_words
from stateserver.reports.pdf.notices import answered_later
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.style import SMALL, SMALL_BOLD, SMALL_RED, WIDTH, Style
from stateserver.reports.pdf.table import Cell, Column, Table
from stateserver.reports.pictures import Picture, Pictures
from stateserver.reports.rows import CLEARED, NO_EVIDENCE, REPLACED, ActiveBooster
from stateserver.reports.wording import IBS_NOUNS, NOTHING, Nouns, attention_words, nouns_of, number

ENTRIES_A_ROW: Final = {True: 2, False: 3}
"""With labels, and without any."""

OUTCOME_WIDTH: Final = 84.0
WINDOW_WIDTH: Final = 33.0
IDENTITY_WIDTH: Final = 72.0
DELAY_WIDTH: Final = 34.0


class Kind(NamedTuple):
    """A way to misfire: outcome, why, and how it is called."""

    words: str
    style: Style
    windows: list[tuple[int, str | None]]


def draw_not_fired(paper: Paper, pictures: Pictures) -> None:
    """Every misfire: missed, unreported with why, silent before."""
    report, nouns = paper.report, nouns_of(paper.report.mode)
    paper.chapter("not-fired", "Misfires", room=60)
    if not any(booster.not_fired or booster.silent_before for booster in report.active):
        paper.paragraph("None." if report.closed else "Not known before the blast is closed.", SMALL)
        return
    # Where nobody gave labels, their place is worth more detonators a row.
    has_labels = any(picture.labels for picture in pictures.active.values())
    table = Table(paper, _columns(nouns, has_labels=has_labels))
    answered = answered_later(report)
    for booster in report.active:
        kinds = [kind for kind in _kinds(booster, answered.get(booster.unit, set())) if kind.windows]
        if not kinds:
            continue
        told = ", ".join(f"{number(len(kind.windows))} {kind.words}" for kind in kinds)
        table.banner(f"{name_of(booster)}: {told}")
        for kind in kinds:
            _draw_entries(table, kind, pictures.active[booster.unit], nouns, has_labels=has_labels)


def _columns(nouns: Nouns, *, has_labels: bool) -> list[Column]:
    label = (WIDTH - OUTCOME_WIDTH) / ENTRIES_A_ROW[True] - WINDOW_WIDTH - IDENTITY_WIDTH - DELAY_WIDTH
    columns = [Column("Outcome", OUTCOME_WIDTH)]
    for _ in range(ENTRIES_A_ROW[has_labels]):
        columns += [Column(nouns.window, WINDOW_WIDTH, Align.RIGHT), Column(nouns.identity, IDENTITY_WIDTH)]
        columns += [Column("label", label)] if has_labels else []
        columns.append(Column("delay, ms", DELAY_WIDTH, Align.RIGHT))
    return columns


def _kinds(booster: ActiveBooster, answered: set[int]) -> Iterable[Kind]:
    not_fired, silent = booster.not_fired or (), booster.silent_before
    for outcome, why, words in (
        (MISSED, None, "missed"),
        (UNREPORTED, CLEARED, "unreported: cleared"),
        (UNREPORTED, REPLACED, "unreported: replaced"),
        (UNREPORTED, NO_EVIDENCE, "unreported"),
    ):
        windows = [(one.window_id, one.uid) for one in not_fired if (one.outcome, one.why) == (outcome, why)]
        yield Kind(words, SMALL_RED if outcome == MISSED else SMALL, windows)
    later = [(one.window_id, one.uid) for one in silent if one.window_id in answered]
    yield Kind("silent, answered later", SMALL_RED, later)
    yield Kind("silent before", SMALL, [(one.window_id, one.uid) for one in silent if one.window_id not in answered])


def _draw_entries(table: Table, kind: Kind, picture: Picture, nouns: Nouns, *, has_labels: bool) -> None:
    bold = Style(Face.BOLD, kind.style.size, kind.style.colour)
    places = picture.places(window for window, _ in kind.windows)
    entries: list[list[str | Cell]] = []
    for (window, uid), place in zip(kind.windows, places, strict=True):
        entry: list[str | Cell] = [Cell(str(window), bold), Cell(identity_of(picture, window, uid), kind.style)]
        entry += [Cell(place.label or "", kind.style)] if has_labels else []
        entry.append("" if nouns is IBS_NOUNS else str(NOTHING if place.delay is None else place.delay))
        entries.append(entry)
    a_row = ENTRIES_A_ROW[has_labels]
    for start in range(0, len(entries), a_row):
        cells: list[str | Cell] = [cell for entry in entries[start : start + a_row] for cell in entry]
        cells += [""] * (len(entries[0]) * a_row - len(cells))
        table.row(Cell(kind.words, kind.style), *cells)


def draw_attention(paper: Paper, pictures: Pictures) -> None:
    """What contradicts a good blast, a row a booster."""
    report = paper.report
    paper.chapter("attention", "Needs attention", room=60)
    if not report.attention:
        paper.paragraph("Nothing." if report.closed else "Not known before the blast is closed.", SMALL)
        return
    columns = [Column("What", 104), Column("Unit", 120), Column("Windows, labels, delays; meaning", WIDTH - 224)]
    table = Table(paper, columns)
    for title, unit, told in _attention_rows(report, pictures):
        table.row(Cell(title, SMALL_RED), Cell(unit, SMALL_BOLD), told)


def _attention_rows(report: Report, pictures: Pictures) -> Iterable[tuple[str, str, str]]:
    nouns, before = nouns_of(report.mode), None
    for one in report.attention or ():
        words = attention_words(one.what, nouns, one.field)
        windows = "" if one.windows is None else f"{places_words(pictures.places(one.unit, one.windows), nouns)}. "
        # What it means is said once, where the first of them stands.
        meaning = "" if (one.what, one.field) == before else words.meaning
        before = (one.what, one.field)
        yield words.title, labelled(one.unit, pictures.labels.get(one.unit)), f"{windows}{meaning}".strip()
