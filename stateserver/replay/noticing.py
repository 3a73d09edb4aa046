"""What is likely wrong with a journal, noticed as its records go by: said to people, and never acted upon."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from stateserver.domain.change import STALE_FRAME, UNIT_ADDED, UNIT_CHANGED, Change
from stateserver.domain.records import FrameRecord, Record, UnreadableFrame
from stateserver.protocol.frame import parse
from stateserver.protocol.modes import MODES, Mode
from stateserver.protocol.reasons import Reason, Rejected
from stateserver.replay.mistakes import ARRAY, COMMA, Mistake, mistake_in

SECONDS: Final = range(500_000_000, 5_000_000_000)
"""From 1985 to 2128, were they seconds. As ms they would lie in the first weeks of 1970."""
MICROSECONDS: Final = range(500_000_000_000_000, 5_000_000_000_000_000)
OF_THE_MODE: Final = frozenset({Reason.COMMAND_NOT_IN_MODE, Reason.BAD_WINDOW})
OF_THE_LINE: Final = frozenset({Reason.BAD_ENCODING, Reason.BAD_HEX})
TRIED_MAX: Final = 20_000
ALIKE: Final = 0.98
MISTAKES_SHOWN_MAX: Final = 10


class Places:
    """Where something happened: how often, the first time, and where it was worst."""

    def __init__(self) -> None:
        self.count = 0
        self.first: int | str = ""
        self.worst = 0
        self.worst_at: int | str = ""

    def add(self, place: int | str, by: int = 0) -> None:
        """Once more, at this line (or place of the log), `by` so much."""
        if not self.count:
            self.first = place
        self.count += 1
        if by > self.worst:
            self.worst, self.worst_at = by, place

    def __str__(self) -> str:
        where = _place(self.first)
        return where if self.count == 1 else f"{self.count} lines, the first of them {where}"

    @property
    def worst_of_all(self) -> str:
        """How far it went, and where."""
        return f"{_duration(self.worst)} ({_place(self.worst_at)})"


class StaleFrames:
    """The frames that came later than newer data of their speaker."""

    def __init__(self) -> None:
        self._seen = Places()

    def look(self, place: int | str, changes: Sequence[Change]) -> None:
        """What a record caused."""
        for change in changes:
            if change.kind == STALE_FRAME:
                as_of = change.details.get("as_of")
                self._seen.add(place, as_of - change.at if isinstance(as_of, int) else 0)
            elif change.kind in {UNIT_ADDED, UNIT_CHANGED} and not change.deadline:
                return  # a frame tells that it is stale before anything else of its own

    def notes(self) -> list[str]:
        """A line where there were some."""
        if not self._seen.count:
            return []
        said = (
            f"stale frames: {self._seen.count}, by up to {self._seen.worst_of_all}: older than what was known of their"
            " unit by then, so nothing of it was changed. Sources are late, or files were put together out of order."
        )
        return [said]


class Noticing:
    """Looks at a file's records, whether they were applied or not; `notes` then says what is likely wrong."""

    def __init__(self) -> None:
        self._taken = self._rejected = self._frames_rejected = 0
        self._times: dict[str, Places] = {}
        self._back = Places()
        self._last: dict[str, int] = {}
        self._stale = StaleFrames()
        self._mistakes: dict[Mistake, Places] = {}
        self._commands = [0] * 256
        self._in_mode: Counter[Mode] = Counter()
        self._tried = 0

    def applied(self, line: int, record: Record, changes: Sequence[Change]) -> None:
        """A record that was applied, and what it caused."""
        self._taken += 1
        at = record.created_at
        if at < SECONDS.stop or at >= MICROSECONDS.start:
            self._look_at_time(line, at)
        if type(record) is FrameRecord:
            self._commands[record.frame[3]] += 1
            before = self._last.get(record.source, at)
            if at < before:
                self._back.add(line, before - at)
            self._last[record.source] = at
        if changes:
            self._stale.look(line, changes)

    def rejected(self, line: int, text: str, record: Record | None, rejected: Rejected) -> None:
        """A line that was rejected; `record` where it could be read as one."""
        self._rejected += 1
        if rejected.reason in OF_THE_LINE:
            mistake = mistake_in(text, rejected)
            if mistake is not None:
                self._mistakes.setdefault(mistake, Places()).add(line)
        if record is not None:
            self._look_at_time(line, record.created_at)
        if isinstance(record, FrameRecord | UnreadableFrame):
            self._frames_rejected += 1
        if isinstance(record, FrameRecord) and rejected.reason in OF_THE_MODE and self._tried < TRIED_MAX:
            self._tried += 1
            self._in_mode.update(mode for mode in Mode if _is_read(record.frame, mode))

    def notes(self) -> list[str]:
        """What is likely wrong, a line each."""
        return [
            *self._notes_of_lines(),
            *self._notes_of_times(),
            *self._notes_of_the_mode(),
            *self._notes_of_the_order(),
            *self._stale.notes(),
            *self._notes_of_the_whole(),
        ]

    def _look_at_time(self, line: int, at: int) -> None:
        unit = "seconds" if at in SECONDS else "microseconds" if at in MICROSECONDS else None
        if unit is not None:
            self._times.setdefault(unit, Places()).add(line)

    def _notes_of_lines(self) -> list[str]:
        mistakes = self._mistakes
        if ARRAY in mistakes:
            # What an array's lines look like one by one says nothing more.
            mistakes = {one: places for one, places in mistakes.items() if one != COMMA}
        worst = sorted(mistakes.items(), key=lambda item: (-item[1].count, item[0]))
        return [f"{places}: {mistake.what}. {mistake.to_do}" for mistake, places in worst[:MISTAKES_SHOWN_MAX]]

    def _notes_of_times(self) -> list[str]:
        to_do = {"seconds": "multiply them by 1000", "microseconds": "divide them by 1000"}
        return [
            f"{places}: `created_at` looks like {unit}. Give it in ms since 1970: {to_do[unit]}."
            for unit, places in self._times.items()
        ]

    def _notes_of_the_mode(self) -> list[str]:
        taken = sum(self._commands)
        whole = taken + self._frames_rejected
        read = {
            mode: self._in_mode[mode] + sum(self._commands[one] for one in rules.commands)
            for mode, rules in MODES.items()
        }
        most = max(read.values())
        # Frames that were damaged on the line pass in another mode now and then: a few prove nothing.
        if (most - taken) * 2 < self._tried or most <= taken:
            return []
        modes = " or ".join(mode for mode in Mode if read[mode] >= most * ALIKE)
        return [f"in mode {modes} {most} of the {whole} frames would be read, in this one {taken}. Is --mode right?"]

    def _notes_of_the_order(self) -> list[str]:
        back = self._back
        if not back.count:
            return []
        if back.count > 1 and back.count >= sum(self._commands) - len(self._last):
            return [f"each line is older than the one before it ({back}). Turn the file round: tac FILE"]
        said = (
            f"out of order: {back}, by up to {back.worst_of_all}, older than the frame of that source before. Lines lie"
            " in the order in which they came: sort them if an export lost it, leave them if a clock was set back."
        )
        return [said]

    def _notes_of_the_whole(self) -> list[str]:
        if not self._taken and not self._rejected:
            return ["there is no record in it. Give a file with a line for each."]
        if self._taken and self._frames_rejected and not any(self._commands):
            return [f"not one of its {self._frames_rejected} frames could be read. See rejected.jsonl for the reasons."]
        return []


def _is_read(frame: bytes, mode: Mode) -> bool:
    try:
        parse(frame, mode)
    except Rejected:
        return False
    return True


def _place(place: int | str) -> str:
    return f"line {place}" if isinstance(place, int) else place


def _duration(ms: int) -> str:
    return f"{ms} ms" if ms < 10_000 else f"{ms / 1000:.0f} s" if ms < 600_000 else f"{ms / 60_000:.0f} min"
