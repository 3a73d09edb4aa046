"""The frames that most of a journal is made of, applied without what the unusual ones need (spec page 2, A frame).

A system at work repeats, round after round, what its known units say, and little of it differs. Such a frame makes
nothing due, raises no warning, moves no operation, adds no unit and meets no blast: what is left of the steps is here,
in one piece. All others go the way of `apply`; which way a frame goes can't be told by what
comes of it, and tests hold the two to each other.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from stateserver.domain.bank import DETONATORS, Bank, Difference
from stateserver.domain.change import NOTHING, UNIT_CHANGED, Change, Fields, SharedFields
from stateserver.domain.clocks import TOLERANCE_MS
from stateserver.domain.counts import COUNTED
from stateserver.domain.deadlines import COMMUNICATION_LOST_AFTER_MS, bring_deadline_forward
from stateserver.domain.numbering import FIRST
from stateserver.domain.operation import next_operation
from stateserver.domain.records import FrameRecord
from stateserver.domain.system import ITSELF, Source, System
from stateserver.domain.unit import Unit, signs_of, unit_path
from stateserver.domain.warnings import FAULTS
from stateserver.protocol.commands import BOOSTER_DATA, CONTROL_UNIT_STATUS, DETONATOR_DATA_500, UnitType
from stateserver.protocol.decode import WORD, item_words
from stateserver.protocol.frame import Frame, Signal
from stateserver.protocol.layout import Layout

_FAULTS_AND_KEY: Final = frozenset({*FAULTS, "key_switch"})


# Name, flag, and words' bits, of what may have to be counted again.
_COUNTS: Final = tuple(
    (name, DETONATORS.bit(flag), DETONATORS.mask(flag)) for name, flag in COUNTED[DETONATORS.type].items()
)
_COUNTED_BITS: Final = sum(bit for _, bit, _ in _COUNTS)
_NO_DIFFERENCE: Final = Difference(NOTHING, NOTHING)


def apply_quickly(system: System, record: FrameRecord, time: int, frame: Frame) -> list[Change] | None:
    """What a frame of the usual kind caused. None where it isn't one: then nothing has changed.

    `time` is the record's own, ms since 1970.
    """
    source = system.sources.get(record.source)
    if source is None or not _comes_as_usual(system, source, record, time):
        return None
    command = frame.command.number
    if command in (BOOSTER_DATA, DETONATOR_DATA_500):
        return _apply_data(system, source, record, time, frame)
    if command == CONTROL_UNIT_STATUS:
        return _apply_status(system, source, record, time, frame)
    return None


def _comes_as_usual(system: System, source: Source, record: FrameRecord, time: int) -> bool:
    """Whether it is next in its source's order, its clock right, in the mode there is, not late, with nothing due and
    no blast open."""
    return (
        record.sequence == source.last_sequence + 1 != FIRST
        and record.mode is system.mode
        and system.blast is None
        and system.clock is not None
        and system.clock <= time < system.deadline_floor
        and not (source.accounted or source.is_ahead)
        and record.created_at <= time + TOLERANCE_MS
    )


def _apply_data(system: System, source: Source, record: FrameRecord, at: int, frame: Frame) -> list[Change] | None:
    """A booster and detonators of its that are known, none of them with newer data, none that shouldn't answer."""
    booster = system.speakers.get(unit_path(UnitType.BOOSTER_TYPE_2, frame.serial))
    first, count = frame.windows.start, len(frame.windows)
    if booster is None or not first or frame.signal is not Signal.NONE or not _speaks_as_usual(booster, at):
        return None
    bank = booster.bank
    if bank is None or at < booster.last_clear or not bank.can_take_at_once(first, count, at):
        return None
    words = item_words(frame)
    remembered = system.remembered.get(booster.path)
    if remembered is not None and _answers(remembered, first, words):
        return None
    spoken, layout = _NO_DIFFERENCE, frame.command.head
    if layout is not None:
        head = frame.payload[: layout.size]
        known = booster.heads.get(frame.command.number)
        if known != head:
            differs = None if known is None else _head_differs(layout, known, head)
            if differs is None:
                return None
            spoken = differs
            booster.heads[frame.command.number] = head
    _note(system, source, booster, record, at)
    changes: list[Change] = []
    if spoken is not _NO_DIFFERENCE:
        booster.reported.update(spoken.after)
        _tell_of_speaker(system, record, at, changes, booster, spoken)
    windows = bank.differing(first, words)
    bank.touch_all(first, count, at)
    if windows:
        flags_changed = _apply_words(system, record, at, changes, bank, first, words, windows)
        counted = _count_again(booster, bank, flags_changed)
        if counted is not None:
            _tell_of_speaker(system, record, at, changes, booster, counted)
    return changes


def _answers(remembered: Mapping[int, object], first: int, words: bytes | bytearray) -> bool:
    """Whether one of those whom a blast's report says otherwise of answers."""
    if not DETONATORS.count(int.from_bytes(words, "little"), "detonator_status"):
        return False  # as long as nobody has charged the booster anew
    answering, last = DETONATORS.answering, first + len(words) // WORD
    return any(first <= window < last and words[(window - first) * WORD + 1] & answering for window in remembered)


def _apply_status(system: System, source: Source, record: FrameRecord, at: int, frame: Frame) -> list[Change] | None:
    """A control unit that says the same again, and it comes to the same."""
    control = system.speakers.get(unit_path(UnitType.CONTROL_UNIT, frame.serial))
    if control is None or not _speaks_as_usual(control, at):
        return None
    if control.heads.get(CONTROL_UNIT_STATUS) != frame.payload:
        return None
    signs = signs_of(control, was_pressed=control.reported["fire_button"] is True)
    if next_operation(control.operation, signs) != control.operation:
        return None
    control.fires = control.fires or signs.fires
    _note(system, source, control, record, at)
    return []


def _speaks_as_usual(unit: Unit, at: int) -> bool:
    return unit.communicating and at >= unit.as_of


def _note(system: System, source: Source, unit: Unit, record: FrameRecord, at: int) -> None:
    """All that moves without an event."""
    system.counters["frames"] += 1
    system.clock = source.last_time = unit.as_of = unit.last_spoken = at
    if system.time is None or at > system.time:
        system.time = at
    source.created_at_max = max(source.created_at_max, record.created_at)
    source.last_sequence = record.sequence
    unit.moved_by = record.source
    system.moved.add(unit.path)
    if at + COMMUNICATION_LOST_AFTER_MS < system.deadline_floor:
        bring_deadline_forward(system, at + COMMUNICATION_LOST_AFTER_MS)


def _apply_words(
    system: System,
    record: FrameRecord,
    time: int,
    changes: list[Change],
    bank: Bank,
    first: int,
    words: bytearray,
    windows: list[int],
) -> int:
    """The detonators that differ. Returns the flags that changed in any of them."""
    all_changed, named_bits, known = 0, bank.kind.named_bits, bank.words
    system.dirty.add(bank.parent)
    touched = system.touched[bank.parent]
    for window in windows:
        at, place = (window - first) * WORD, window * WORD
        flags, was = words[at + 1] & named_bits, known[place + 1]
        all_changed |= flags ^ was
        if words[at + 2] == known[place + 2] and words[at + 3] == known[place + 3]:
            # As nearly always: see Bank.set_word, which does it for a delay that differs too.
            known[place + 1] = flags
            difference = bank.kind.flags_changed(was, flags)
        else:
            told = bank.set_word(window, bytes((words[at], flags, words[at + 2], words[at + 3])))
            assert told is not None, "it differs"
            difference = told
        bank.versions[window] = _tell(system, record, time, changes, bank.path(window), difference)
        touched.add(window)
    return all_changed


def _count_again(booster: Unit, bank: Bank, flags_changed: int) -> Difference | None:
    """The counts that differ now: afresh, where a flag that is counted has changed."""
    if not flags_changed & _COUNTED_BITS:
        return None
    words, counts = bank.number(), booster.counts
    moved: list[tuple[str, int, int]] = []
    for name, bit, mask in _COUNTS:
        if flags_changed & bit:
            was, now = counts[name], (words & mask).bit_count()
            if was != now:
                moved.append((name, was, now))
                counts[name] = now
    return _counts_differ(*moved) if moved else None


def _tell_of_speaker(
    system: System, record: FrameRecord, time: int, changes: list[Change], unit: Unit, difference: Difference
) -> None:
    path = unit.path
    unit.version = _tell(system, record, time, changes, path, difference)
    system.dirty.add(path)
    system.touched[path].add(ITSELF)


def _tell(
    system: System, record: FrameRecord, time: int, changes: list[Change], unit: str, difference: Difference
) -> int:
    """Tell of a unit that changed. Returns the event's version."""
    _, _, source, sequence, _, _ = record
    before, after = difference
    version = system.version = system.version + 1
    fields = (
        system.name,
        version,
        time,
        UNIT_CHANGED,
        unit,
        before,
        after,
        source,
        sequence,
        False,
        NOTHING,
    )
    # tuple.__new__ takes a third of the time that the class's own constructor does.
    changes.append(tuple.__new__(Change, fields))
    return version


@lru_cache(maxsize=1 << 12)
def _head_differs(layout: Layout, known: bytes, head: bytes) -> Difference | None:
    """What differs between two heads; None where a warning or the key comes into it."""
    was, now = layout.show(known), layout.show(head)
    changed = [name for name in now if was[name] != now[name]]
    if not changed:
        return _NO_DIFFERENCE
    if not _FAULTS_AND_KEY.isdisjoint(changed):
        return None
    before: Fields = {name: was[name] for name in changed}
    after: Fields = {name: now[name] for name in changed}
    return Difference(SharedFields(before), SharedFields(after))


@lru_cache(maxsize=1 << 14)
def _counts_differ(*moved: tuple[str, int, int]) -> Difference:
    """Counts that moved: name, before, after."""
    before: Fields = {name: was for name, was, _ in moved}
    after: Fields = {name: now for name, _, now in moved}
    return Difference(SharedFields(before), SharedFields(after))
