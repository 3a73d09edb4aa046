"""Who is sent which changes (pure: it writes messages and sends none).

A subscription is a place in its system's log, no queue: so a slow client costs no memory and holds up nobody.
One that the log has left behind gets a fresh snapshot, which says so. Resuming by cursor is the same thing.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from stateserver.domain.change import DETONATORS_CLEARED
from stateserver.gateway import compact_json
from stateserver.gateway.change_log import LoggedChange
from stateserver.gateway.documents import is_within, snapshot_document
from stateserver.gateway.read_model import ReadModel
from stateserver.gateway.system_model import SystemModel

CHANGES_A_MESSAGE = 500
MESSAGES_CACHED = 256


class Watcher(Protocol):
    """Whoever sends a connection's messages."""

    def wake(self) -> None:
        """Something may be there to be sent. Called often: it must return at once."""


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
        # A booster that forgets its detonators takes away those that are watched.
        takes_away = change.kind == DETONATORS_CLEARED and is_within(self.units, unit)
        return takes_away or is_within(unit, self.units)


class Subscription:
    """All changes of `system` up to `cursor` were sent, or are in a snapshot that was."""

    def __init__(self, name: str, model: SystemModel, cursor: int, wanted: Filter) -> None:
        self.name = name
        self.system = model.name
        self.cursor = cursor
        self.wanted = wanted
        self.generation = model.generation
        self.told_whole = model.whole
        self.answered = False
        """Whether the client has its answer: before it, notifications would come from nowhere."""


class Opening(NamedTuple):
    """The answer to a subscribe: `snapshot` is JSON, or None where the cursor could be resumed."""

    subscription: Subscription
    snapshot: bytes | None


class Hub:
    """Subscriptions of all connections, on one read model."""

    def __init__(self, reading: ReadModel) -> None:
        self._reading = reading
        self._watchers: dict[str, set[Watcher]] = {}
        self._messages: dict[tuple[object, ...], bytes | None] = {}
        self._snapshots: dict[tuple[str, str | None], tuple[tuple[int, ...], bytes]] = {}

    def open(self, name: str, system: str, cursor: int | None, wanted: Filter) -> Opening:
        """Begin a subscription after `cursor`, or at the present. Raises KeyError for an unknown system."""
        model = self._reading.systems[system]
        if cursor is not None and model.log.after(cursor, 0) is not None:
            return Opening(Subscription(name, model, cursor, wanted), None)
        return Opening(Subscription(name, model, model.version, wanted), self._snapshot(model, wanted.units))

    def next_message(self, subscription: Subscription) -> bytes | None:
        """The next notification to send, as JSON; None where there is nothing. The cursor moves with it."""
        model = self._reading.systems[subscription.system]
        if subscription.generation != model.generation:
            return self._start_over(subscription, model, "read_anew")
        if subscription.told_whole != model.whole:
            return _standing(subscription, model)
        while subscription.cursor < model.version:
            changes = model.log.after(subscription.cursor, CHANGES_A_MESSAGE)
            if changes is None:
                return self._start_over(subscription, model, "too_far_behind")
            message = self._changes_message(subscription, model, changes)
            subscription.cursor = changes[-1].version
            if message is not None:
                return message
        return None

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

    def _start_over(self, subscription: Subscription, model: SystemModel, reason: str) -> bytes:
        subscription.cursor, subscription.generation = model.version, model.generation
        subscription.told_whole = model.whole
        return _notification(
            "snapshot",
            subscription.name,
            model.version,
            b'"reason":%b,"snapshot":%b'
            % (compact_json.encode(reason), self._snapshot(model, subscription.wanted.units)),
        )

    def _changes_message(
        self, subscription: Subscription, model: SystemModel, changes: Sequence[LoggedChange]
    ) -> bytes | None:
        # Clients that keep up ask for the same stretch under the same name, so one message serves them all.
        name, wanted, last = subscription.name, subscription.wanted, changes[-1].version
        key = (model.name, model.generation, subscription.cursor, last, name, wanted)
        if key not in self._messages:
            if len(self._messages) >= MESSAGES_CACHED:
                del self._messages[next(iter(self._messages))]
            chosen = [change.json for change in changes if wanted.wants(change)]
            body = b'"changes":' + compact_json.join(chosen)
            self._messages[key] = _notification("changes", name, last, body) if chosen else None
        return self._messages[key]

    def _snapshot(self, model: SystemModel, prefix: str | None) -> bytes:
        stamp = (model.generation, model.revision, self._reading.blasts.revision)
        cached = self._snapshots.get((model.name, prefix))
        if cached is not None and cached[0] == stamp:
            return cached[1]
        snapshot = compact_json.encode(snapshot_document(self._reading, model, prefix))
        if prefix is None:
            self._snapshots[model.name, prefix] = (stamp, snapshot)
        return snapshot


def _standing(subscription: Subscription, model: SystemModel) -> bytes:
    """Tells whether what the client holds can be trusted, when that has changed."""
    subscription.told_whole = model.whole
    trouble = model.trouble.value if model.trouble else None
    rest = b'"whole":%b,"trouble":%b' % (compact_json.encode(model.whole), compact_json.encode(trouble))
    return _notification("standing", subscription.name, subscription.cursor, rest)


def _notification(method: str, subscription: str, cursor: int, rest: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","method":"%b","params":{"subscription":%b,"cursor":%d,%b}}' % (
        method.encode(),
        compact_json.encode(subscription),
        cursor,
        rest,
    )
