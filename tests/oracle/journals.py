"""Random journals: a site that is surveyed, armed, fired and looked at again, with all that can go wrong on the way.

A seed and a mode make the same journal everywhere. Rare corners are sought: times aim at deadlines and at the instants
that outcomes hang on, and miss them by a millisecond.
"""

from collections.abc import Callable
from random import Random

from tests.oracle.journals_broken import retirement
from tests.oracle.journals_happenings import BUTTONS, Happenings
from tests.oracle.journals_packets import control_unit, packet
from tests.oracle.journals_site import END_FLAWS, START_FLAWS
from tests.oracle.journals_wire import LATEST
from tests.oracle.reference_frame import MODES

NOTHING = ""


def journal(mode: str, seed: int) -> list[str]:
    """The lines of the journal of this seed, for `stateserver replay --mode MODE`."""
    return _Journal(Random(f"{mode} {seed}"), mode).written()


class _Journal(Happenings):
    def __init__(self, random: Random, mode: str) -> None:
        super().__init__(random, mode)
        self.length = random.choice([30, 60, 60, 90, 90, 90, 160 if random.random() < 0.9 else 500])
        self.take_back: Callable[[], None] | None = None
        # Each comes up before one comes up again.
        start_flaws, end_flaws = START_FLAWS[mode == "IBS"], END_FLAWS[mode == "IBS"]
        self.start_flaws = random.sample(start_flaws, len(start_flaws))
        self.end_flaws = random.sample(end_flaws, len(end_flaws))

    def written(self) -> list[str]:
        start = self.random.choice(
            [self.survey, self.survey, self.one_frame, self.press_buttons, self.tick, self.tell_command]
        )
        start()
        while len(self.lines) < self.length:
            kinds = [self.survey, self.blast, self.plausible_blast, self.happening, self.press_buttons]
            self.random.choices(kinds, [2, 3, 4, 2, 1])[0]()
        if self.random.random() < 0.05:
            self.send(control_unit(self.random, self.site.control_units[0], (1, 1), firing=True).hex(), LATEST)
            self.blast()
        if self.random.random() < 0.015:
            self.tell_many()
            return self.lines
        return self.lines[: self.length + 60]

    # A blast that anything may happen to.

    def blast(self) -> None:
        """Arm, fire, end firing somehow or not at all, look again."""
        serial = self.random.choice(self.site.control_units)
        self.site.turn_key(on=True)
        self.site.answer(self.random.choice([1, 1, 1, 0.8, 0]))
        if self.random.random() < 0.5:
            self.say(self.packets.lists(self.mode))
        self.say(self.packets.data(self.mode))
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
            self.operate(serial, *self.random.choice([(1, 0), (1, 0), (1, 0), (1, 1), (0, 0), (0, 1)]))
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
                over -= self.random.choice([0, 1, 3_000])
            self.operate(self.random.choice([serial, *self.site.control_units]), 1, 1, over)
            self.time = max(self.time, over)

    def look_again(self) -> None:
        """What boosters say after firing: of all, some, or none of the detonators that they answer."""
        if self.random.random() < 0.4:
            self.site.fire()
        else:
            self.site.answer(self.random.choice([0, 0, 0, 0.2, 0.6, 1]))
        if self.random.random() < 0.15:
            self.site.turn_key(on=self.random.random() < 0.5)
        if self.random.random() < 0.1:
            self.say(self.packets.lists(self.mode))
        at = self.marks[-1] + self.random.choice([-1, 0, 1, 1]) if self.random.random() < 0.3 else None
        self.say(self.packets.data(self.mode), at)
        self.maybe_happen()

    # A blast as they are, with a flaw or two.

    def plausible_blast(self) -> None:
        self.calm = True
        self.source = self.random.choice(self.sources)
        start_flaw = self.next_of(self.start_flaws) if self.random.random() < 0.4 else NOTHING
        end_flaw = self.next_of(self.end_flaws) if self.random.random() < 0.4 else NOTHING
        self.get_ready(start_flaw)
        serial = self.random.choice(self.site.control_units)
        if self.random.random() < 0.8:
            self.operate(serial, 0, 0, firing=False)
            self.operate(serial, 1, 0, firing=False)
        refused = self.random.random() < 0.1
        pressed = self.press(serial, refused=refused)
        self.during()
        if self.random.random() < 0.1:
            self.press_when_it_is_over(serial, pressed)
        if self.random.random() < 0.1:
            self.site.fire()
            self.mark_here_and_there()
        self.end_firing(serial)
        self.report(end_flaw)
        if self.random.random() < 0.4:
            # What is still open is left to its timer.
            self.time = max(self.time, pressed + MODES[self.mode].firing_time + MODES[self.mode].report_time)
            self.write({"created_at": self.time, "kind": "tick"})
        self.calm = False
        self.afterwards(serial)

    def press(self, serial: int, *, refused: bool) -> int:
        """Press the button, now or a little before what was told already; when that was."""
        at = None
        if self.random.random() < 0.15:
            self.write({"created_at": self.time + 2_000, "kind": "tick"})
            at = self.time - self.random.choice([0, 1, 3_000])
        self.operate(serial, 1, 1, at, firing=not refused)
        return self.time if at is None else at

    def press_when_it_is_over(self, serial: int, pressed: int) -> None:
        """Once more when the firing time is over, or just not; the bit firing was 1 all the time."""
        self.operate(serial, 1, 0, firing=True)
        over = pressed + MODES[self.mode].firing_time + self.random.choice([-1, 0, 1, 1_999, 2_000])
        if self.random.random() < 0.5:
            self.write({"created_at": over, "kind": "tick"})
            over -= self.random.choice([0, 1, 1_000])
        self.time = max(self.time, over)
        self.operate(serial, 1, 1, over, firing=True)

    def next_of(self, flaws: list[str]) -> str:
        flaws.append(flaws.pop(0))
        return flaws[-1]

    def get_ready(self, flaw: str) -> None:
        """Survey the site; what was known of it before is put right."""
        if self.random.random() < 0.7:
            self.clocks = dict.fromkeys(self.clocks, 0)
        self.mode = self.default_mode
        if self.random.random() < 0.5:
            self.retire_newcomers()
        self.site.make_ready()
        if flaw:
            self.site.spoil_start(flaw)
        if flaw and self.random.random() < 0.3:
            self.site.spoil_start(self.next_of(self.start_flaws))
        self.say(self.packets.lists(self.mode))
        self.say(self.packets.data(self.mode))
        if self.random.random() < 0.7:
            self.acknowledge()
        if self.random.random() < 0.3:
            # A booster that nobody hears any more is possibly live.
            self.time += 600_001
            self.say(self.packets.data(self.mode)[self.random.randrange(2) :])

    def during(self) -> None:
        """While it fires."""
        kinds = [*[self.wait] * 6, self.clear, self.rename, self.rename_for_now, self.set_clock, self.survey]
        kinds += [self.one_frame, self.press_again, self.press_again, self.grow, self.clear_and_list_again]
        self.random.choice(kinds)()

    def wait(self) -> None:
        self.time += self.random.choice([999, 1000, 20_000, MODES[self.mode].firing_time])

    def press_again(self) -> None:
        serial = self.random.choice(self.site.control_units)
        for _ in range(self.random.randint(1, 3)):
            self.operate(serial, 1, self.random.randrange(2), firing=self.random.random() < 0.5)
        if self.random.random() < 0.3:
            self.operate(serial, 1, 0, firing=True)
            self.operate(serial, 1, 1, firing=True)

    def rename_for_now(self) -> None:
        """Others in some places, until the blast is over."""
        self.take_back = self.site.rename()
        self.say(self.packets.lists(self.mode))

    def grow(self) -> None:
        """What was not there at the start."""
        self.site.grow()
        self.survey()

    def clear_and_list_again(self) -> None:
        """The same detonators, in a booster that was cleared meanwhile."""
        if self.mode != "IBS":
            booster = self.random.choice(self.site.boosters)
            self.say([packet(4, booster.serial, b"\xff" * 5)])
        self.say(self.packets.lists(self.mode)[: self.random.choice([0, 9])])
        self.say(self.packets.data(self.mode))

    def end_firing(self, serial: int) -> None:
        """Complete, with the key or while the button is held; aborted; both; or nothing is heard of it."""
        ending = self.random.random()
        if ending < 0.7:
            self.operate(serial, 1, self.random.randrange(2), firing=False)
        if 0.6 < ending < 0.7:
            self.operate(serial, 1, 0, firing=False)
            self.operate(serial, 1, 1, firing=self.random.random() < 0.5)
        if 0.5 < ending < 0.85:
            self.operate(serial, 0, self.random.choice([0, 0, 1]), firing=False)
        if 0.6 < ending < 0.7 or 0.8 < ending < 0.85:
            self.operate(serial, 1, 1, firing=self.random.random() < 0.5)

    def mark_here_and_there(self) -> None:
        """Some say that they were fired, before the end of the firing, just then, or after; then nobody says so."""
        at = self.random.choice([None, self.marks[-1] - 1, self.marks[-1]])
        self.say(self.packets.data(self.mode), at)
        self.site.unmark()

    def report(self, flaw: str) -> None:
        """What the boosters say of it."""
        told = self.random.random()
        self.site.fire()
        if flaw:
            self.site.spoil_end(flaw)
        if self.random.random() < 0.1:
            self.mark_here_and_there()
        if told < 0.2:
            self.say(self.packets.data(self.mode)[1:])
        elif told < 0.9:
            self.say(self.packets.data(self.mode))
            self.say(self.packets.data(self.mode)[: self.random.randrange(2)])

    def afterwards(self, serial: int) -> None:
        """Somebody looks at the site again: some answer, some are no more."""
        kinds = [self.all_answer, self.all_answer, self.some_are_retired, self.clear, self.rename, self.newcomer]
        kinds.append(self.maybe_happen)
        if self.take_back is not None:
            self.take_back()
            self.take_back = None
            self.survey()
        for kind in self.random.sample(kinds, self.random.randint(1, 3)):
            kind()
        if self.random.random() < 0.5:
            self.operate(serial, 0, 0, firing=False)

    def all_answer(self) -> None:
        self.site.answer(self.random.choice([0.5, 1]))
        self.say(self.packets.data(self.mode))

    def some_are_retired(self) -> None:
        for _ in range(self.random.randint(1, 2)):
            told = retirement(self.random, self.paths())
            self.write({"created_at": self.time, "kind": "command", "command": told})
        self.survey()
