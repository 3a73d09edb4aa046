"""The timeline, made short: what many units did alike is one row."""

from collections.abc import Iterable

from stateserver.domain.change import UNIT_CHANGED, Change
from stateserver.protocol.modes import Mode
from stateserver.reports.condense import STEPS, Entry, condense
from stateserver.reports.event_wording import kind_words
from stateserver.reports.pdf.naming import labelled, places_words
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.style import SMALL, SMALL_BOLD, SMALL_GREY, WIDTH
from stateserver.reports.pdf.table import Cell, Column, Table
from stateserver.reports.pictures import Pictures
from stateserver.reports.wording import counted, nouns_of, number, unit_words, units_words

TIME_WIDTH = 126.0


def draw_timeline(paper: Paper, pictures: Pictures) -> None:
    """All that happened while the blast was open."""
    paper.chapter("timeline", "Timeline")
    draw_events(paper, paper.report.timeline(), pictures)
    total = paper.report.timeline_length
    paper.gap(5)
    told = f"{counted(total, 'event', 'events')} in all; what many did alike is one row here."
    told += " The CSV of the timeline has each by itself."
    paper.paragraph(told, SMALL_GREY)


def draw_events(paper: Paper, changes: Iterable[Change], pictures: Pictures) -> None:
    """Events as a table."""
    clock, initiated = paper.clock, paper.report.initiated
    columns = [Column("Event", 52, Align.RIGHT), Column("UTC" if clock.is_utc else clock.name, TIME_WIDTH)]
    columns += [Column("After, s", 48, Align.RIGHT), Column("Unit", 136)]
    table = Table(paper, [*columns, Column("What happened", WIDTH - sum(column.width for column in columns))])
    entry = None
    for entry in condense(changes, clock):
        first = entry.first
        after = f"{(first.at - initiated) / 1000:.3f}"
        if entry.last_at != first.at:
            after += f" to {(entry.last_at - initiated) / 1000:.3f}"
        table.row(
            _versions(entry),
            clock.site(first.at),
            after,
            _subject(entry, pictures, paper.report.mode),
            _happened(entry),
        )
    if entry is None:
        paper.paragraph("None.", SMALL)


def _versions(entry: Entry) -> str:
    """The numbers of the events: from and to, and how many where others lie between."""
    first, last = entry.first.version, entry.last_version
    if first == last:
        return str(first)
    span = f"{first}-{last}"
    return span if entry.count == last - first + 1 else f"{span} ({number(entry.count)})"


def _subject(entry: Entry, pictures: Pictures, mode: Mode) -> str:
    """Whom it is about: units, or the source whose frames are missing."""
    units = [unit for unit in entry.units if unit is not None]
    if not units:
        return unit_words(None) if entry.first.source is None else f"Source {entry.first.source}"
    if len(units) == 1:
        return labelled(units[0], pictures.labels.get(units[0]))
    if all(unit.count("/") == 3 for unit in units):
        booster = units[0].rsplit("/", 2)[0]
        windows = sorted(int(unit.rpartition("/")[2]) for unit in units)
        places = [place._replace(delay=None) for place in pictures.places(booster, windows)]
        return f"{labelled(booster, pictures.labels.get(booster))}, {places_words(places, nouns_of(mode))}"
    return units_words(units)


def _happened(entry: Entry) -> Cell:
    words = entry.told()
    if entry.kind == UNIT_CHANGED:
        return Cell(words)
    kind = kind_words(entry.kind)
    return Cell(f"{kind}: {words}" if words else kind, SMALL_BOLD if entry.kind in STEPS else SMALL)
