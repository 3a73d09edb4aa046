"""What must be read before anybody goes in: who misfired, what contradicts the verdict, what may still be live.

Only what the document says stands here; nothing of it is judged anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from stateserver.domain.attention import ANSWERS_AT_END, START_UNSEEN
from stateserver.domain.blast import MISSED, UNREPORTED
from stateserver.domain.change import FIRE_BUTTON_REPEATED
from stateserver.reports.document import Report
from stateserver.reports.pdf.naming import places_words, short_name, windows_words
from stateserver.reports.pictures import Pictures
from stateserver.reports.rows import (
    NO_EVIDENCE,
    ActiveBooster,
    Attention,
    OtherBooster,
)
from stateserver.reports.times import SiteClock
from stateserver.reports.verdict import superseding_blast
from stateserver.reports.wording import (
    WHYS,
    Nouns,
    attention_words,
    counted,
    nouns_of,
    number,
    reasons_words,
    unit_words,
)

PRESSES_MAX: Final = 4


class Item(NamedTuple):
    """What is said of one booster."""

    unit: str
    told: str


class Notice(NamedTuple):
    """One kind of thing to be read: what it is, a line or more each booster, and the chapter that says it all.

    `endangers`: somebody may come to harm by it. `brief` stands for the title where room is short.
    """

    title: str
    items: list[Item]
    chapter: str
    endangers: bool = True
    brief: str = ""


class _Told(NamedTuple):
    report: Report
    pictures: Pictures
    nouns: Nouns

    def label(self, unit: str) -> str | None:
        return self.pictures.labels.get(unit)

    def item(self, booster: str, before: str, windows: Iterable[int], after: str = "") -> Item:
        """A booster with windows of it: `<booster>: <before>, <windows>; <after>`."""
        numbers = list(windows)
        name = f"{short_name(booster, self.label(booster))}: "
        lead, tail = f"{before}, " if before else "", f"; {after}" if after else ""
        places = self.pictures.places(booster, numbers)
        return Item(booster, f"{name}{lead}{places_words(places, self.nouns)}{tail}")


def notices_of(report: Report, pictures: Pictures, clock: SiteClock) -> list[Notice]:
    """All there is to be read, what is most dangerous first."""
    told = _Told(report, pictures, nouns_of(report.mode))
    attention = _grouped(report.attention or ())
    found = [*_missed(told), *_of_attention(told, attention.pop((ANSWERS_AT_END, None), [])), *_possibly_live(told)]
    found += [*_unreported(told), *_silent(told)]
    for rows in attention.values():
        found += _of_attention(told, rows)
    return [*found, *_presses(told, clock), *_superseded(told, clock), *_data(told), *_faults(told)]


def _grouped(attention: Iterable[Attention]) -> dict[tuple[str, str | None], list[Attention]]:
    found: dict[tuple[str, str | None], list[Attention]] = defaultdict(list)
    for one in attention:
        found[one.what, one.field].append(one)
    return found


def _missed(told: _Told) -> Iterator[Notice]:
    count, nouns = told.report.detonators.missed, told.nouns
    if not count:
        return
    title = f"Missed: {counted(count, nouns.detonator, nouns.detonators)} still {_verb(count, 'answers', 'answer')}."
    items = [
        told.item(booster.unit, _share(booster, windows), windows)
        for booster, windows in _with_outcome(told.report, MISSED, None)
    ]
    yield Notice(title, items, "not-fired")


def _with_outcome(report: Report, outcome: str, why: str | None) -> Iterator[tuple[ActiveBooster, list[int]]]:
    for booster in report.active:
        windows = [one.window_id for one in booster.not_fired or () if (one.outcome, one.why) == (outcome, why)]
        if windows:
            yield booster, windows


def _share(booster: ActiveBooster, windows: list[int]) -> str:
    return f"{number(len(windows))} of {number(booster.before.detonators)}"


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _possibly_live(told: _Told) -> Iterator[Notice]:
    live, nouns = told.report.possibly_live, told.nouns
    if live:
        count = sum(booster.detonators for booster in live)
        title = f"Possibly live: {counted(len(live), nouns.booster, nouns.boosters)} with"
        title += f" {counted(count, nouns.detonator, nouns.detonators)}, not part of this blast."
        yield Notice(title, [_live_item(told, booster) for booster in live], "others")


def _live_item(told: _Told, booster: OtherBooster) -> Item:
    held = counted(booster.detonators, told.nouns.detonator, told.nouns.detonators)
    before = f"{short_name(booster.unit, booster.label)}: {held}; {reasons_words(booster.why, told.nouns)}"
    at_end = state_at_end(booster, told.pictures, told.nouns)
    return Item(booster.unit, f"{before}. {at_end}" if at_end else before)


def state_at_end(booster: OtherBooster, pictures: Pictures, nouns: Nouns) -> str:
    """What a booster that took no part is like at the end; empty while the blast is open."""
    if booster.after is None:
        return ""
    fields = pictures.at_end.get(booster.unit, {})
    states = [
        "key switch on" if fields.get("key_switch") else "key switch off",
        "communicating" if fields.get("communication_status") else "not communicating",
        counted(booster.after.detonators, nouns.detonator, nouns.detonators),
    ]
    if booster.after.detonators:
        heard = pictures.heard.get(booster.unit)
        if heard is None:
            states.append("none heard since")
        else:
            states.append(f"{number(heard.answering)} of the {number(heard.detonators)} heard since answer")
    return f"At the end: {', '.join(states)}"


def _unreported(told: _Told) -> Iterator[Notice]:
    count, nouns = told.report.detonators.unreported, told.nouns
    if not count:
        return
    title = f"Unreported: {counted(count, nouns.detonator, nouns.detonators)}."
    title += f" Nothing tells whether {_verb(count, 'it', 'they')} fired."
    items = [
        told.item(booster.unit, _share(booster, windows), windows, words if why != NO_EVIDENCE else "")
        for why, words in WHYS.items()
        for booster, windows in _with_outcome(told.report, UNREPORTED, why)
    ]
    yield Notice(title, items, "not-fired")


def _silent(told: _Told) -> Iterator[Notice]:
    count, nouns = told.report.detonators.silent_before, told.nouns
    if not count:
        return
    answered = answered_later(told.report)
    items, later = [], 0
    for booster in told.report.active:
        windows = [one.window_id for one in booster.silent_before]
        if not windows:
            continue
        some = [window for window in windows if window in answered.get(booster.unit, ())]
        later += len(some)
        after = f"{windows_words(some, nouns)} answered later" if some else ""
        items.append(told.item(booster.unit, _share(booster, windows), windows, after))
    title = f"Silent before: {counted(count, nouns.detonator, nouns.detonators)} did not answer at the start."
    if later:
        every = "It" if count == 1 else "All of them"
        title += f" {every if later == count else f'{number(later)} of them'} answered later."
    if any(one.what == START_UNSEEN for one in told.report.attention or ()):
        title += " They may have fired: the start was not seen."
    elif told.report.closed is not None and later < count:
        title += f" Nothing tells what became of {'the others' if later else _verb(count, 'it', 'them')}."
    yield Notice(title, items, "not-fired")


def answered_later(report: Report) -> dict[str, set[int]]:
    """The windows that answered after the start, by booster: while the blast was open, or at its end."""
    found: dict[str, set[int]] = defaultdict(set)
    for unit in report.answered:
        booster, _, window = unit.rsplit("/", 2)
        found[booster].add(int(window))
    for one in report.attention or ():
        if one.what == ANSWERS_AT_END:
            found[one.unit].update(one.windows or ())
    return found


def _of_attention(told: _Told, rows: list[Attention]) -> Iterator[Notice]:
    if not rows:
        return
    words = attention_words(rows[0].what, told.nouns, rows[0].field)
    count = sum(len(one.windows or ()) for one in rows)
    held = f": {counted(count, told.nouns.detonator, told.nouns.detonators)}" if count else ""
    items = []
    for one in rows:
        if one.windows is None:
            items.append(Item(one.unit, short_name(one.unit, told.label(one.unit))))
        else:
            items.append(told.item(one.unit, number(len(one.windows)), one.windows))
    brief = f"{words.title[:1].upper()}{words.title[1:]}{held}."
    yield Notice(f"{brief} {words.meaning}", items, "attention", brief=brief)


def _presses(told: _Told, clock: SiteClock) -> Iterator[Notice]:
    presses = list(told.report.events_of({FIRE_BUTTON_REPEATED}))
    if presses:
        some = [f"{unit_words(one.unit)} at {clock.site(one.at)}" for one in presses[:PRESSES_MAX]]
        more = f" and {number(len(presses) - PRESSES_MAX)} more" if len(presses) > PRESSES_MAX else ""
        title = f"Fire button pressed again: {counted(len(presses), 'time', 'times')}, {', '.join(some)}{more}."
        yield Notice(title, [], "timeline", endangers=False)


def _superseded(told: _Told, clock: SiteClock) -> Iterator[Notice]:
    blast, closed = superseding_blast(told.report), told.report.closed
    if blast is not None and closed is not None:
        title = f"Superseded: blast {blast} was initiated at {clock.site(closed)}, and closed this one."
        yield Notice(title, [], "timeline", endangers=False)


def _data(told: _Told) -> Iterator[Notice]:
    frames = told.report.frames
    if frames.missing or frames.rejected:
        missing = counted(frames.missing, "frame", "frames")
        title = f"Data: {missing} missing and {number(frames.rejected)} rejected during the blast."
        yield Notice(title, [], "quality", endangers=False)


def _faults(told: _Told) -> Iterator[Notice]:
    before, after = told.report.warnings, told.report.warnings_after or ()
    if before or after:
        title = f"Faults: {counted(len(before), 'warning', 'warnings')} open when it was initiated"
        title += "." if told.report.closed is None else f", {number(len(after))} at the end."
        yield Notice(title, [], "warnings", endangers=False)
