"""The subscriptions of all connections on one read model: it makes messages, and sends none."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, NamedTuple, Protocol
from weakref import WeakValueDictionary

from stateserver.codec.era import FIRST_ERA
from stateserver.gateway import compact_json
from stateserver.gateway.change_log import LoggedChange
from stateserver.gateway.messages import Message, Pieces
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.refusals import Refusal
from stateserver.gateway.snapshots import Snapshot, Snapshots
from stateserver.gateway.subscriptions import (
    CHANGES_A_MESSAGE,
    Audience,
    Filter,
    Subscription,
    Why,
    name_of,
)
from stateserver.gateway.system_model import SystemModel

OLDER_AT_ONCE: Final = 1_000
"""How many changes are read from the topic in one go, for a client that comes back late."""


class Watcher(Protocol):
    """Whoever sends a connection's messages."""

    def wake(self) -> None:
        """Something may be there to be sent. Called often: it must return at once."""


class History(Protocol):
    """Changes that are no longer in memory."""

    async def changes(self, system: str, after: int, limit: int) -> Sequence[LoggedChange] | None:
        """Up to `limit` that follow the version `after`; None where the first is gone. Raises Refusal."""


class Wanted(NamedTuple):
    """What a client asks for when it subscribes."""

    system: str
    cursor: int | None = None
    filter: Filter = Filter()
    zipped: bool = False
    era: int = FIRST_ERA
    """That of its cursor."""
    changes_max: int | None = None
    """It would rather have a snapshot than more changes than these."""


class Opening(NamedTuple):
    """The answer to a subscribe: `why` it could not be resumed, and what it is sent of the present then."""

    subscription: Subscription
    why: Why | None = None
    snapshot: Pieces | None = None


class Hub:
    """Opens subscriptions, and says what is due to each."""

    def __init__(self, reading: ReadModel, history: History | None = None) -> None:
        self.history = history
        self._reading = reading
        self._watchers: dict[str, set[Watcher]] = {}
        self._audiences: WeakValueDictionary[tuple[str, str], Audience] = WeakValueDictionary()
        self._snapshots = Snapshots(reading)

    async def open(self, wanted: Wanted, ordinal: int = 1) -> Opening:
        """Begin a subscription after a cursor, or at the present. Raises KeyError for an unknown system.

        `ordinal` counts what one connection has opened of the same: names must differ there, and only there.
        """
        why = None
        if wanted.cursor is not None:
            resumed = await self._resume(wanted, wanted.cursor, ordinal)
            if isinstance(resumed, Subscription):
                return Opening(resumed)
            why = resumed
        snapshot = await self._snapshots.of(wanted.system, wanted.filter.units)
        pieces = await _snapshot_member(snapshot, zipped=wanted.zipped)
        audience = self._audience(wanted, ordinal)
        opened = Subscription(
            audience, snapshot.generation, snapshot.version, whole=snapshot.whole, zipped=wanted.zipped
        )
        return Opening(opened, why, pieces)

    async def _resume(self, wanted: Wanted, cursor: int, ordinal: int) -> Subscription | Why:
        model = self._reading.systems[wanted.system]
        if wanted.era != model.era:
            return Why.BEGUN_ANEW
        if cursor > model.version:
            return Why.CURSOR_AHEAD
        if wanted.changes_max is not None and model.version - cursor > wanted.changes_max:
            return Why.TOO_FAR_BEHIND
        older = None if _holds(model, cursor) else await self._read_older(wanted.system, cursor)
        if isinstance(older, Why):
            return older
        audience = self._audience(wanted, ordinal)
        resumed = Subscription(audience, model.generation, cursor, whole=True, zipped=wanted.zipped)
        resumed.older = older
        return resumed

    def _audience(self, wanted: Wanted, ordinal: int) -> Audience:
        name = f"{name_of(wanted.system, wanted.filter)}-{ordinal}"
        audience = self._audiences.get((wanted.system, name))
        if audience is None:
            audience = self._audiences[wanted.system, name] = Audience(name, wanted.system, wanted.filter)
        return audience

    def due(self, subscription: Subscription) -> Message | None:
        """The next notification to send, the cursor moving with it; None where there is nothing in memory.

        One that the log has left behind is `behind` from then on.
        """
        model = self._reading.systems[subscription.system]
        if subscription.generation != model.generation:
            subscription.lost = Why.READ_ANEW
            return None
        if subscription.told_whole != model.whole:
            return _standing(subscription, model)
        while subscription.cursor < model.version:
            stretch = subscription.audience.after(subscription.cursor, model)
            if stretch is None:
                subscription.lost = Why.TOO_FAR_BEHIND
                return None
            subscription.cursor = stretch.cursor
            if stretch.message is not None:
                subscription.told = stretch.cursor
                return stretch.message
        return None

    def place(self, subscription: Subscription) -> Message | None:
        """Tells how far the client has come, where it doesn't know: so it can come back from there."""
        if not subscription.answered or subscription.lost or subscription.told == subscription.cursor:
            return None
        subscription.told = subscription.cursor
        return subscription.audience.changes(subscription.cursor)

    async def catch_up(self, subscription: Subscription) -> AsyncIterator[Message]:
        """What brings one that is `behind` back to what lies in memory."""
        while subscription.older is not None and not subscription.ended:
            model = self._reading.systems[subscription.system]
            if subscription.generation != model.generation:
                subscription.lost, subscription.older = Why.READ_ANEW, None
            elif _holds(model, subscription.cursor):
                subscription.older = None
            elif not subscription.older:
                older = await self._read_older(subscription.system, subscription.cursor)
                if isinstance(older, Why):
                    subscription.lost, subscription.older = older, None
                else:
                    subscription.older = older
            elif (sent := self._send_older(subscription, subscription.older)) is not None:
                yield sent
        if subscription.lost is not None and not subscription.ended:
            yield await self._start_over(subscription, subscription.lost)

    def _send_older(self, subscription: Subscription, older: Sequence[LoggedChange]) -> Message | None:
        stretch = subscription.audience.stretch(older[:CHANGES_A_MESSAGE])
        subscription.older = older[stretch.cursor - subscription.cursor :]
        subscription.cursor = stretch.cursor
        if stretch.message is not None:
            subscription.told = stretch.cursor
        return stretch.message

    async def _read_older(self, system: str, cursor: int) -> Sequence[LoggedChange] | Why:
        if self.history is None:
            return Why.TOO_FAR_BEHIND
        try:
            older = await self.history.changes(system, cursor, OLDER_AT_ONCE)
        except Refusal:
            return Why.HISTORY_UNREACHABLE
        if not older or older[0].version != cursor + 1:
            return Why.HISTORY_GONE
        return older

    async def _start_over(self, subscription: Subscription, why: Why) -> Message:
        snapshot = await self._snapshots.of(subscription.system, subscription.audience.wanted.units)
        pieces = await _snapshot_member(snapshot, zipped=subscription.zipped)
        subscription.generation = snapshot.generation
        subscription.cursor = subscription.told = snapshot.version
        subscription.told_whole, subscription.lost = snapshot.whole, None
        reason = b'"reason":%b,' % compact_json.encode(why)
        return subscription.audience.notification("snapshot", snapshot.version, reason, *pieces)

    def watch(self, system: str, watcher: Watcher) -> None:
        """Wake this one whenever the system has something new."""
        self._watchers.setdefault(system, set()).add(watcher)

    def unwatch(self, system: str, watcher: Watcher) -> None:
        """No longer."""
        watchers = self._watchers.get(system, set())
        watchers.discard(watcher)
        if not watchers:
            self._watchers.pop(system, None)

    def published(self, systems: Iterable[str]) -> None:
        """These systems have something new: wake who watches them."""
        for system in systems:
            for watcher in self._watchers.get(system, ()):
                watcher.wake()

    def wake_all(self) -> None:
        """Whether we see the present has changed: wake everybody."""
        self.published(list(self._watchers))


def _holds(model: SystemModel, cursor: int) -> bool:
    """Does memory hold all that follows on `cursor`?"""
    return cursor == model.version or model.log.after(cursor, 0) is not None


async def _snapshot_member(snapshot: Snapshot, *, zipped: bool) -> Pieces:
    """The snapshot as a member of an object."""
    if zipped:
        return (b'"snapshot_gzip":"', *await snapshot.zipped(), b'"')
    return (b'"snapshot":', *snapshot.json)


def _standing(subscription: Subscription, model: SystemModel) -> Message:
    """Tells whether what the client holds can be trusted, when that has changed."""
    subscription.told_whole = model.whole
    trouble = model.trouble.value if model.trouble else None
    rest = b'"whole":%b,"trouble":%b' % (compact_json.encode(model.whole), compact_json.encode(trouble))
    return subscription.audience.notification("standing", subscription.cursor, rest)
