"""The JSON-RPC methods of one connection (spec page 4): what all can read, and its own subscriptions."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from stateserver.domain.change import KINDS
from stateserver.gateway import compact_json
from stateserver.gateway.auth import Visitor
from stateserver.gateway.guard import Guard
from stateserver.gateway.hub import Hub, Wanted, Watcher
from stateserver.gateway.json_rpc import Method, Params
from stateserver.gateway.liveness import Liveness
from stateserver.gateway.messages import Message, Pieces
from stateserver.gateway.operations import METHODS
from stateserver.gateway.parameters import NoParameters, Subscribe, Unsubscribe, check
from stateserver.gateway.queries import Queries
from stateserver.gateway.reading import READERS
from stateserver.gateway.refusals import BadRequest, TooMany, UnknownSubscription
from stateserver.gateway.rpc_journal import journal_methods
from stateserver.gateway.subscriptions import Filter, Subscription, name_of

SUBSCRIPTIONS_MAX: Final = 256
OPENED_MAX: Final = 10_000
"""How often one connection may subscribe at all: what it opened is remembered, so that no name comes twice."""


class Session:
    """A connection's principal and subscriptions."""

    def __init__(
        self, visitor: Visitor, guard: Guard, queries: Queries, hub: Hub, liveness: Liveness, watcher: Watcher
    ) -> None:
        self.who = visitor.principal
        self.subscriptions: dict[str, Subscription] = {}
        self._visitor = visitor
        self._guard = guard
        self._queries = queries
        self._hub = hub
        self._liveness = liveness
        self._watcher = watcher
        self._opened: Counter[str] = Counter()

    def methods(self) -> dict[str, Method]:
        """The methods by name, each behind the guard."""
        return {name: self._guarded(name, method) for name, method in self._own_methods().items()}

    def _guarded(self, name: str, method: Method) -> Method:
        async def guarded(params: Params) -> bytes | Pieces:
            return await self._guard.call(self._visitor, name, params, method)

        return guarded

    def _own_methods(self) -> dict[str, Method]:
        return {
            **{name: self._reading(name) for name in METHODS if name in READERS},
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "ping": self._ping,
            **(journal_methods(self.who, self._queries.journal) if self._queries.journal else {}),
        }

    def _reading(self, name: str) -> Method:
        parameters, reader = METHODS[name].takes, READERS[name]

        async def read(params: Params) -> bytes:
            return await (await reader(self._queries, self.who, check(parameters, params))).content()

        return read

    def due(self) -> Iterator[Message]:
        """Notifications that lie ready, of one subscription after the other, until there are none."""
        pending: Iterable[Subscription] = self.subscriptions.values()
        while pending:
            more = []
            for subscription in pending:
                if subscription.live and (message := self._hub.due(subscription)) is not None:
                    more.append(subscription)
                    yield message
            pending = more

    def behind(self) -> list[Subscription]:
        """Those that need more than what lies ready."""
        return [one for one in self.subscriptions.values() if one.behind]

    def places(self) -> Iterator[Message]:
        """Tell the cursors that the client doesn't know."""
        for subscription in self.subscriptions.values():
            message = self._hub.place(subscription)
            if message is not None:
                yield message

    def answered(self) -> None:
        """The answers to all requests so far have been sent."""
        for subscription in self.subscriptions.values():
            subscription.answered = True

    def close(self) -> None:
        """The connection is gone."""
        for subscription in self.subscriptions.values():
            subscription.ended = True
            self._hub.unwatch(subscription.system, self._watcher)
        self.subscriptions.clear()

    async def _subscribe(self, params: Params) -> Pieces:
        wanted = _wanted(check(Subscribe, params))
        self._queries.model(self.who, wanted.system)
        if len(self.subscriptions) >= SUBSCRIPTIONS_MAX:
            raise TooMany(f"a connection may have {SUBSCRIPTIONS_MAX} subscriptions", "unsubscribe from one")
        if self._opened.total() >= OPENED_MAX:
            raise TooMany(f"a connection may subscribe {OPENED_MAX} times", "connect again")
        content = name_of(wanted.system, wanted.filter)
        self._opened[content] += 1
        opening = await self._hub.open(wanted, self._opened[content])
        subscription = opening.subscription
        self.subscriptions[subscription.name] = subscription
        self._hub.watch(wanted.system, self._watcher)
        answer = {"subscription": subscription.name, "cursor": subscription.cursor}
        if wanted.cursor is not None:
            answer |= {"resumed": opening.snapshot is None} | ({"why": opening.why} if opening.why else {})
        head = compact_json.encode(answer)
        return (head,) if opening.snapshot is None else (head[:-1] + b",", *opening.snapshot, b"}")

    async def _unsubscribe(self, params: Params) -> bytes:
        name = check(Unsubscribe, params).subscription
        subscription = self.subscriptions.pop(name, None)
        if subscription is None:
            raise UnknownSubscription(name)
        subscription.ended = True
        if all(other.system != subscription.system for other in self.subscriptions.values()):
            self._hub.unwatch(subscription.system, self._watcher)
        return b"true"

    async def _ping(self, params: Params) -> bytes:
        check(NoParameters, params)
        return compact_json.encode(self._liveness.document())


def _wanted(subscribe: Subscribe) -> Wanted:
    unknown = sorted(set(subscribe.kinds or ()) - set(KINDS))
    if unknown:
        raise BadRequest(f"there is no event {unknown[0]!r}", f"there are: {', '.join(KINDS)}")
    kinds = None if subscribe.kinds is None else frozenset(subscribe.kinds)
    return Wanted(
        subscribe.system,
        subscribe.cursor,
        Filter(subscribe.units, kinds),
        zipped=subscribe.compress is not None,
        era=subscribe.era,
        changes_max=subscribe.changes_max,
    )
