"""One blasting system: the aggregate that a journal is folded into (spec page 2)."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from stateserver.domain.blast import Blast
from stateserver.domain.change import Fields
from stateserver.domain.unit import Unit
from stateserver.protocol.commands import UnitType
from stateserver.protocol.modes import Mode

FAR_FUTURE: Final = sys.maxsize
"""A time after all others, in ms since 1970."""
ITSELF: Final = -1
"""Stands for a speaking unit among its own windows."""

COMMANDS_ROW: Final = "commands"
MEMORY_ROW: Final = "memory"
"""What is written apart from the system's own row, as it seldom changes: ids of commands, the last blast's memory."""

Places = dict[str, set[int]]
"""Units, by the path of the one that speaks: its windows, and ITSELF."""


@dataclass(slots=True)
class Source:
    """How far a Packet Server's numbering and its clock have come. Times in ms since 1970.

    `created_at_max` is the highest `created_at` as it was sent, `first_created_at` that of its last frame number 1;
    `last_time` the time of the last applied frame. `is_ahead`: that frame was created after it was appended.
    `accounted` frames were rejected since the last applied one, so they did come; `last_accounted` is the last one's
    number.
    """

    last_sequence: int
    created_at_max: int
    last_time: int
    first_created_at: int | None = None
    is_ahead: bool = False
    accounted: int = 0
    last_accounted: int = 0


@dataclass(slots=True)
class OpenWarning:
    """An open warning. Times in ms since 1970."""

    unit: str
    field: str
    raised: int
    acknowledged: int | None = None
    actor: str | None = None
    note: str | None = None


class Remembered(NamedTuple):
    """What the last blast said of a detonator that may yet be heard of, and who it was at the start."""

    outcome: str
    identity: int | None


class AnsweredAfterBlast(NamedTuple):
    """A detonator (a unit path) that answered at `at` (ms since 1970), though its blast's report says otherwise."""

    unit: str
    blast: str
    outcome: str
    at: int


COMMAND_IDS_MAX: Final = 1_000
"""How many ids of operators' commands are known again (spec page 2, Commands)."""


class System:
    """Everything that a system's journal has led to. Changed by `apply` alone."""

    __slots__ = (
        "answered",
        "blast",
        "clock",
        "command_ids",
        "control",
        "counters",
        "deadline_floor",
        "dirty",
        "initiated",
        "mode",
        "moved",
        "name",
        "remembered",
        "remembered_blast",
        "rows",
        "rows_sum",
        "sources",
        "speakers",
        "time",
        "touched",
        "unpublished",
        "version",
        "warnings",
        "written_apart",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = 0
        # The highest time of frames and ticks, which never goes back, and the one since the clock was last set back.
        self.time: int | None = None
        self.clock: int | None = None
        self.mode: Mode | None = None
        self.speakers: dict[str, Unit] = {}
        self.control: Unit | None = None
        self.sources: dict[str, Source] = {}
        self.warnings: dict[tuple[str, str], OpenWarning] = {}
        self.blast: Blast | None = None
        self.initiated: set[int] = set()
        # Of the last closed blast: who may yet be heard of, by booster and window, and who was.
        self.remembered: dict[str, dict[int, Remembered]] = {}
        self.remembered_blast: str | None = None
        self.answered: dict[str, AnsweredAfterBlast] = {}
        # Ids of operators' commands, in the order in which they first came.
        self.command_ids: dict[str, None] = {}
        self.counters: Counter[str] = Counter()
        # No deadline lies before it; it may lag behind the earliest one, which is then looked for again.
        self.deadline_floor = FAR_FUTURE
        # For checkpoints: speaking units to write anew, units that events changed, speaking units whose as_of
        # (or a window's) has moved since the last rows and since it was last published, hashes of the rows.
        self.dirty: set[str] = set()
        self.touched: defaultdict[str, set[int]] = defaultdict(set)
        self.moved: set[str] = set()
        self.unpublished: dict[str, None] = {}
        # What lies in rows of its own and has changed since they were written.
        self.written_apart: set[str] = set()
        self.rows: dict[str, int] = {}
        self.rows_sum = 0

    @property
    def open_blast(self) -> Blast | None:
        """The blast under way, if there is one."""
        return self.blast

    def speakers_in_order(self) -> list[Unit]:
        """The units that speak, in path order."""
        return sorted(self.speakers.values(), key=lambda unit: unit.order)

    def units(self) -> Iterator[tuple[str, Fields]]:
        """(path, fields) of every unit, in path order."""
        for unit in self.speakers_in_order():
            yield unit.path, unit.fields()
            if unit.bank is not None:
                for window in unit.bank.windows():
                    yield unit.bank.path(window), unit.bank.fields(window)

    def find(self, path: str) -> tuple[Unit, int | None] | None:
        """The unit at `path`: a speaking unit, or one and the window in it. None where there is none."""
        unit = self.speakers.get(path)
        if unit is not None:
            return unit, None
        parent, _, window_text = path.rpartition("/")
        unit = self.speakers.get(parent.rpartition("/")[0])
        if unit is None or unit.bank is None or not (window_text.isascii() and window_text.isdigit()):
            return None
        window = int(window_text[:6])
        if window not in unit.bank or unit.bank.path(window) != path:
            return None
        return unit, window

    def unit(self, path: str) -> Fields | None:
        """What the unit at `path` holds, None where there is none."""
        found = self.find(path)
        if found is None:
            return None
        unit, window = found
        if window is None or unit.bank is None:
            return unit.fields()
        return unit.bank.fields(window)

    def unit_version(self, path: str) -> int:
        """The version of the event that last changed the unit at `path`. Raises KeyError where there is none."""
        found = self.find(path)
        if found is None:
            raise KeyError(path)
        unit, window = found
        return unit.version if window is None or unit.bank is None else unit.bank.versions[window]

    def note_command(self, command_id: str) -> bool:
        """Whether a command's id is a new one. From then on it is known."""
        if command_id in self.command_ids:
            return False
        self.command_ids[command_id] = None
        if len(self.command_ids) > COMMAND_IDS_MAX:
            del self.command_ids[next(iter(self.command_ids))]
        self.written_apart.add(COMMANDS_ROW)
        return True

    def boosters(self, mode: Mode) -> list[Unit]:
        """What plays the booster's part in `mode`, in path order: boosters type 2, or section controllers."""
        booster_type = UnitType.SECTION_CONTROLLER if mode is Mode.IBS else UnitType.BOOSTER_TYPE_2
        return [unit for unit in self.speakers_in_order() if unit.type is booster_type]
