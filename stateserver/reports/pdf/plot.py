"""The planned firing times of all detonators: how many were to fire when, and what became of them."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from stateserver.domain.blast import FIRED, MISSED, UNREPORTED
from stateserver.protocol.modes import MODES
from stateserver.reports.detonators import AWAITED, SILENT_BEFORE
from stateserver.reports.pdf.paper import Align, Paper
from stateserver.reports.pdf.signs import fill_bar
from stateserver.reports.pdf.style import GREY, HAIRLINE, INK, LEFT, RIGHT, SMALL, SMALL_GREY
from stateserver.reports.pictures import NO_DELAY, Picture, Pictures
from stateserver.reports.wording import counted, nouns_of, number

HEIGHT: Final = 190.0
LEFT_AXIS: Final = LEFT + 34.0
END: Final = 14.0  # room for half of the last delay
BINS_MAX: Final = 60
STACKED: Final = (FIRED, AWAITED, MISSED, UNREPORTED, SILENT_BEFORE)


class Plan(NamedTuple):
    """(bin, outcome) to how many; a bin holds the delays from bin * width to the next."""

    counts: Counter[tuple[int, str]]
    width: int
    earliest: int
    latest: int
    without_delay: int

    @property
    def planned(self) -> int:
        """How many detonators have a delay."""
        return self.counts.total()


def make_plan(pictures: dict[str, Picture]) -> Plan:
    """What was planned, in bins so broad that a person can tell them apart."""
    delays: Counter[tuple[int, str]] = Counter()
    for picture in pictures.values():
        delays.update((delay, outcome) for outcome, delay in picture.planned())
    without = sum(count for (delay, _), count in delays.items() if delay == NO_DELAY)
    known = {key: count for key, count in delays.items() if key[0] != NO_DELAY}
    earliest, latest = min((key[0] for key in known), default=0), max((key[0] for key in known), default=0)
    width = round_step((latest - earliest) / BINS_MAX)
    counts: Counter[tuple[int, str]] = Counter()
    for (delay, outcome), count in known.items():
        counts[delay // width, outcome] += count
    return Plan(counts, width, earliest, latest, without)


def round_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is no less."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= least:
                return digit * power
        power *= 10


def draw_plan(paper: Paper, pictures: Pictures) -> None:
    """The plot, or why there is none."""
    report, nouns = paper.report, nouns_of(paper.report.mode)
    if not report.active:
        return
    paper.chapter("plan", "Planned firing times", room=60 if MODES[report.mode].delay_ms_max is None else HEIGHT + 50)
    plan = make_plan(pictures.active)
    if not plan.planned:
        nobody = "This kind of system has no planned delays." if MODES[report.mode].delay_ms_max is None else None
        paper.paragraph(nobody or f"No {nouns.detonator} had told its delay when the blast was initiated.", SMALL)
        return
    told = f"{counted(plan.planned, nouns.detonator, nouns.detonators)} with planned delays from"
    told += f" {number(plan.earliest)} to {number(plan.latest)} ms; each bar is {number(plan.width)} ms wide."
    if plan.without_delay:
        told += f" {counted(plan.without_delay, nouns.detonator, nouns.detonators)} had told no delay."
    paper.paragraph(told, SMALL)
    paper.gap(10)
    _draw_axes(paper, plan)
    paper.y -= HEIGHT + 32


def _draw_axes(paper: Paper, plan: Plan) -> None:
    bins = range(min(key[0] for key in plan.counts), max(key[0] for key in plan.counts) + 1)
    totals: Counter[int] = Counter()
    for (index, _), count in plan.counts.items():
        totals[index] += count
    tick = round_step(max(totals.values()) / 5)
    top = -(-max(totals.values()) // tick) * tick
    bottom, scale = paper.y - HEIGHT, HEIGHT / top
    canvas = paper.canvas
    for count in range(0, top + 1, tick):
        base = bottom + count * scale
        canvas.setStrokeColor(HAIRLINE)
        canvas.setLineWidth(0.4)
        canvas.line(LEFT_AXIS, base, RIGHT, base)
        paper.text(LEFT_AXIS - 4, base - 2.4, number(count), SMALL_GREY, Align.RIGHT)
    pitch = (RIGHT - END - LEFT_AXIS) / len(bins)
    for index in bins:
        base = bottom
        for outcome in STACKED:
            count = plan.counts[index, outcome]
            if count:
                left = LEFT_AXIS + (index - bins.start) * pitch
                fill_bar(canvas, outcome, left + 0.12 * pitch, base, 0.76 * pitch, count * scale)
                base += count * scale
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(0.8)
    canvas.line(LEFT_AXIS, bottom, RIGHT, bottom)
    for delay in _delay_ticks(bins.start * plan.width, bins.stop * plan.width):
        x = LEFT_AXIS + (delay / plan.width - bins.start) * pitch
        canvas.setStrokeColor(GREY)
        canvas.line(x, bottom, x, bottom - 3)
        paper.text(x, bottom - 11, number(delay), SMALL_GREY, Align.CENTRE)
    nouns = nouns_of(paper.report.mode)
    paper.text((LEFT_AXIS + RIGHT) / 2, bottom - 23, "planned delay, ms", SMALL, Align.CENTRE)
    canvas.saveState()
    canvas.translate(LEFT + 5, bottom + HEIGHT / 2)
    canvas.rotate(90)
    paper.text(0, 0, nouns.detonators, SMALL, Align.CENTRE)
    canvas.restoreState()


def _delay_ticks(start: int, stop: int) -> Iterator[int]:
    step = round_step((stop - start) / 9)
    yield from range(-(-start // step) * step, stop + 1, step)
