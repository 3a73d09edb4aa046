"""What happens at a random site between one blast and the next, and during one: frames, commands, troubles."""

import json
from random import Random

from tests.oracle.journals_broken import BLANK_LINES, bad_line, bad_packet, command, odd_packet
from tests.oracle.journals_packets import Packets, control_unit, packet
from tests.oracle.journals_site import Site
from tests.oracle.journals_wire import Wire
from tests.oracle.reference_frame import MODES

BUTTONS = ((0, 0), (0, 1), (1, 0), (1, 1))
MODE_NAMES = list(MODES)
NEWCOMERS = (77, 78)


class Happenings(Wire):
    """A site, what is said of it, and what may happen at any time."""

    def __init__(self, random: Random, mode: str) -> None:
        super().__init__(random, mode)
        self.site = Site(random, random.choice([2, 3, 4, 4, 6, 6, 102 if random.random() < 0.03 else 8]), mode)
        self.packets = Packets(random, self.site)
        self.flips = random.choice([0, 0, 0.01, 0.04, 0.1])
        self.happens = random.choice([0.1, 0.4, 0.7])

    def between(self) -> None:
        if self.chance(self.happens * 0.15):
            self.happening()

    def maybe_happen(self) -> None:
        while self.chance(self.happens):
            self.happening()

    def happening(self) -> None:
        kinds = [self.wander, self.clear, self.rename, self.tell_command, self.tick, self.trouble, self.repeat]
        kinds += [self.reboot, self.flip_mode, self.key_off, self.one_frame, self.press_buttons]
        kinds += [self.operate_at_once, self.odd_frame, self.set_clock, self.confuse, self.acknowledge]
        kinds += [self.newcomer, self.clear_late]
        self.random.choices(kinds, [3, 2, 1, 3, 1, 1.5, 2, 1.2, 30 * self.flips, 2, 2, 1, 1, 1, 1, 1, 0.5, 1, 1])[0]()

    # Frames.

    def survey(self) -> None:
        self.say(self.packets.lists(self.mode))
        self.say(self.packets.data(self.mode))

    def some_frame(self) -> bytes:
        return self.random.choice(self.packets.lists(self.mode) + 2 * self.packets.data(self.mode))

    def one_frame(self) -> None:
        self.say([self.some_frame()])

    def wander(self) -> None:
        for _ in range(self.random.randint(1, 4)):
            self.site.wander()
        self.one_frame()

    def odd_frame(self) -> None:
        """One that looks like a signal and is none, or is good at the very edge of the limits."""
        serials = [booster.serial for booster in self.site.boosters] * 2
        self.say([odd_packet(self.random, self.mode, self.random.choice([*serials, 1, 9, 10]))])

    def reboot(self) -> None:
        self.restart([self.some_frame() for _ in range(self.random.randint(1, 3))])

    def confuse(self) -> None:
        self.jumble([self.some_frame() for _ in range(self.random.randint(2, 5))])

    def clear(self) -> None:
        if self.mode == "IBS":
            return
        booster = self.random.choice(self.site.boosters)
        # Some were sent before the latest press, and come only now.
        late = self.random.random() < 0.2
        self.say(self.packets.clear(booster), self.marks[-1] - self.random.choice([0, 1]) if late else None)
        self.marks.append(self.time)
        about = self.packets.booster_list(self.mode, booster) + self.packets.booster_data(self.mode, booster)
        if self.random.random() < 0.5:
            self.say(about, self.random.choice([None, self.time, self.time - 1]))

    def clear_late(self) -> None:
        """A booster is cleared; what was sent of it before that, or is listed again, comes by another source."""
        if self.mode == "IBS":
            return
        booster, before = self.random.choice(self.site.boosters), self.time
        told = self.packets.booster_list(self.mode, booster) + self.packets.booster_data(self.mode, booster)
        signal = packet(4, booster.serial, b"\xff" * 5).hex()
        cleared = self.pass_time() + self.clocks[self.source]
        for back in self.random.choice([[0], [0], [0, 0], [0, 1_000], [0, 4_999, 1]]):
            self.send_from(self.source, signal, cleared - back)
        if self.random.random() < 0.3:
            self.send_from(self.source, self.some_frame().hex(), cleared - self.random.choice([5_001, 9_000]))
        for frame in told:
            at = self.random.choice([before, cleared - 1, cleared - 1, cleared, cleared + 1, cleared - 6_000])
            source = self.late_source if self.random.random() < 0.7 else self.source
            self.send_from(source, frame.hex(), at)

    def newcomer(self) -> None:
        """A booster or section controller that is only listed at first; its first own word was said before that."""
        serial = self.random.choice([*NEWCOMERS, *[booster.serial for booster in self.site.boosters]])
        if self.mode != "IBS" and self.random.random() < 0.3:
            self.say([packet(4, serial, b"\xff" * 5)])
        if self.random.random() < 0.7:
            path = f"{1 if self.mode == 'IBS' else 3}/{serial}"
            told = {"action": "retire_unit", "unit": path, "actor": "bo"}
            self.write({"created_at": self.time, "kind": "command", "command": told})
        self.say([packet(1, self.site.control_units[0], serial.to_bytes(2, "big"))], surely=True)
        own = packet(3, serial, bytes(4)) if self.mode == "IBS" else packet(5, serial, bytes([1, 0, 0, 9, 1, 3, 25, 0]))
        at = self.time - self.random.choice([0, 1, 400, 4_000])
        for source in [self.random.choice([*self.sources, self.late_source, self.late_source]), self.late_source]:
            self.send_from(source, own.hex(), at)
            at += self.random.choice([0, 1, 300])

    def retire_newcomers(self) -> None:
        for path in [f"{1 if self.mode == 'IBS' else 3}/{serial}" for serial in NEWCOMERS]:
            told = {"action": "retire_unit", "unit": path, "actor": "bo"}
            self.write({"created_at": self.time, "kind": "command", "command": told})

    def rename(self) -> None:
        take_back = self.site.rename()
        self.say(self.packets.lists(self.mode))
        if self.random.random() < 0.3:
            take_back()
            self.say(self.packets.lists(self.mode))

    def key_off(self) -> None:
        self.site.turn_key(on=self.random.random() < 0.4)
        self.site.answer(0.5)
        self.say(self.packets.data(self.mode)[: self.random.choice([2, 9])])

    def trouble(self) -> None:
        """A line that is none, one that is blank, or a broken frame."""
        kind = self.random.random()
        if kind < 0.4:
            row = {"created_at": self.time, "packet": "aaaa0a08001705c07116"}
            self.lines.append(bad_line(self.random, row))
        elif kind < 0.5:
            self.lines.append(self.random.choice(BLANK_LINES))
        else:
            self.send(bad_packet(self.random, self.mode, self.some_frame()))

    def flip_mode(self) -> None:
        """Another mode, carried by a frame, a tick or a command; most often soon back."""
        away = self.mode != self.default_mode and self.random.random() < 0.7
        self.mode = self.default_mode if away else self.random.choice(["IBS", self.default_mode, *MODE_NAMES])
        self.random.choice([self.survey, self.one_frame, self.tick, self.tell_command, self.press_buttons])()

    # The control unit.

    def press_buttons(self) -> None:
        """A few steps of a control unit's key and button, in any order."""
        serial = self.random.choice(self.site.control_units)
        for _ in range(self.random.randint(1, 4)):
            self.operate(serial, *self.random.choice(BUTTONS))

    def operate(self, serial: int, key: int, fire: int, at: int | None = None, *, firing: bool | None = None) -> None:
        """Key and button; the bit firing is as it should be, for the most part, or as told."""
        if firing is None:
            firing = bool(key and fire) if self.random.random() < 0.7 else self.random.random() < 0.5
        frame = control_unit(self.random, serial, (key, fire), firing=firing)
        self.say([frame], at, surely=self.random.random() < 0.8)
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

    # Commands.

    def paths(self) -> list[str]:
        """Of units that a command may name."""
        paths = [f"0/{serial}" for serial in self.site.control_units]
        if self.mode == "IBS":
            paths += [f"1/{section.serial}" for section in self.site.sections]
        else:
            paths += [f"3/{booster.serial}" for booster in self.site.boosters + self.site.hidden]
        paths += [f"5/{serial}" for serial in self.site.cfcs if 36 in MODES[self.mode].commands]
        return paths + [f"{path}/{2 if path[0] == '1' else 4}/1" for path in paths if path[0] in "13"]

    def tell_command(self) -> None:
        warnings = [(unit, field) for unit, field in self.site.troubled() if (unit[0] == "1") == (self.mode == "IBS")]
        created_at = self.random.choice([*[self.time] * 4, self.time + 1, self.time - 5000, 0, 2**53 - 1])
        told = command(self.random, self.paths(), warnings)
        if self.random.random() < 0.25:
            # As old as a command may be, or a millisecond older, perhaps a repeat; then in time.
            told = {"id": self.random.choice(["c-1", "c-2", "c-3", "c-4"])} | told
            old = self.time - self.random.choice([60_000, 60_001, 60_001])
            self.write({"created_at": old, "kind": "command", "command": told, "appended_at": self.time})
        for _ in range(self.random.choice([1, 1, 2])):
            self.write({"created_at": created_at, "kind": "command", "command": told})

    def acknowledge(self) -> None:
        """A good command about each warning that is open by rights."""
        for unit, field in self.site.troubled():
            told = {"action": "acknowledge_warning", "unit": unit, "field": field, "actor": "bo", "note": "seen"}
            self.write({"created_at": self.time, "kind": "command", "command": told})

    def tell_many(self) -> None:
        """More commands than there are ids that are known, then those again that may be forgotten."""
        path = self.random.choice(self.paths())
        again = self.random.choice([[0, 1000, 0, 1], [1000, 0, 2, 1], [0, 999, 1001, 1000, 1, 0, 500]])
        for number in [*range(1000), *again]:
            told = {"action": "label_unit", "unit": path, "label": f"{number}", "actor": "anna", "id": f"many-{number}"}
            self.lines.append(json.dumps({"created_at": self.time, "kind": "command", "command": told}))
