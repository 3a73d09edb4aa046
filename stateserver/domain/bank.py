"""The units in the windows of one booster: detonators, or a section controller's type 1 boosters.

Column by column rather than object by object: a booster's hundreds of detonators are then a few hundred bytes
each way, and a frame that repeats what is known is recognised by comparing bytes.
"""

from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from stateserver.domain.change import Fields, SharedFields
from stateserver.protocol.commands import (
    BOOSTER_DATA,
    BOOSTER_TYPE_1_FLAGS,
    COMMANDS,
    DETONATOR_FLAGS,
    SECTION_CONTROLLER_DATA,
    UnitType,
)
from stateserver.protocol.decode import WORD
from stateserver.protocol.layout import dotted_quad

_ABSENT: Final = 0
_LISTED: Final = 1
REPORTED: Final = 2
"""Of `Bank.presence`: data have said how the unit is."""
_NO_IDENTITY: Final = -1
_ALL_BYTES: Final = bytes(range(256))
_ALL_REPORTED: Final = bytes([REPORTED]) * 256
_WORD_BITS: Final = WORD * 8
_WINDOWS_MAX: Final = 512
"""More than any mode has."""


class ChildKind:
    """What differs between the two kinds of unit that have a window."""

    def __init__(self, unit_type: UnitType, identity: str, flags: str, command: int) -> None:
        names = flags.split()
        bit = {name: 7 - at for at, name in enumerate(names) if name != "-"}
        item = COMMANDS[command].item
        assert item is not None
        self.type = unit_type
        self.identity = identity
        self.has_delay = COMMANDS[command].delay is not None
        self.answering = 1 << bit["detonator_status"]
        self.named_bits = sum(1 << shift for shift in bit.values())
        self.names_mask = bytes(byte & self.named_bits for byte in range(256))
        self._shown: list[Fields] = [
            {name: bool(byte >> shift & 1) for name, shift in bit.items()} for byte in range(256)
        ]
        # Words as one number, lowest window first: what each name's bits, and all that have names, are of it.
        self._bits = {name: 1 << shift for name, shift in bit.items()}
        self._masks = {name: _in_every_word(1 << shift << 8) for name, shift in bit.items()}
        self.names_in_words = _in_every_word(0xFFFF_00FF | self.named_bits << 8)
        self.flags_changed = lru_cache(maxsize=1 << 14)(self._flags_changed)

    def _flags_changed(self, old: int, new: int) -> "Difference":
        """What differs between two flags bytes of a unit that had reported. Shared: don't change it."""
        was, now = self._shown[old], self._shown[new]
        changed = [name for name in now if was[name] != now[name]]
        before: Fields = {name: was[name] for name in changed}
        after: Fields = {name: now[name] for name in changed}
        if (old ^ new) & self.answering:
            before["communication_status"] = bool(old & self.answering)
            after["communication_status"] = bool(new & self.answering)
        return Difference(SharedFields(before), SharedFields(after))

    def show_flags(self, flags: int) -> Fields:
        """The named bits of a flags byte. Shared: don't change it."""
        return self._shown[flags]

    def show_identity(self, identity: int) -> str | int:
        """A detonator's uid as a dotted quad, a type 1 booster's serial as it is."""
        return dotted_quad(identity) if self.type is UnitType.DETONATOR else identity

    def bit(self, name: str) -> int:
        """The bit of a flags byte that has that name; 0 where this kind has none such."""
        return self._bits.get(name, 0)

    def mask(self, name: str) -> int:
        """That bit in every word, see `Bank.number`."""
        return self._masks[name]

    def count(self, words: int, name: str) -> int:
        """How many of some words (see `Bank.number`) have the bit `name`; 0 where this kind has no such bit."""
        return (words & self._masks.get(name, 0)).bit_count()


def _in_every_word(bits: int) -> int:
    """A number of as many words as a bank may have, with `bits` in each."""
    return int.from_bytes(bits.to_bytes(WORD, "little") * _WINDOWS_MAX, "little")


DETONATORS: Final = ChildKind(UnitType.DETONATOR, "uid", DETONATOR_FLAGS, BOOSTER_DATA)
BOOSTERS_TYPE_1: Final = ChildKind(UnitType.BOOSTER_TYPE_1, "serial", BOOSTER_TYPE_1_FLAGS, SECTION_CONTROLLER_DATA)


class Difference(NamedTuple):
    """What a chunk changed in a unit."""

    before: Fields
    after: Fields


class Bank:
    """The windows of one booster or section controller (`parent`, a unit path). Times in ms since 1970."""

    __slots__ = (
        "as_of",
        "as_of_max",
        "first_seen",
        "identities",
        "is_relisted",
        "kind",
        "labels",
        "parent",
        "prefix",
        "presence",
        "published_as_of",
        "versions",
        "words",
    )

    def __init__(self, parent: str, kind: ChildKind) -> None:
        self.parent = parent
        self.kind = kind
        self.prefix = f"{parent}/{kind.type.value}/"
        self.labels: dict[int, str] = {}
        # Whether which units there are, or who they are, has changed since the last checkpoint.
        self.is_relisted = False
        self._empty()

    def _empty(self) -> None:
        self.presence = bytearray()
        self.words = bytearray()
        self.identities = array("q")
        self.first_seen = array("q")
        self.as_of = array("q")
        self.published_as_of = array("q")
        self.versions = array("q")
        self.labels.clear()
        self.as_of_max = 0

    def _grow_to(self, window: int) -> None:
        missing = window + 1 - len(self.presence)
        if missing > 0:
            self.presence.extend(bytes(missing))
            self.words.extend(bytes(missing * WORD))
            self.identities.extend([_NO_IDENTITY] * missing)
            for column in (self.first_seen, self.as_of, self.published_as_of, self.versions):
                column.extend([0] * missing)

    # reading

    def __contains__(self, window: int) -> bool:
        return 0 <= window < len(self.presence) and self.presence[window] != _ABSENT

    def __len__(self) -> int:
        return len(self.presence) - self.presence.count(_ABSENT)

    def windows(self) -> Iterator[int]:
        """The windows in use, in order."""
        return (window for window, presence in enumerate(self.presence) if presence)

    def path(self, window: int) -> str:
        return f"{self.prefix}{window}"

    def is_stale(self, window: int, at: int) -> bool:
        """Whether a frame of time `at` is older than what is known of the unit in `window`."""
        return window in self and at < self.as_of[window]

    def identity(self, window: int) -> int | None:
        """The uid or serial in `window` as a number, None while nobody has listed it."""
        identity = self.identities[window]
        return None if identity == _NO_IDENTITY else identity

    def shown_identity(self, window: int) -> str | int | None:
        identity = self.identity(window)
        return None if identity is None else self.kind.show_identity(identity)

    def answers(self, window: int) -> bool:
        """The unit's detonator_status, False while that is absent."""
        return bool(self.words[window * WORD + 1] & self.kind.answering)

    def has(self, window: int, flag: str) -> bool:
        """Whether the unit in `window` has `flag` set; False while that is absent, or where this kind has none such."""
        return bool(self.words[window * WORD + 1] & self.kind.bit(flag))

    def delay(self, window: int) -> int:
        """The unit's delay in ms, 0 while that is absent."""
        at = window * WORD
        return self.words[at + 2] | self.words[at + 3] << 8

    def count(self, flag: str) -> int:
        """How many units have `flag` set: a fresh count."""
        return self.kind.count(self.number(), flag)

    def number(self) -> int:
        """The words of all windows as one number, for several counts at once."""
        return int.from_bytes(self.words, "little")

    def fields(self, window: int) -> Fields:
        """What the unit in `window` holds (spec page 2)."""
        fields: Fields = {
            "type": self.kind.type.value,
            "window_id": window,
            "first_seen": self.first_seen[window],
        }
        identity = self.shown_identity(window)
        if identity is not None:
            fields[self.kind.identity] = identity
        fields.update(self._data(window))
        fields["communication_status"] = self.answers(window)
        fields["as_of"] = self.as_of[window]
        fields["parent"] = self.parent
        if window in self.labels:
            fields["label"] = self.labels[window]
        return fields

    def _data(self, window: int) -> Fields:
        if self.presence[window] != REPORTED:
            return {}
        fields: Fields = {}
        at = window * WORD
        if self.kind.has_delay:
            fields["delay"] = self.words[at + 2] | self.words[at + 3] << 8
        fields.update(self.kind.show_flags(self.words[at + 1]))
        return fields

    # changing

    def insert(self, window: int, at: int) -> None:
        """A unit seen for the first time."""
        self._grow_to(window)
        self.is_relisted = True
        self.presence[window] = _LISTED
        self.first_seen[window] = at
        self.touch(window, at)

    def touch(self, window: int, at: int) -> None:
        """A frame of time `at` named the unit."""
        self.as_of[window] = max(self.as_of[window], at)
        self.as_of_max = max(self.as_of_max, at)

    def set_identity(self, window: int, identity: int) -> Difference | None:
        """A list says which unit is in `window`."""
        if self.identities[window] == identity:
            return None
        before = self.shown_identity(window)
        self.identities[window] = identity
        self.is_relisted = True
        return Difference({self.kind.identity: before}, {self.kind.identity: self.shown_identity(window)})

    def set_word(self, window: int, word: bytes) -> Difference | None:
        """Data say how the unit in `window` is. `word` as protocol.decode makes it, reserved bits taken out."""
        place = slice(window * WORD, window * WORD + WORD)
        old = self.words[place]
        if self.presence[window] != REPORTED:
            return self._report_first(window, word)
        if old == word:
            return None
        self.words[place] = word
        difference = self.kind.flags_changed(old[1], word[1])
        if old[2:] == word[2:]:
            return difference
        before: Fields = {"delay": old[2] | old[3] << 8, **difference.before}
        after: Fields = {"delay": word[2] | word[3] << 8, **difference.after}
        return Difference(before, after)

    def _report_first(self, window: int, word: bytes) -> Difference:
        self.presence[window] = REPORTED
        self.is_relisted = True
        self.words[window * WORD : window * WORD + WORD] = word
        after = self._data(window)
        before: Fields = dict.fromkeys(after)
        if self.answers(window):
            before["communication_status"], after["communication_status"] = False, True
        return Difference(before, after)

    def silence(self, window: int) -> Difference:
        """The unit answers no more, because its booster was disarmed."""
        self.words[window * WORD + 1] &= ~self.kind.answering
        return Difference(
            {"detonator_status": True, "communication_status": True},
            {"detonator_status": False, "communication_status": False},
        )

    def forget_published(self) -> None:
        """Nobody knows whose `as_of` was published: let it differ for every unit there is."""
        self.published_as_of = array("q", [-bool(presence) for presence in self.presence])

    def set_clock_back(self, clock: int) -> bool:
        """No `as_of` lies after `clock` any more. Whether one did."""
        if self.as_of_max <= clock:
            return False
        self.as_of = array("q", [min(at, clock) for at in self.as_of])
        self.as_of_max = clock
        return True

    def remove(self, window: int) -> None:
        """Forget the unit in `window`."""
        self.is_relisted = True
        self.presence[window] = _ABSENT
        self.words[window * WORD : window * WORD + WORD] = bytes(WORD)
        self.identities[window] = _NO_IDENTITY
        for column in (self.first_seen, self.as_of, self.published_as_of, self.versions):
            column[window] = 0
        self.labels.pop(window, None)

    def clear(self) -> list[int]:
        """Forget every unit. Returns the windows that were in use."""
        windows = list(self.windows())
        self._empty()
        self.is_relisted = True
        return windows

    # whole frames at once

    def can_take_at_once(self, first: int, count: int, at: int) -> bool:
        """Whether `count` windows from `first` on are units with data, none of them newer than `at`."""
        return at >= self.as_of_max and self.presence[first : first + count] == _ALL_REPORTED[:count]

    def differing(self, first: int, words: bytes | bytearray) -> list[int]:
        """The windows from `first` on whose words differ from `words`; bits without a name make no difference."""
        old = self.words[first * WORD : first * WORD + len(words)]
        if old == words:
            return []
        # As one number, all words are compared at once, and the lowest bit that is left tells the next that differs.
        left = (int.from_bytes(old, "little") ^ int.from_bytes(words, "little")) & self.kind.names_in_words
        windows, window = [], first
        while left:
            ahead = ((left & -left).bit_length() - 1) // _WORD_BITS
            window += ahead
            windows.append(window)
            window += 1
            left >>= (ahead + 1) * _WORD_BITS
        return windows

    def touch_all(self, first: int, count: int, at: int) -> None:
        """A frame of time `at` named `count` units from window `first` on."""
        self.as_of[first : first + count] = array("q", (at,)) * count
        self.as_of_max = max(self.as_of_max, at)
