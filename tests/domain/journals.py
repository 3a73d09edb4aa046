"""Random journals: a small site whose equipment, Packet Servers and operators do anything at all.

Made from a seed rather than from hypothesis' own draws, which would cost ten times as much; the length shrinks, so
a failure is shown with the shortest journal of its seed that shows it.
"""

import json
from random import Random
from typing import Final

from hypothesis import strategies as st

from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.protocol.commands import commands_in
from stateserver.protocol.decode import Message
from stateserver.protocol.encode import encode
from stateserver.protocol.layout import Layout
from stateserver.protocol.modes import MODES, Mode

START: Final = 1_560_000_000_000
WINDOWS: Final = 6
# Nothing, a moment, what deadlines lie at, and a long silence.
PAUSES_MS: Final = (0, 0, 1, 200, 200, 200, 999, 1000, 1001, 60_000, 120_000, 300_000, 420_000, 599_999, 600_000)
LATENESS_MS: Final = (0,) * 12 + (1, 5_000, 700_000)
UNITS: Final = ("0/1", "0/2", "1/1", "1/1/2/1", "3/1", "3/2", "3/1/4/1", "3/2/4/5", "5/1", "7/7", "")
TEXTS: Final = ("", "anna", "bo", "Ort 12 å", "x" * 81, None, 7)
FIELDS: Final = ("cable_fault", "earth_leakage", "mains", "low_battery", "nothing")


class Site:
    """Says one thing after the other, in `mode` for the most part."""

    def __init__(self, seed: int, mode: Mode | None) -> None:
        self._random = Random(seed)
        self._mode = mode or self._random.choice(list(Mode))
        self._now = START
        self._sequence = 0
        self._behind = 0
        self._untimed = self._random.randrange(3) == 0
        self._records: list[Record] = []

    def journal(self, length: int) -> list[Record]:
        while len(self._records) < length:
            self._records.append(self._record())
        return self._records

    def _record(self) -> Record:
        random = self._random
        self._now += random.choice(PAUSES_MS)
        mode = self._mode if random.randrange(30) else random.choice(list(Mode))
        kind = random.randrange(14)
        if kind == 0:
            return TickRecord(self._now, mode, self._appended_at(self._now))
        if kind == 1:
            command = json.dumps(self._command()).encode()
            return CommandRecord(self._now, mode, command, self._appended_at(self._now))
        if kind == 2 and self._records:
            return random.choice(self._records)
        self._sequence = max(0, self._sequence + random.choice((1,) * 12 + (3, -2, 0)))
        created_at = max(0, self._now - random.choice(LATENESS_MS) - self._behind)
        if random.randrange(25) == 0:
            self._behind = random.choice((0, 3_000, 60_000, 3_600_000, -60_000))
        source = random.choice(("ps-1",) * 5 + ("ps-2",))
        return FrameRecord(created_at, mode, source, self._sequence, self._frame(mode), self._appended_at(created_at))

    def _appended_at(self, created_at: int) -> int | None:
        random = self._random
        return None if self._untimed else created_at + random.choice((0, 0, 30, 30, 2_000, 70_000, -1_000, -30_000))

    def _command(self) -> dict[str, object]:
        random = self._random
        choices = {"actor": TEXTS, "field": FIELDS, "label": TEXTS, "note": TEXTS, "unit": UNITS, "id": TEXTS}
        said: dict[str, object] = {name: random.choice(of) for name, of in choices.items() if random.randrange(8)}
        return {"action": random.choice(("acknowledge_warning", "label_unit", "retire_unit")), **said}

    def _frame(self, mode: Mode) -> bytes:
        random = self._random
        number = random.choice([8, *MODES[mode].commands])
        commands = commands_in(MODES[mode].commands)
        command = commands[number]
        if number == 4 and random.randrange(5) == 0:
            return encode(Message(4, random.randint(1, 3), None, [{"uid": 0xFFFFFFFF, "window_id": 255}]))
        head = self._chunk(command.head) if command.head else None
        items = [self._chunk(command.item) for _ in range(random.randrange(WINDOWS))] if command.item else []
        first = random.randint(1, WINDOWS)
        for at, item in enumerate(items):
            if "window_id" in item:
                item["window_id"] = first + at + (random.randrange(40) == 0)
        frame = encode(Message(number, random.randint(1, 3), head, items), commands)
        return frame if random.randrange(20) else frame[: random.randrange(len(frame))]

    def _chunk(self, layout: Layout) -> dict[str, int]:
        """Any content, with identities few enough to meet again."""
        return {field.name: self._random.randint(0, min(field.mask, 3)) for field in layout.fields}


def journals(mode: Mode | None = None, length_max: int = 80) -> st.SearchStrategy[list[Record]]:
    """A journal of one system."""
    return st.builds(
        lambda seed, length: Site(seed, mode).journal(length), st.integers(0, 2**32), st.integers(1, length_max)
    )
