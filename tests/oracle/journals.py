"""Random journals: a site that is surveyed, armed, fired and looked at again, with all that can go wrong on the way.

A seed and a mode make the same journal everywhere. Rare corners are sought: times aim at deadlines and at the instants
that outcomes hang on, and miss them by a millisecond.
"""

import json
from collections.abc import Iterable
from random import Random
from typing import Any

from tests.oracle.journals_broken import BLANK_LINES, bad_line, bad_packet, command, odd_packet
from tests.oracle.journals_site import Site
from tests.oracle.reference_frame import MODES

# Most begin on a day like any other; some at the edges of what a time can be.
BEGINNINGS = (*[1_560_000_000_000] * 8, 0, 0, 2**53 - 4_000_000)
LATEST = 2**53 - 1
STEPS = (0, 0, 1, 1, 250, 400, 999, 1000, 1001, 3000, 3000, 10_000, 10_000, 59_000)
LONG_STEPS = (119_000, 300_000, 540_000, 599_999, 600_000, 600_001, 840_000, 1_200_000)
BUTTONS = ((0, 0), (0, 1), (1, 0), (1, 1))
MODE_NAMES = list(MODES)


def journal(mode: str, seed: int) -> list[str]:
    """The lines of the journal of this seed, for `stateserver replay --mode MODE`."""
    return _Journal(Random(f"{mode} {seed}"), mode).written()


class _Journal:
    def __init__(self, random: Random, mode: str) -> None:
        self.random = random
        self.default_mode = self.mode = mode
        self.lines: list[str] = []
        self.length = random.choice([30, 60, 60, 90, 90, 90, 160 if random.random() < 0.9 else 500])
        self.site = Site(random, random.choice([2, 3, 4, 4, 6, 6, 102 if random.random() < 0.03 else 8]), mode)
        self.sources = random.choice([["ps-1"], ["ps-1"], ["file"], ["ps-1", "file"], ["", "ps-2", "ps-å"]])
        self.source = self.sources[0]
        self.numbers = {source: random.choice([0, 0, 119]) for source in self.sources} | {"file": 0}
        self.sent: list[dict[str, Any]] = []
        # The clock of the site; instants that outcomes hang on; deadlines to come.
        self.time = random.choice(BEGINNINGS)
        self.marks = [self.time]
        self.deadlines: list[int] = []
        # How troubled this journal is: of each trouble a share of all lines.
        troubles = (0, 0.01, 0.04, 0.1)
        self.late, self.lost, self.broken, self.flips = (random.choice(troubles) for _ in range(4))
        self.happens = random.choice([0.1, 0.4, 0.7])

    def written(self) -> list[str]:
        self.random.choice(
            [self.survey, self.survey, self.one_frame, self.press_buttons, self.tick, self.tell_command]
        )()
        while len(self.lines) < self.length:
            self.random.choices([self.survey, self.blast, self.happening, self.press_buttons], [2, 5, 2, 1])[0]()
        if self.random.random() < 0.05:
            self.send(self.site.control_unit(self.site.control_units[0], 1, 1).hex(), LATEST)
            self.blast()
        return self.lines[: self.length + 60]

    # Time.

    def pass_time(self) -> int:
        """Let the clock go on: a step, or to a deadline and a millisecond around it."""
        ahead = sorted(deadline for deadline in set(self.deadlines) if deadline >= self.time)
        if ahead and self.random.random() < 0.08:
            self.time = max(self.time, self.random.choice(ahead[:4]) + self.random.choice([-1, 0, 0, 1]))
        else:
            self.time += self.random.choice(STEPS if self.random.random() < 0.98 else LONG_STEPS)
        return self.time

    def when(self) -> int:
        """When the next record is created: now, or late."""
        if self.random.random() < self.late:
            near = self.random.choice(self.marks[-6:]) + self.random.choice([-1, 0, 1])
            away = self.time - self.random.choice([1, 1, 400, 1000, 30_000, 599_999, 700_000])
            return self.random.choice([near, near, away])
        return self.pass_time()

    # Lines.

    def write(self, row: dict[str, Any]) -> None:
        row["created_at"] = min(max(0, row["created_at"]), LATEST)
        if self.mode != self.default_mode or self.random.random() < 0.02:
            row |= {"mode": self.mode}
        if self.random.random() < 0.03:
            row |= {"also": self.random.choice([None, 5, "x"])}
        self.lines.append(json.dumps(row, ensure_ascii=self.random.random() < 0.5))

    def say(self, packets: Iterable[bytes], at: int | None = None, *, surely: bool = False) -> None:
        """Send packets, now or all created `at`; between them something may happen, one may be lost or broken."""
        for packet in packets:
            if not surely and self.random.random() < self.happens * 0.15:
                self.happening()
            if not surely and self.random.random() < self.lost:
                continue
            broken = self.random.random() < self.broken
            text = bad_packet(self.random, self.mode, packet) if broken else packet.hex()
            self.send(text, self.when() if at is None else at)

    def send(self, packet: str, created_at: int) -> None:
        if self.random.random() < 0.05:
            self.source = self.random.choice(self.sources)
        self.numbers[self.source] += self.random.choice([1] * 60 + [2, 3, 50])
        row: dict[str, Any] = {"created_at": created_at, "packet": packet, "source": self.source}
        row["sequence"] = self.numbers[self.source]
        if self.random.random() < 0.02:
            row |= {"packet": packet.upper(), "kind": "frame"}
        if self.random.random() < 0.02:
            del row["sequence"]
        else:
            self.sent.append(dict(row))
        # Silence, and a press whose boosters leave the line at the instant of this silence.
        self.deadlines += [created_at + 600_000] * 3 + [created_at + 599_000]
        if self.source == "file":
            row = {name: value for name, value in row.items() if name not in {"source", "sequence"}}
        self.write(row)

    def tick(self) -> None:
        if self.random.random() < 0.3:
            self.time += self.random.choice([420_000, 540_000, 600_000, 840_000])
        past = self.time - self.random.choice([0, 0, 1, 5000])
        self.write({"created_at": past if self.random.random() < 0.2 else self.pass_time(), "kind": "tick"})

    def tell_command(self) -> None:
        paths = [f"0/{serial}" for serial in self.site.control_units]
        if self.mode == "IBS":
            paths += [f"1/{section.serial}" for section in self.site.sections]
        else:
            paths += [f"3/{booster.serial}" for booster in self.site.boosters]
        paths += [f"5/{serial}" for serial in self.site.cfcs if 36 in MODES[self.mode].commands]
        paths += [f"{path}/{2 if path[0] == '1' else 4}/1" for path in paths if path[0] in "13"]
        warnings = [(unit, field) for unit, field in self.site.troubled() if (unit[0] == "1") == (self.mode == "IBS")]
        created_at = self.random.choice([self.time, self.time + 1, self.time - 5000, 0, 2**53 - 1])
        row = {"created_at": created_at, "kind": "command", "command": command(self.random, paths, warnings)}
        for _ in range(self.random.choice([1, 1, 2])):
            self.write(dict(row))

    # What happens at a site.

    def survey(self) -> None:
        self.say(self.site.lists(self.mode))
        self.say(self.site.data(self.mode))

    def press_buttons(self) -> None:
        """A few steps of a control unit's key and button, in any order."""
        serial = self.random.choice(self.site.control_units)
        for _ in range(self.random.randint(1, 4)):
            self.operate(serial, *self.random.choice(BUTTONS))

    def operate(self, serial: int, key: int, fire: int, at: int | None = None) -> None:
        self.say([self.site.control_unit(serial, key, fire)], at, surely=self.random.random() < 0.8)
        at = self.time if at is None else at
        self.marks.append(at)
        if key and fire:
            facts = MODES[self.mode]
            over = at + facts.firing_time
            closed = over + facts.report_time
            # What speaks last at the fifth of these is lost at the very instant that the blast is closed.
            self.deadlines += [at + 1000, over, over, closed, closed - 600_000]

    def operate_at_once(self) -> None:
        """Several steps of one or two control units that all bear the same time: now, or that of an earlier one."""
        at = self.random.choice([self.pass_time(), *self.marks[-4:]])
        serial = self.random.choice(self.site.control_units)
        for key, fire in self.random.choice([((1, 1), (0, 0), (1, 1)), ((1, 1), (1, 0), (1, 1), (0, 0)), ((1, 1),)]):
            self.operate(serial, key, fire, at)
            if self.random.random() < 0.3:
                serial = self.random.choice(self.site.control_units)

    def blast(self) -> None:
        """Arm, fire, end firing somehow or not at all, look again."""
        serial = self.random.choice(self.site.control_units)
        self.site.turn_key(on=True)
        self.site.answer(self.random.choice([1, 1, 1, 0.8, 0]))
        if self.random.random() < 0.5:
            self.say(self.site.lists(self.mode))
        self.say(self.site.data(self.mode))
        if self.random.random() < 0.7:
            self.operate(serial, 1, 0)
        self.operate(serial, 1, 1)
        pressed = self.time
        self.site.reveal()
        if self.random.random() < self.flips:
            self.flip_mode()
        self.maybe_happen()
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            self.operate(serial, *self.random.choice([(1, 0), (0, 1), (1, 1), (1, 1)]))
        if self.random.random() < 0.9:
            self.operate(serial, *self.random.choice([(1, 0), (1, 0), (1, 0), (0, 0), (0, 1)]))
        for _ in range(self.random.choice([0, 1, 1, 2, 3])):
            self.look_again()
            if self.random.random() < 0.2:
                self.operate(serial, *self.random.choice([*BUTTONS, (1, 1), (1, 1)]))
        self.finish(serial, pressed)

    def finish(self, serial: int, pressed: int) -> None:
        """How a blast is left: to its timer, disarmed, pressed again when that is just allowed, or as it is."""
        ending, facts = self.random.random(), MODES[self.mode]
        if ending < 0.3:
            self.time += self.random.choice([facts.firing_time, facts.firing_time + facts.report_time])
            self.tick()
        elif ending < 0.6:
            self.operate(serial, 0, 0)
        elif ending < 0.75:
            over = pressed + facts.firing_time + self.random.choice([-1, 0, 1])
            if self.random.random() < 0.3:
                self.write({"created_at": over + 5000, "kind": "tick"})
            self.operate(self.random.choice([serial, *self.site.control_units]), 1, 1, over)
            self.time = max(self.time, over)

    def look_again(self) -> None:
        """What boosters say after firing: of all, some, or none of the detonators that they answer."""
        self.site.answer(self.random.choice([0, 0, 0, 0.2, 0.6, 1]))
        if self.random.random() < 0.15:
            self.site.turn_key(on=self.random.random() < 0.5)
        if self.random.random() < 0.1:
            self.say(self.site.lists(self.mode))
        at = self.marks[-1] + self.random.choice([-1, 0, 1, 1]) if self.random.random() < 0.3 else None
        self.say(self.site.data(self.mode), at)
        self.maybe_happen()

    def maybe_happen(self) -> None:
        while self.random.random() < self.happens:
            self.happening()

    def happening(self) -> None:
        kinds = [self.wander, self.clear, self.rename, self.tell_command, self.tick, self.trouble, self.repeat]
        kinds += [self.restart, self.flip_mode, self.key_off, self.one_frame, self.press_buttons]
        kinds += [self.operate_at_once, self.odd_frame]
        self.random.choices(kinds, [3, 2, 1, 3, 1, 1.5, 2, 0.5, 30 * self.flips, 2, 2, 1, 1, 1])[0]()

    def wander(self) -> None:
        for _ in range(self.random.randint(1, 4)):
            self.site.wander()
        self.one_frame()

    def one_frame(self) -> None:
        self.say([self.random.choice(self.site.lists(self.mode) + 2 * self.site.data(self.mode))])

    def odd_frame(self) -> None:
        """One that looks like a signal and is none, or is good at the very edge of the limits."""
        self.say([odd_packet(self.random, self.mode, self.random.choice([1, 9, 10]))])

    def clear(self) -> None:
        if self.mode == "IBS":
            return
        booster = self.random.choice(self.site.boosters)
        # Some were sent before the latest press, and come only now.
        late = self.random.random() < 0.2
        self.say(self.site.clear(booster), self.marks[-1] - self.random.choice([0, 1]) if late else None)
        self.marks.append(self.time)
        about = self.site.booster_list(self.mode, booster) + self.site.booster_data(self.mode, booster)
        if self.random.random() < 0.5:
            self.say(about, self.random.choice([None, self.time, self.time - 1]))

    def rename(self) -> None:
        take_back = self.site.rename()
        self.say(self.site.lists(self.mode))
        if self.random.random() < 0.3:
            take_back()
            self.say(self.site.lists(self.mode))

    def key_off(self) -> None:
        self.site.turn_key(on=self.random.random() < 0.4)
        self.site.answer(0.5)
        self.say(self.site.data(self.mode)[: self.random.choice([2, 9])])

    def trouble(self) -> None:
        """A line that is none, one that is blank, or a broken frame."""
        kind = self.random.random()
        if kind < 0.3:
            row = {"created_at": self.time, "packet": "aaaa0a08001705c07116"}
            self.lines.append(bad_line(self.random, row))
        elif kind < 0.4:
            self.lines.append(self.random.choice(BLANK_LINES))
        else:
            good = self.site.control_unit(self.site.control_units[0], 1, 1)
            self.send(bad_packet(self.random, self.mode, good), self.when())

    def repeat(self) -> None:
        """A frame again, as it was, or as if it were another."""
        if not self.sent:
            return
        row = dict(self.random.choice(self.sent[-8:]))
        if self.random.random() < 0.4:
            row["created_at"] = self.random.choice([self.time, self.time + 1, row["created_at"] - 1])
        if self.random.random() < 0.3:
            row["sequence"] += self.random.choice([-1, 1, 2])
        self.numbers[row["source"]] = row["sequence"]
        if self.random.random() < 0.5:
            self.numbers[row["source"]] = max(sent["sequence"] for sent in self.sent if sent["source"] == row["source"])
        self.write(row)

    def restart(self) -> None:
        """A source numbers its frames anew."""
        self.numbers[self.source] = self.random.choice([0, 0, max(0, self.numbers[self.source] - 5)])
        self.time += self.random.choice([0, 1, 10_000])
        self.one_frame()

    def flip_mode(self) -> None:
        """Another mode, carried by a frame, a tick or a command; most often soon back."""
        away = self.mode != self.default_mode and self.random.random() < 0.7
        self.mode = self.default_mode if away else self.random.choice(["IBS", self.default_mode, *MODE_NAMES])
        self.random.choice([self.survey, self.one_frame, self.tick, self.tell_command, self.press_buttons])()
