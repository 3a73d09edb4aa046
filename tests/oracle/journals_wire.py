"""The way of a random journal's records: sources with their numbers and clocks, late ones, the times of the append."""

import json
from collections.abc import Iterable
from random import Random
from typing import Any

from tests.oracle.journals_broken import bad_packet

# Most begin on a day like any other; some at the edges of what a time can be.
BEGINNINGS = (*[1_560_000_000_000] * 8, 0, 0, 2**53 - 8_000_000)
LATEST = 2**53 - 1
STEPS = (0, 0, 1, 1, 250, 400, 999, 1000, 1001, 3000, 3000, 10_000, 10_000, 59_000)
LONG_STEPS = (119_000, 300_000, 540_000, 599_999, 600_000, 600_001, 840_000, 1_200_000)
STRAYS = (1, 4_999, 5_000, 5_001, 5_001, 30_000, 599_000, 3_600_000)
LAGS = (0, 0, 0, 1, 40, 3_000)
BACKLOGS = (5_000, 5_001, 59_999, 60_000, 60_001, 3_600_000)


class Wire:
    """Writes the lines of a journal; `time` is the true time at the site."""

    def __init__(self, random: Random, mode: str) -> None:
        self.random = random
        self.default_mode = self.mode = mode
        self.lines: list[str] = []
        self.sources = random.choice([["ps-1"], ["ps-1"], ["file"], ["ps-1", "file"], ["", "ps-2", "ps-å"]])
        self.source = self.sources[0]
        self.late_source = random.choice(["ps-late", "ps-late", *self.sources])
        everybody = [*self.sources, self.late_source]
        self.numbers = {source: random.choice([0, 0, 119]) for source in everybody} | {"file": 0}
        self.clocks = dict.fromkeys([*everybody, "file"], 0)
        self.clocks[self.source] = random.choice([0] * 9 + [random.choice(STRAYS)])
        self.sent: list[dict[str, Any]] = []
        self.firsts: list[dict[str, Any]] = []
        # Instants that outcomes hang on; deadlines to come.
        self.time = random.choice(BEGINNINGS)
        self.marks = [self.time]
        self.deadlines: list[int] = []
        # How troubled this journal is: of each trouble a share of all lines. Nothing happens while it is calm.
        troubles = (0, 0.01, 0.04, 0.1)
        self.late, self.lost, self.broken = (random.choice(troubles) for _ in range(3))
        self.appends = random.choice([0, 0, 1, 1, 0.5])
        self.calm = False

    def chance(self, share: float) -> bool:
        return not self.calm and self.random.random() < share

    # Time.

    def pass_time(self) -> int:
        """Let the clock go on: a step, or to a deadline and a millisecond around it."""
        ahead = sorted(deadline for deadline in set(self.deadlines) if deadline >= self.time)
        if self.calm:
            self.time += self.random.choice([0, 1, 400, 1000])
        elif ahead and self.random.random() < 0.08:
            self.time = max(self.time, self.random.choice(ahead[:4]) + self.random.choice([-1, 0, 0, 1]))
        else:
            self.time += self.random.choice(STEPS if self.random.random() < 0.98 else LONG_STEPS)
        return self.time

    def set_clock(self) -> None:
        """A source's clock is set: off by something, or right again."""
        source = self.random.choice(self.sources)
        wrong = self.random.choice(STRAYS) * self.random.choice([1, 1, -1])
        if self.clocks[source] and self.random.random() < 0.6:
            wrong = 0
        self.clocks[source] = wrong

    # Lines.

    def write(self, row: dict[str, Any]) -> None:
        """A record as it is appended now; `created_at` is taken as it is."""
        row |= {name: min(max(0, row[name]), LATEST) for name in ("created_at", "appended_at") if name in row}
        if "appended_at" not in row and self.random.random() < self.appends:
            row["appended_at"] = min(self.time + self.lag(), LATEST)
        if self.mode != self.default_mode or self.random.random() < 0.02:
            row |= {"mode": self.mode}
        if self.random.random() < 0.03:
            row |= {"also": self.random.choice([None, 5, "x"])}
        self.lines.append(json.dumps(row, ensure_ascii=self.random.random() < 0.5))

    def lag(self) -> int:
        return self.random.choice(BACKLOGS) if self.chance(0.02) else self.random.choice(LAGS)

    def say(self, packets: Iterable[bytes], at: int | None = None, *, surely: bool = False) -> None:
        """Send packets, now or all created `at`; between them something may happen, one may be lost or broken."""
        for packet in packets:
            if not surely:
                self.between()
            if not surely and self.chance(self.lost):
                # The source has numbered it, or it has never heard of it.
                self.numbers[self.source] += self.random.randrange(2)
                continue
            broken = self.chance(self.broken)
            self.send(bad_packet(self.random, self.mode, packet) if broken else packet.hex(), at)

    def between(self) -> None:
        """What may happen between two packets."""

    def send(self, packet: str, at: int | None = None) -> None:
        if self.chance(0.05):
            self.source = self.random.choice(self.sources)
        if at is None and self.chance(self.late):
            self.send_late(packet)
        else:
            self.send_from(self.source, packet, (self.pass_time() if at is None else at) + self.clocks[self.source])

    def send_late(self, packet: str) -> None:
        """From another Packet Server, which kept it back; or a little late from the same."""
        near = self.random.choice(self.marks[-6:]) + self.random.choice([-1, 0, 1])
        away = self.time - self.random.choice([1, 1, 400, 1000, 30_000, 599_999, 700_000])
        if self.random.random() < 0.8:
            self.send_from(self.late_source, packet, self.random.choice([near, near, away]))
        else:
            self.send_from(self.source, packet, self.time - self.random.choice([1, 1000, 4_999, 5_000, 5_001]))

    def send_from(self, source: str, packet: str, created_at: int) -> None:
        self.numbers[source] += self.random.choice([1] * 60 + [2, 3, 50]) if not self.calm else 1
        row: dict[str, Any] = {"created_at": created_at, "packet": packet, "source": source}
        row["sequence"] = self.numbers[source]
        if self.random.random() < 0.02:
            row |= {"packet": packet.upper(), "kind": "frame"}
        if self.chance(0.02):
            del row["sequence"]
        else:
            self.sent.append(row)
            self.firsts += [row] * (row["sequence"] == 1)
        # Silence, and a press whose boosters leave the line at the instant of this silence.
        self.deadlines += [created_at + 600_000] * 3 + [created_at + 599_000]
        if source == "file":
            row = {name: value for name, value in row.items() if name not in {"source", "sequence"}}
        self.write(row)

    def tick(self) -> None:
        if self.random.random() < 0.3:
            self.time += self.random.choice([420_000, 540_000, 600_000, 840_000])
        past = self.time - self.random.choice([0, 0, 1, 5000])
        created_at = past if self.random.random() < 0.2 else self.pass_time()
        row: dict[str, Any] = {"created_at": created_at, "kind": "tick"}
        if self.random.random() < 0.1:
            row["appended_at"] = created_at + self.random.choice([-5_001, -1, 0, 60_000])
        self.write(row)

    # What goes wrong with numbers.

    def repeat(self) -> None:
        """A frame again, as it was, or as if it were another."""
        if not self.sent:
            return
        row = dict(self.random.choice(self.firsts or self.sent if self.random.random() < 0.3 else self.sent[-8:]))
        if self.random.random() < 0.4:
            row["created_at"] = self.random.choice([self.time, self.time + 1, row["created_at"] - 1])
        if self.random.random() < 0.3:
            row["sequence"] += self.random.choice([-1, 1, 2])
        if self.random.random() < 0.3:
            row.pop("appended_at", None)
        self.numbers[row["source"]] = row["sequence"]
        if self.random.random() < 0.5:
            self.numbers[row["source"]] = max(sent["sequence"] for sent in self.sent if sent["source"] == row["source"])
        self.write(row)

    def jumble(self, packets: list[bytes]) -> None:
        """Frames with numbers in any order, some broken: some are accounted for, some are missing."""
        source, start = self.source, self.numbers[self.source]
        for packet in packets:
            broken = self.random.random() < 0.6
            self.numbers[source] = max(0, start + self.random.randint(0, 4) - 1)
            text = bad_packet(self.random, self.mode, packet) if broken else packet.hex()
            self.send_from(source, text, self.pass_time() + self.clocks[source])
            if self.sent and self.random.random() < 0.2:
                self.write(dict(self.sent[-self.random.randint(1, min(4, len(self.sent)))]))
            start = start if broken else max(start, self.numbers[source])
        self.numbers[source] = max(start, self.numbers[source] - self.random.randrange(2))

    def restart(self, packets: list[bytes]) -> None:
        """A source numbers its frames anew, perhaps by another clock; some come twice, or nearly so."""
        self.numbers[self.source] = self.random.choice([0, 0, 0, max(0, self.numbers[self.source] - 5)])
        if self.random.random() < 0.3:
            self.set_clock()
        back = self.random.choice([0, 0, 1, 4_000, 4_999, 5_000])
        for packet in packets:
            self.time += self.random.choice([0, 1, 250])
            self.send_from(self.source, packet.hex(), self.time + self.clocks[self.source] - back)
        if self.sent and self.random.random() < 0.5:
            row = dict(self.sent[-self.random.choice([1, 1, min(2, len(self.sent))])])
            row["created_at"] += self.random.choice([0, 0, 1, 1_000, -1])
            row["appended_at"] = row["created_at"] + self.random.choice([0, 1, 5_000, -1, -5_001])
            self.write(row)
