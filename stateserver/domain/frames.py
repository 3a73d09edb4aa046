"""What a frame does to the units it speaks of (spec page 2, A frame, steps 1 to 5)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from stateserver.domain.applying import Applying
from stateserver.domain.bank import DETONATORS, Bank, Difference
from stateserver.domain.blast import Said
from stateserver.domain.change import DETONATORS_CLEARED, NOTHING, STALE_FRAME, UNIT_CHANGED, Fields
from stateserver.domain.counts import count_children
from stateserver.domain.deadlines import COMMUNICATION_LOST_AFTER_MS, bring_deadline_forward
from stateserver.domain.memory import forget_booster, forget_replaced, tell_answer
from stateserver.domain.unit import Unit, unit_path
from stateserver.domain.warnings import judge_warnings
from stateserver.protocol.commands import UNIT_LIST, UnitType
from stateserver.protocol.decode import WORD, item_identities, item_words
from stateserver.protocol.frame import Frame, Signal
from stateserver.protocol.modes import Mode


class Spoken(NamedTuple):
    """What the speaker's own part of a frame came to.

    `in_order`: nothing in the frame is stale, whatever its time. `was_armed`, `was_pressed`: its key was on, its fire
    button down before.
    """

    unit: Unit
    in_order: bool = True
    stale: bool = False
    changed: Fields = NOTHING
    was_armed: bool = False
    was_pressed: bool = False


def apply_frame(step: Applying, frame: Frame) -> Spoken:
    """Carry a frame over into the units, telling of each change. Counts and operation follow elsewhere."""
    spoken = _hear_speaker(step, frame)
    items = Items([], [])
    if frame.signal is Signal.CLEAR:
        if not spoken.stale:
            _clear(step, spoken.unit)
    elif frame.signal is Signal.NONE:
        items = _apply_items(step, frame, spoken)
    if spoken.was_armed and not spoken.unit.is_armed and spoken.unit.type is UnitType.BOOSTER_TYPE_2:
        _disarm(step, spoken.unit, frame)
    if spoken.changed:
        judge_warnings(step, spoken.unit.path, spoken.changed)
    for path, changed in items.faulty:
        judge_warnings(step, path, changed)
    for window in items.answering:
        tell_answer(step, spoken.unit, window)
    return spoken


def _hear_speaker(step: Applying, frame: Frame) -> Spoken:
    system = step.system
    unit = system.speakers.get(unit_path(frame.command.speaker, frame.serial))
    if unit is None:
        unit = _insert(step, frame.command.speaker, frame.serial, frame)
        return Spoken(unit, changed=unit.reported)
    in_order = unit.moved_by is None or unit.moved_by == step.source
    if not in_order and step.at < unit.as_of:
        step.emit(STALE_FRAME, unit.path, details={"as_of": unit.as_of})
        return Spoken(unit, in_order=False, stale=True)
    was_armed, was_pressed = unit.is_armed, unit.reported.get("fire_button") is True
    return Spoken(unit, in_order, False, _hear(step, unit, frame), was_armed, was_pressed)


def _insert(step: Applying, unit_type: UnitType, serial: int, frame: Frame | None) -> Unit:
    """A speaking unit seen for the first time: as the speaker of `frame`, or only named by a list."""
    system = step.system
    unit = Unit(unit_type, serial, step.at)
    if unit.bank is not None:
        unit.bank.is_relisted = True  # one that was here before and retired may have left a row
    system.speakers[unit.path] = unit
    if unit_type is UnitType.CONTROL_UNIT and system.control is None:
        system.control = unit
    if frame is not None:
        unit.communicating = True
        _note_spoken(step, unit)
        head, layout = frame.head, frame.command.head
        if head is not None and layout is not None:
            unit.heads[frame.command.number] = head
            unit.reported.update(layout.show(head))
    unit.counts = count_children(system, unit)
    step.control_changed = True
    step.emit_added(unit)
    return unit


def _hear(step: Applying, unit: Unit, frame: Frame) -> Fields:
    """The speaker of a frame that isn't stale. Returns the packet fields that changed."""
    changed = _read_head(unit, frame)
    before: Fields = {name: unit.reported.get(name) for name in changed}
    unit.reported.update(changed)
    after = dict(changed)
    if not unit.communicating:
        unit.communicating = True
        before["communication_status"], after["communication_status"] = False, True
    unit.as_of = max(unit.as_of, step.at)
    _note_spoken(step, unit)
    step.system.moved.add(unit.path)
    if after:
        if "communication_status" in after or "key_switch" in after:
            step.control_changed = True
        step.emit_unit(UNIT_CHANGED, unit, before, after)
    return changed


def _read_head(unit: Unit, frame: Frame) -> Fields:
    """The fields of the frame's head chunk that differ from what the unit holds."""
    head, layout = frame.head, frame.command.head
    if head is None or layout is None or unit.heads.get(frame.command.number) == head:
        return {}
    unit.heads[frame.command.number] = head
    reported = unit.reported
    return {name: value for name, value in layout.show(head).items() if reported.get(name) != value}


def _note_spoken(step: Applying, unit: Unit) -> None:
    clock = step.system.clock
    assert clock is not None, "a frame has moved it"
    unit.moved_by = step.source
    # What was kept back on its way makes nothing overdue at once.
    unit.last_spoken = max(unit.last_spoken, step.at, clock)
    bring_deadline_forward(step.system, unit.last_spoken + COMMUNICATION_LOST_AFTER_MS)


def _clear(step: Applying, booster: Unit) -> None:
    bank = booster.bank
    assert bank is not None, "only boosters send the clear signal"
    booster.last_clear = max(booster.last_clear, step.at)
    if step.system.blast is not None:
        step.system.blast.note_cleared(booster.path)
    forget_booster(step.system, booster.path)
    gone = bank.clear()
    if gone:
        step.emit(DETONATORS_CLEARED, booster.path, details={"count": len(gone)})
        step.parents_changed.add(booster.path)
        step.system.dirty.add(booster.path)
        step.system.touched[booster.path].update(gone)


def _disarm(step: Applying, booster: Unit, frame: Frame) -> None:
    """A booster whose key was turned off loses its detonators: those that this frame doesn't name answer no more."""
    bank = booster.bank
    assert bank is not None, "boosters have windows"
    named = set() if frame.signal is Signal.STRAY else set(frame.windows)
    for window in [w for w in bank.windows() if w not in named and bank.answers(w)]:
        step.emit_child_changed(bank, window, bank.silence(window))


class Items(NamedTuple):
    """What came of a frame's items: (path, changed fields) where a warning may come of them; windows whose unit, of
    which a blast's report said otherwise, answers."""

    faulty: list[tuple[str, Fields]]
    answering: list[int]


class _Judge(NamedTuple):
    """Whether what a frame of time `at` says of the units in a bank is news."""

    bank: Bank
    in_order: bool
    at: int

    def is_stale(self, window: int) -> bool:
        return not self.in_order and self.bank.is_stale(window, self.at)


def _apply_items(step: Applying, frame: Frame, spoken: Spoken) -> Items:
    """The units of the payload."""
    command, speaker = frame.command, spoken.unit
    if command.number == UNIT_LIST:
        _list_units(step, frame, in_order=spoken.in_order)
    elif speaker.bank is not None and (spoken.in_order or step.at >= speaker.last_clear):
        judge = _Judge(speaker.bank, spoken.in_order, step.at)
        if command.lists_children:
            _list_children(step, frame, judge)
        elif command.tells_data:
            return _report_children(step, frame, speaker, judge)
    return Items([], [])


def _list_units(step: Applying, frame: Frame, *, in_order: bool) -> None:
    """The section controllers or boosters that a control unit names (spec page 1, command 1)."""
    unit_type = UnitType.SECTION_CONTROLLER if step.system.mode is Mode.IBS else UnitType.BOOSTER_TYPE_2
    for serial in item_identities(frame):
        unit = step.system.speakers.get(unit_path(unit_type, serial))
        if unit is None:
            _insert(step, unit_type, serial, None)
        elif in_order or step.at >= unit.as_of:
            unit.as_of = max(unit.as_of, step.at)
            step.system.moved.add(unit.path)


def _list_children(step: Applying, frame: Frame, judge: _Judge) -> None:
    bank, system = judge.bank, step.system
    for window, identity in zip(frame.windows, item_identities(frame), strict=True):
        if judge.is_stale(window):
            continue
        difference = _apply_item(step, bank, window, partial(bank.set_identity, window, identity))
        if difference is not None:
            forget_replaced(system, bank.parent, window, identity)
            if system.blast is not None:
                system.blast.note_identity(bank.parent, window, identity)


def _report_children(step: Applying, frame: Frame, speaker: Unit, judge: _Judge) -> Items:
    bank = judge.bank
    words = item_words(frame)
    words[1::WORD] = words[1::WORD].translate(bank.kind.names_mask)
    blast = step.system.blast
    watching = blast if blast is not None and blast.watches(bank.parent) else None
    remembered = step.system.remembered.get(bank.parent, {})
    first, count = frame.windows.start, len(frame.windows)
    if count and watching is None and not remembered and bank.can_take_at_once(first, count, step.at):
        return _report_at_once(step, bank, first, count, words)
    changed, answering = [], []
    for at, window in enumerate(frame.windows):
        if judge.is_stale(window):
            continue
        word = bytes(words[at * WORD : at * WORD + WORD])
        difference = _apply_item(step, bank, window, partial(bank.set_word, window, word))
        if difference is not None:
            changed.append((bank.path(window), difference.after))
        answers = bank.answers(window)
        if watching is not None:
            said = Said(answers, bank.has(window, "booster_fired"), speaker.is_armed)
            watching.note_data(bank.parent, window, step.at, said)
        if answers and window in remembered:
            answering.append(window)
    return Items(_with_faults(bank, changed), answering)


def _report_at_once(step: Applying, bank: Bank, first: int, count: int, words: bytearray) -> Items:
    """Data of consecutive known units, none stale, none watched or remembered: only those that differ are looked at."""
    changed = []
    for window in bank.differing(first, words):
        at = (window - first) * WORD
        difference = bank.set_word(window, bytes(words[at : at + WORD]))
        if difference is not None:
            step.emit_child_changed(bank, window, difference)
            changed.append((bank.path(window), difference.after))
    bank.touch_all(first, count, step.at)
    step.system.moved.add(bank.parent)
    return Items(_with_faults(bank, changed), [])


def _with_faults(bank: Bank, changed: list[tuple[str, Fields]]) -> list[tuple[str, Fields]]:
    """Those whose fields may be faults: a detonator has none such."""
    return [] if bank.kind is DETONATORS else changed


def _apply_item(step: Applying, bank: Bank, window: int, change: Callable[[], Difference | None]) -> Difference | None:
    """One chunk about one unit that isn't stale. Returns what it changed."""
    if window not in bank:
        bank.insert(window, step.at)
        difference = change()
        step.emit_child_added(bank, window)
        return difference
    bank.touch(window, step.at)
    step.system.moved.add(bank.parent)
    difference = change()
    if difference is not None:
        step.emit_child_changed(bank, window, difference)
    return difference
