"""Subscriptions, and the messages that those who want the same have in common (pure).

A subscription is a place in its system's log, no queue: so a slow client costs no memory and holds up nobody.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from hashlib import blake2b
from itertools import accumulate, takewhile
from typing import Final, NamedTuple

from stateserver.domain.change import DETONATORS_CLEARED, UNIT_RETIRED
from stateserver.gateway import compact_json
from stateserver.gateway.change_log import LoggedChange
from stateserver.gateway.documents import is_within
from stateserver.gateway.messages import Message, message
from stateserver.gateway.system_model import SystemModel

CHANGES_A_MESSAGE: Final = 500
MESSAGE_BYTES: Final = 256 * 1024
"""A message holds no more changes than so many bytes, but for a single one that is larger."""
STRETCHES_KEPT: Final = 64
NAME_BYTES: Final = 6


class Why(StrEnum):
    """Why a client got a fresh snapshot and not the changes since its cursor."""

    READ_ANEW = "read_anew"
    """The gateway had to read the topics anew: it may have told what isn't so."""
    TOO_FAR_BEHIND = "too_far_behind"
    """More changes came than are held for a slow client, or than it wants at once."""
    BEGUN_ANEW = "begun_anew"
    """What was told of the system was withdrawn and told anew: its versions are others now."""
    CURSOR_AHEAD = "cursor_ahead"
    """There is no such version yet: the cursor is from elsewhere, or the journal was begun anew."""
    HISTORY_GONE = "history_gone"
    """The changes are older than what Kafka keeps."""
    HISTORY_UNREACHABLE = "history_unreachable"
    """The changes are in Kafka, and it can't be asked at present."""


class Filter(NamedTuple):
    """Which changes a subscription wants: None for all."""

    units: str | None = None
    kinds: frozenset[str] | None = None

    def wants(self, change: LoggedChange) -> bool:
        """Is this change one of them?"""
        if self.kinds is not None and change.kind not in self.kinds:
            return False
        return self.units is None or (change.unit is not None and self._concerns(change, change.unit))

    def _concerns(self, change: LoggedChange, unit: str) -> bool:
        assert self.units is not None
        # A booster that forgets its detonators, or is no more, takes away those that are watched.
        takes_away = change.kind in (DETONATORS_CLEARED, UNIT_RETIRED) and is_within(self.units, unit)
        return takes_away or is_within(unit, self.units)


def name_of(system: str, wanted: Filter) -> str:
    """What subscriptions to the same begin their names with, on whichever connection."""
    kinds = None if wanted.kinds is None else sorted(wanted.kinds)
    return blake2b(compact_json.encode([system, wanted.units, kinds]), digest_size=NAME_BYTES).hexdigest()


class Stretch(NamedTuple):
    """The changes after some cursor, up to `cursor`: None where all of them are filtered out."""

    cursor: int
    message: Message | None


class Audience:
    """Subscriptions of one name, each on another connection: what one of them is sent, all are sent."""

    def __init__(self, name: str, system: str, wanted: Filter) -> None:
        self.name = name
        self.system = system
        self.wanted = wanted
        self._generation = 0
        self._stretches: dict[int, Stretch] = {}

    def after(self, cursor: int, model: SystemModel) -> Stretch | None:
        """What follows on `cursor`, which is not the present; None where the log doesn't hold it any more."""
        if self._generation != model.generation:
            self._generation = model.generation
            self._stretches.clear()
        stretch = self._stretches.get(cursor)
        if stretch is None:
            changes = model.log.after(cursor, CHANGES_A_MESSAGE)
            if not changes:
                return None
            if len(self._stretches) >= STRETCHES_KEPT:
                del self._stretches[next(iter(self._stretches))]
            stretch = self._stretches[cursor] = self.stretch(changes)
        return stretch

    def stretch(self, changes: Sequence[LoggedChange]) -> Stretch:
        """The message of these changes, or of the first of them if they are too large for one."""
        sizes = accumulate(len(change.json) for change in changes)
        fitting = changes[: max(1, sum(1 for _ in takewhile(lambda size: size <= MESSAGE_BYTES, sizes)))]
        cursor = fitting[-1].version
        chosen = [change.json for change in fitting if self.wanted.wants(change)]
        return Stretch(cursor, self.changes(cursor, chosen) if chosen else None)

    def changes(self, cursor: int, changes: Iterable[bytes] = ()) -> Message:
        """The notification of these changes; without any, it tells how far the client has come."""
        return self.notification("changes", cursor, b'"changes":' + compact_json.join(changes))

    def notification(self, method: str, cursor: int, *rest: bytes) -> Message:
        """A notification with these other parameters, in pieces."""
        head = b'{"jsonrpc":"2.0","method":"%b","params":{"subscription":"%b","cursor":%d,%b'
        first = head % (method.encode(), self.name.encode(), cursor, rest[0])
        if len(rest) == 1:
            return message(first + b"}}")
        return message(first, *rest[1:], b"}}")


class Subscription:
    """All changes of its system up to `cursor` were sent, or are in a snapshot that was, or are filtered out."""

    def __init__(self, audience: Audience, generation: int, cursor: int, *, whole: bool, zipped: bool) -> None:
        self.audience = audience
        self.system = audience.system
        self.cursor = cursor
        self.told = cursor
        """The cursor that the client knows: behind, while all that comes is filtered out."""
        self.zipped = zipped
        self.generation = generation
        self.told_whole = whole
        self.answered = False
        """Whether the client has its answer: before it, notifications would come from nowhere."""
        self.older: Sequence[LoggedChange] | None = None
        """While the client catches up from the topic: what was read and not sent yet."""
        self.lost: Why | None = None
        """Why it needs a fresh snapshot."""
        self.ended = False

    @property
    def name(self) -> str:
        """What the client knows it by."""
        return self.audience.name

    @property
    def live(self) -> bool:
        """Does what is due to it lie in memory?"""
        return self.answered and self.older is None and self.lost is None and not self.ended

    @property
    def behind(self) -> bool:
        """Does it need more than what lies in memory?"""
        return self.answered and not self.ended and (self.older is not None or self.lost is not None)
