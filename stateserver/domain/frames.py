"""What a frame does to the units it speaks of (spec page 2, A frame, steps 1 to 5)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from stateserver.domain.applying import Applying
from stateserver.domain.bank import DETONATORS, Bank, Difference
from stateserver.domain.change import DETONATORS_CLEARED, STALE_FRAME, UNIT_CHANGED, Fields
from stateserver.domain.counts import count_children
from stateserver.domain.deadlines import COMMUNICATION_LOST_AFTER_MS, bring_deadline_forward
from stateserver.domain.unit import Unit, unit_path
from stateserver.domain.warnings import judge_warnings
from stateserver.protocol.commands import SECTION_CONTROLLER_LIST, UnitType
from stateserver.protocol.decode import WORD, item_identities, item_words
from stateserver.protocol.frame import Frame, Signal


class Spoken(NamedTuple):
    """What the speaker's own part of a frame came to."""

    unit: Unit
    stale: bool
    changed: Fields
    was_armed: bool


def apply_frame(step: Applying, frame: Frame) -> Spoken:
    """Carry a frame over into the units, telling of each change. Counts and operation follow elsewhere."""
    spoken = _hear_speaker(step, frame)
    changed_children: list[tuple[str, Fields]] = []
    if frame.signal is Signal.CLEAR:
        if not spoken.stale:
            _clear(step, spoken.unit)
    elif frame.signal is Signal.NONE:
        changed_children = _apply_items(step, frame, spoken.unit)
    if spoken.was_armed and not spoken.unit.is_armed and spoken.unit.type is UnitType.BOOSTER_TYPE_2:
        _disarm(step, spoken.unit, frame)
    if spoken.changed:
        judge_warnings(step, spoken.unit.path, spoken.changed)
    for path, changed in changed_children:
        judge_warnings(step, path, changed)
    return spoken


def _hear_speaker(step: Applying, frame: Frame) -> Spoken:
    system = step.system
    unit = system.speakers.get(unit_path(frame.command.speaker, frame.serial))
    if unit is None:
        unit = _insert(step, frame.command.speaker, frame.serial, frame)
        return Spoken(unit, stale=False, changed=unit.reported, was_armed=False)
    if step.at < unit.as_of:
        step.emit(STALE_FRAME, unit.path, details={"as_of": unit.as_of})
        return Spoken(unit, stale=True, changed={}, was_armed=False)
    was_armed = unit.is_armed
    changed = _hear(step, unit, frame)
    return Spoken(unit, stale=False, changed=changed, was_armed=was_armed)


def _insert(step: Applying, unit_type: UnitType, serial: int, frame: Frame | None) -> Unit:
    """A speaking unit seen for the first time: as the speaker of `frame`, or only named by a list."""
    system = step.system
    unit = Unit(unit_type, serial, step.at)
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
    unit.as_of = step.at
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
    unit.last_spoken = step.at
    bring_deadline_forward(step.system, step.at + COMMUNICATION_LOST_AFTER_MS)


def _clear(step: Applying, booster: Unit) -> None:
    bank = booster.bank
    assert bank is not None, "only boosters send the clear signal"
    booster.last_clear = step.at
    if step.system.blast is not None:
        step.system.blast.note_cleared(booster.path)
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


def _apply_items(step: Applying, frame: Frame, speaker: Unit) -> list[tuple[str, Fields]]:
    """The units of the payload. Returns (path, changed fields) where a warning may come of them."""
    command = frame.command
    if command.number == SECTION_CONTROLLER_LIST:
        _list_section_controllers(step, frame)
    elif speaker.bank is not None and step.at >= speaker.last_clear:
        if command.lists_children:
            _list_children(step, frame, speaker.bank)
        elif command.tells_data:
            return _report_children(step, frame, speaker, speaker.bank)
    return []


def _list_section_controllers(step: Applying, frame: Frame) -> None:
    for serial in item_identities(frame):
        unit = step.system.speakers.get(unit_path(UnitType.SECTION_CONTROLLER, serial))
        if unit is None:
            _insert(step, UnitType.SECTION_CONTROLLER, serial, None)
        elif step.at >= unit.as_of:
            unit.as_of = step.at
            step.system.moved.add(unit.path)


def _list_children(step: Applying, frame: Frame, bank: Bank) -> None:
    blast = step.system.blast
    for window, identity in zip(frame.windows, item_identities(frame), strict=True):
        if bank.is_stale(window, step.at):
            continue
        difference = _apply_item(step, bank, window, partial(bank.set_identity, window, identity))
        if difference is not None and blast is not None:
            blast.note_identity(bank.parent, window, identity)


def _report_children(step: Applying, frame: Frame, speaker: Unit, bank: Bank) -> list[tuple[str, Fields]]:
    words = item_words(frame)
    words[1::WORD] = words[1::WORD].translate(bank.kind.names_mask)
    blast = step.system.blast
    is_watched = blast is not None and blast.watches(bank.parent, step.at)
    first, count = frame.first_window, len(frame.windows)
    if first and not is_watched and bank.can_take_at_once(first, count, step.at):
        return _report_at_once(step, bank, first, count, words)
    changed = []
    for at, window in enumerate(frame.windows):
        if bank.is_stale(window, step.at):
            continue
        word = bytes(words[at * WORD : at * WORD + WORD])
        difference = _apply_item(step, bank, window, partial(bank.set_word, window, word))
        if difference is not None:
            changed.append((bank.path(window), difference.after))
        if is_watched and blast is not None:
            blast.note_evidence(bank.parent, window, bank.answers(window), speaker.is_armed)
    return _with_faults(bank, changed)


def _report_at_once(step: Applying, bank: Bank, first: int, count: int, words: bytearray) -> list[tuple[str, Fields]]:
    """Data of consecutive known units, none stale and none watched: only those that differ are looked at."""
    changed = []
    for window in bank.differing(first, words):
        at = (window - first) * WORD
        difference = bank.set_word(window, bytes(words[at : at + WORD]))
        if difference is not None:
            step.emit_child_changed(bank, window, difference)
            changed.append((bank.path(window), difference.after))
    bank.touch_all(first, count, step.at)
    step.system.moved.add(bank.parent)
    return _with_faults(bank, changed)


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
