"""The box of the first page with what must be read: every booster is named, with its windows while there is room."""

from collections.abc import Sequence

from stateserver.reports.pdf.fonts import Face
from stateserver.reports.pdf.notices import Item, Notice
from stateserver.reports.pdf.paper import Paper
from stateserver.reports.pdf.signs import draw_warning
from stateserver.reports.pdf.style import GREY, LEFT, RED, RIGHT, SMALL, SMALL_BOLD, WIDTH, Style
from stateserver.reports.pdf.text import wrap
from stateserver.reports.wording import counted, nouns_of, number_ranges, unit_words

LINE = 9.6
FRAME = 24.0
INDENT = 8.0
REFERENCE_WIDTH = 42.0


class Block:
    """A notice as lines, in as much room as it gets."""

    def __init__(self, notice: Notice, paper: Paper, width: float, *, is_brief: bool) -> None:
        self.notice = notice
        title = notice.brief if is_brief and notice.brief else notice.title
        self._nouns = nouns_of(paper.report.mode)
        self._width = width
        self.title = wrap(title, SMALL_BOLD.face, SMALL_BOLD.size, width - REFERENCE_WIDTH)
        self._told = [self._wrapped(item.told) for item in notice.items]
        self.wanted = len(self.title) + sum(map(len, self._told))
        self.least = len(self.title) + (len(self._also(notice.items)) if notice.items else 0)

    def _wrapped(self, text: str) -> list[str]:
        return wrap(text, SMALL.face, SMALL.size, self._width - INDENT)

    def _also(self, items: Sequence[Item]) -> list[str]:
        """The boosters that there is no room to say more of, by their numbers."""
        serials = sorted({int(item.unit.rpartition("/")[2]) for item in items})
        if len(serials) == 1:
            return self._wrapped(f"{unit_words(items[0].unit)}: see there")
        which = f"{self._nouns.boosters} {number_ranges(serials)}".capitalize()
        return self._wrapped(f"{which}: see there")

    def lines(self, room: int) -> list[str]:
        """What stands below the title, of no more than so many lines with it."""
        if self.wanted <= room:
            return [line for lines in self._told for line in lines]
        room -= len(self.title)
        for count in range(len(self._told) - 1, -1, -1):
            also = self._also(self.notice.items[count:])
            shown = [line for lines in self._told[:count] for line in lines]
            if len(shown) + len(also) <= room:
                return shown + also
        return self._cut(room)

    def _cut(self, room: int) -> list[str]:
        if room < 1:
            return []
        every = counted(len({item.unit for item in self.notice.items}), self._nouns.booster, self._nouns.boosters)
        return [*self._also(self.notice.items)[: room - 1], f"{every} in all"]


def draw_notices(paper: Paper, notices: list[Notice], bottom: float) -> None:
    """Draw what there is between the paper's place and `bottom`; the chapters further on say it all."""
    if not notices:
        return
    endangers = any(notice.endangers for notice in notices)
    colour, left = (RED, LEFT + 46) if endangers else (GREY, LEFT + 8)
    lines = int((paper.y - bottom - FRAME) / LINE)
    blocks = [Block(notice, paper, RIGHT - left - 8, is_brief=False) for notice in notices]
    if sum(block.least for block in blocks) > lines:
        blocks = [Block(notice, paper, RIGHT - left - 8, is_brief=True) for notice in notices]
    top = paper.y
    paper.y -= 15
    title = "READ BEFORE ANYBODY GOES IN" if endangers else "TO NOTE"
    paper.text(left, paper.y, title, Style(Face.BOLD, 10.5 if endangers else 8.5, colour))
    paper.y -= 3
    wanted, least = [block.wanted for block in blocks], [block.least for block in blocks]
    if sum(least) > lines:
        wanted, least = least, [len(block.title) for block in blocks]
    for block, share in zip(blocks, share_lines(wanted, least, lines), strict=True):
        _draw_block(paper, block, left, share)
    paper.y -= 6
    _draw_frame(paper, top, colour_is_danger=endangers)


def share_lines(wanted: list[int], least: list[int], lines: int) -> list[int]:
    """How many lines each gets of those there are: its least, then in turn as long as it wants more."""
    shares = list(least)
    left = lines - sum(least)
    while left > 0 and any(share < most for share, most in zip(shares, wanted, strict=True)):
        for index, most in enumerate(wanted):
            if shares[index] < most and left > 0:
                shares[index] += 1
                left -= 1
    return shares


def _draw_block(paper: Paper, block: Block, left: float, share: int) -> None:
    *but_last, last = block.title
    for line in but_last:
        paper.y -= LINE
        paper.text(left, paper.y + 2, line, SMALL_BOLD)
    paper.y -= LINE
    end = paper.words(left, paper.y + 2, f"{last} Page ", SMALL_BOLD)
    paper.refer(block.notice.chapter, end, paper.y + 2)
    for line in block.lines(share):
        paper.y -= LINE
        paper.text(left + INDENT, paper.y + 2, line, SMALL)


def _draw_frame(paper: Paper, top: float, *, colour_is_danger: bool) -> None:
    canvas, colour = paper.canvas, RED if colour_is_danger else GREY
    thickness = 2.2 if colour_is_danger else 0.8
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(thickness)
    canvas.rect(LEFT + thickness / 2, paper.y, WIDTH - thickness, top - paper.y)
    if colour_is_danger:
        draw_warning(canvas, LEFT + 24, top - 20, 13, colour)
