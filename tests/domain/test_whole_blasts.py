"""An operator and equipment at random through whole blasts: nobody is ever told "fired" without the evidence for it."""

import json
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stateserver.domain.apply import apply
from stateserver.domain.blast import BlastStage
from stateserver.domain.change import Fields, fold_change
from stateserver.domain.checkpoint import restore, take_rows
from stateserver.domain.counts import count_children
from stateserver.domain.records import CommandRecord, FrameRecord, Record, TickRecord
from stateserver.domain.system import System
from stateserver.protocol.modes import MODES, Mode
from stateserver.simulator.equipment import Booster, ControlUnit

BOOSTERS = st.integers(0, 1)
WINDOWS = st.integers(1, 4)
PAUSES_MS = st.sampled_from([0, 1, 500, 1_000, 20_000, 120_000, 300_000, 600_000])


class Mine(RuleBasedStateMachine):
    """A control unit and two boosters. `proof` are those of whom a frame said, in time and with the key on, that
    they no longer answer; `forgotten` those whose booster was cleared while the blast was open."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_700_000_000_000
        self.sequence = 0
        self.system = System("mine")
        self.rows: dict[str, bytes] = {}
        self.units: dict[str, Fields] = {}
        self.proof: dict[tuple[str, int], bool] = {}
        self.forgotten: set[str] = set()
        self.pending: dict[tuple[str, int], bool] = {}

    @initialize(mode=st.sampled_from(Mode), seed=st.integers(0, 1000))
    def charge(self, mode: Mode, seed: int) -> None:
        self.mode = mode
        random = Random(seed)
        self.control = ControlUnit()
        self.boosters = [Booster(100 + number, 4, mode, random) for number in range(2)]
        for booster in self.boosters:
            booster.charge()
            self.list_and_report(booster)

    # the world

    def path(self, booster: Booster) -> str:
        return f"{1 if self.mode is Mode.IBS else 3}/{booster.serial}"

    def tell(self, record: Record) -> None:
        changes, blasts = apply(self.system, record)
        for change in changes:
            fold_change(self.units, change)
        for stage in blasts:
            if stage.stage == "closed":
                self.judge(stage)
            elif stage.stage == "opened":
                self.proof, self.forgotten = {}, set()
        self.proof |= self.pending
        self.pending = {}

    def judge(self, stage: BlastStage) -> None:
        """Nobody is taken for fired without proof."""
        # Where time closed the blast, what the same frame went on to say came too late for it.
        proof = self.proof if stage.report["how"] == "timer_completed" else self.proof | self.pending
        for row in stage.report["active"]:
            not_fired = {lost["window_id"] for lost in row["not_fired"] + row["silent_before"]}
            fired = set(range(1, row["before"]["detonators"] + 1)) - not_fired
            assert all(proof.get((row["unit"], window)) for window in fired)
            assert not (fired and row["unit"] in self.forgotten)

    def send(self, frame: bytes) -> None:
        self.sequence += 1
        self.tell(FrameRecord(self.now, self.mode, "ps-1", self.sequence, frame))

    def report(self, booster: Booster) -> None:
        for frame in booster.data_frames():
            blast = self.system.open_blast
            watched = blast is not None and blast.ended is not None
            if watched and booster.key_switch:
                path = self.path(booster)
                self.pending = {(path, w): not d["detonator_status"] for w, d in booster.detonators.items()}
            elif watched:
                path = self.path(booster)
                self.pending = {(path, w): False for w, d in booster.detonators.items() if d["detonator_status"]}
            self.send(frame)

    def list_and_report(self, booster: Booster) -> None:
        for frame in booster.list_frames():
            self.send(frame)
        self.report(booster)

    # what may happen

    @rule(pause=PAUSES_MS)
    def wait(self, pause: int) -> None:
        self.now += pause

    @rule(pause=PAUSES_MS)
    def fall_silent(self, pause: int) -> None:
        self.now += pause
        self.tell(TickRecord(self.now, self.mode))

    @rule(number=BOOSTERS)
    def booster_reports(self, number: int) -> None:
        self.report(self.boosters[number])

    @rule(number=BOOSTERS, key=st.integers(0, 1))
    def turn_a_boosters_key(self, number: int, key: int) -> None:
        self.boosters[number].key_switch = key
        self.report(self.boosters[number])

    @rule(number=BOOSTERS, window=WINDOWS, answers=st.integers(0, 1))
    def a_detonator_changes(self, number: int, window: int, answers: int) -> None:
        detonator = self.boosters[number].detonators.get(window)
        if detonator is not None:
            detonator["detonator_status"] = answers

    @precondition(lambda self: self.mode is not Mode.IBS)
    @rule(number=BOOSTERS)
    def a_booster_forgets(self, number: int) -> None:
        booster = self.boosters[number]
        self.send(booster.clear_frame())
        self.forgotten.add(self.path(booster))

    @rule(number=BOOSTERS)
    def a_booster_is_charged(self, number: int) -> None:
        booster = self.boosters[number]
        booster.charge()
        for frame in booster.list_frames():
            self.send(frame)
        self.forgotten.add(self.path(booster))
        self.report(booster)

    @rule(key=st.integers(0, 1), button=st.integers(0, 1))
    def at_the_panel(self, key: int, button: int) -> None:
        self.control = ControlUnit(key, button, firing=button)
        self.send(self.control.status())

    def fire(self, number: int) -> None:
        self.turn_a_boosters_key(number, 1)
        for key, button in ((1, 0), (1, 1)):
            self.at_the_panel(key, button)
        self.now += 18_000
        self.at_the_panel(1, 0)
        self.boosters[number].fire()

    @rule(number=BOOSTERS)
    def a_whole_blast(self, number: int) -> None:
        self.fire(number)
        self.report(self.boosters[number])
        self.at_the_panel(0, 0)

    @rule(number=BOOSTERS)
    def a_blast_whose_key_is_turned_off_before_it_is_told(self, number: int) -> None:
        self.fire(number)
        self.turn_a_boosters_key(number, 0)
        self.fall_silent(1_000_000)

    @rule(label=st.sampled_from(["", "north", "süd"]), number=BOOSTERS)
    def an_operator_labels(self, label: str, number: int) -> None:
        said = {"action": "label_unit", "unit": self.path(self.boosters[number]), "label": label, "actor": "anna"}
        self.tell(CommandRecord(self.now, self.mode, json.dumps(said).encode()))

    @rule()
    def the_worker_dies(self) -> None:
        for key, row in take_rows(self.system).items():
            if row is None:
                self.rows.pop(key)
            else:
                self.rows[key] = row
        self.system = restore("mine", self.rows)

    # what must hold

    @invariant()
    def an_open_blast_is_within_its_time(self) -> None:
        blast = self.system.open_blast
        if blast is not None:
            rules = MODES[blast.mode]
            assert self.system.time is not None
            assert self.system.time < blast.initiated + rules.firing_time_ms + rules.report_time_ms

    @invariant()
    def counts_and_events_agree_with_the_units(self) -> None:
        assert all(unit.counts == count_children(self.system, unit) for unit in self.system.speakers.values())
        shown = {path: {**fields, "as_of": 0} for path, fields in self.system.units()}
        assert shown == {path: {**fields, "as_of": 0} for path, fields in self.units.items()}


Mine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWholeBlasts = pytest.mark.slow(Mine.TestCase)
