"""Subscriptions: whenever they begin and however slowly they are read, no gap and no repeat."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.change import DETONATORS_CLEARED, UNIT_RETIRED, Change, Fields
from stateserver.gateway import hub as hub_module
from stateserver.gateway import subscriptions
from stateserver.gateway.change_log import LoggedChange, logged
from stateserver.gateway.documents import is_within
from stateserver.gateway.hub import History, Hub, Opening, Wanted
from stateserver.gateway.messages import Message, frame_header
from stateserver.gateway.read_model import ReadModel, Rows
from stateserver.gateway.refusals import NotReady
from stateserver.gateway.subscriptions import Filter, Subscription, Why
from tests.domain.journals import journals
from tests.gateway.client import Client
from tests.gateway.test_system_model import folded, sample_events, without_as_of
from tests.gateway.worker import Worker


def opened(opening: Opening) -> dict[str, Any]:
    """As the answer to a subscribe says it."""
    answer: dict[str, Any] = {"cursor": opening.subscription.cursor}
    opening.subscription.answered = True
    return answer if opening.snapshot is None else answer | json.loads(b"{" + b"".join(opening.snapshot) + b"}")


def read(due: Message | None) -> dict[str, Any]:
    """A notification as its client reads it."""
    assert due is not None
    json_bytes = b"".join(due.json)
    assert b"".join(due.frame) == frame_header(len(json_bytes)) + json_bytes
    notification: dict[str, Any] = json.loads(json_bytes)
    assert notification["jsonrpc"] == "2.0"
    return notification


async def drain(hub: Hub, subscription: Subscription, client: Client, at_most: int = 10_000) -> None:
    """Give the client what is due to it, or some of it."""
    for _ in range(at_most):
        due = hub.due(subscription)
        if due is not None:
            client.take(read(due))
        elif subscription.behind:
            async for one in hub.catch_up(subscription):
                client.take(read(one))
        else:
            return


class Topic:
    """What lies in `changes`, as its reader finds it."""

    def __init__(self, events: Sequence[Change], begins: int = 0) -> None:
        self.events = events
        self.begins = begins
        self.asked = 0

    async def changes(self, system: str, after: int, limit: int) -> Sequence[LoggedChange] | None:
        self.asked += 1
        return None if after < self.begins else [logged(event) for event in self.events[after : after + limit]]


EVENTS = st.builds(lambda journal: Worker().run(journal).events, journals())
STEPS = st.lists(st.sampled_from(["event", "event", "event", "subscribe", "resume", "read", "read_one"]), max_size=150)


@given(EVENTS, STEPS, st.integers(1, 12), st.none() | st.integers(0, 40), st.data())
async def test_every_client_holds_the_fold_of_all_events(
    events: list[Change], steps: list[str], capacity: int, begins: int | None, data: st.DataObject
) -> None:
    reading = ReadModel(log_capacity=capacity)
    hub = Hub(reading, None if begins is None else Topic(events, begins))
    clients: list[tuple[Subscription, Client]] = []
    told = 0
    reading.begin(Rows())
    for step in [*steps, *["event"] * len(events)]:
        if step == "event" and told < len(events):
            reading.fold(events[told])
            told += 1
        elif step == "subscribe" and told:
            opening = await hub.open(Wanted("site"), len(clients))
            clients.append((opening.subscription, Client(opened(opening))))
        elif step == "resume" and clients:
            index = data.draw(st.integers(0, len(clients) - 1))
            subscription, client = clients[index]
            opening = await hub.open(Wanted("site", client.cursor))
            if opening.snapshot is not None:
                assert opening.why is (Why.TOO_FAR_BEHIND if begins is None else Why.HISTORY_GONE)
                client.start_over(opened(opening)["snapshot"])
            opening.subscription.answered = True
            assert opening.subscription.cursor == client.cursor
            clients[index] = (opening.subscription, client)
        elif step.startswith("read") and clients:
            subscription, client = clients[data.draw(st.integers(0, len(clients) - 1))]
            await drain(hub, subscription, client, 1 if step == "read_one" else 10_000)
            assert without_as_of(client.units) == without_as_of(folded(events[: client.cursor]))
    for subscription, client in clients:
        await drain(hub, subscription, client)
        assert client.cursor == len(events)
        assert without_as_of(client.units) == without_as_of(folded(events))


@given(EVENTS, st.sampled_from(["3/1", "3/1/4", "3/2", "0/1", "3/1/4/2", "1/1"]), st.data())
async def test_a_path_limits_a_subscription_to_a_unit_and_those_below_it(
    events: list[Change], path: str, data: st.DataObject
) -> None:
    reading = ReadModel()
    hub = Hub(reading)
    start = data.draw(st.integers(0, len(events)))
    for event in events[:start]:
        reading.fold(event)
    if not start:
        return
    opening = await hub.open(Wanted("site", None, Filter(path)))
    client = Client(opened(opening), strict=False)
    for event in events[start:]:
        reading.fold(event)
    await drain(hub, opening.subscription, client)
    within = {unit: fields for unit, fields in folded(events).items() if is_within(unit, path)}
    held = {unit: fields for unit, fields in client.units.items() if is_within(unit, path)}
    assert without_as_of(held) == without_as_of(within)
    assert opening.subscription.cursor == len(events)
    by_version = {event.version: event for event in events}
    for version in client.versions:
        event = by_version[version]
        assert event.unit is not None
        takes_away = event.kind in (DETONATORS_CLEARED, UNIT_RETIRED) and is_within(path, event.unit)
        assert is_within(event.unit, path) or takes_away


@pytest.mark.parametrize("path", ["3/1", "3/1/4/2", "3/1/4"])
async def test_whoever_watches_a_unit_hears_that_it_is_retired_with_its_booster(path: str) -> None:
    reading = ReadModel()
    added, *_ = sample_events()
    below = added._replace(version=2, unit="3/1/4/2", after={"type": 4})
    for event in (added, below):
        reading.fold(event)
    hub = Hub(reading)
    opening = await hub.open(Wanted("site", None, Filter(path)))
    client = Client(opened(opening), strict=False)
    assert client.units
    details: Fields = {"count": 1, "actor": "anna"}
    reading.fold(Change("site", 3, 9, UNIT_RETIRED, "3/1", {}, {}, None, None, False, details))
    await drain(hub, opening.subscription, client)
    assert client.units == {}
    assert reading.systems["site"].units == {}
    assert read_units(opened(await hub.open(Wanted("site", None, Filter(path))))) == []


def read_units(opening: dict[str, Any]) -> object:
    return opening["snapshot"]["units"]


@given(EVENTS, st.sets(st.sampled_from(["unit_added", "operation_changed", "warning_raised"]), min_size=1))
async def test_kinds_limit_a_subscription_to_events_of_that_name(events: list[Change], kinds: set[str]) -> None:
    reading = ReadModel()
    hub = Hub(reading)
    for event in events:
        reading.fold(event)
    if not events:
        return
    opening = await hub.open(Wanted("site", 0, Filter(None, frozenset(kinds))))
    opened(opening)
    versions: list[int] = []
    told = 0
    while (due := hub.due(opening.subscription)) is not None:
        params = read(due)["params"]
        versions += [change["version"] for change in params["changes"]]
        told = params["cursor"]
    assert opening.subscription.cursor == len(events)
    place = hub.place(opening.subscription)
    assert (place is None) == (told == len(events))
    assert place is None or (read(place)["params"]["changes"], read(place)["params"]["cursor"]) == ([], len(events))
    assert hub.place(opening.subscription) is None
    assert versions == [event.version for event in events if event.kind in kinds]


async def subscribed(capacity: int = 10, history: History | None = None) -> tuple[ReadModel, Hub, Subscription, Client]:
    """A system of one event, with a client that has it."""
    reading = ReadModel(log_capacity=capacity)
    reading.fold(sample_events()[0])
    hub = Hub(reading, history)
    opening = await hub.open(Wanted("site"))
    return reading, hub, opening.subscription, Client(opened(opening))


async def start_over(hub: Hub, subscription: Subscription) -> dict[str, Any]:
    """The snapshot that a subscription gets which can't go on."""
    assert hub.due(subscription) is None
    assert subscription.behind
    (due,) = [one async for one in hub.catch_up(subscription)]
    notification = read(due)
    assert notification["method"] == "snapshot"
    assert notification["params"]["cursor"] == notification["params"]["snapshot"]["version"] == subscription.cursor
    assert hub.due(subscription) is None
    assert subscription.live
    return notification


async def test_a_client_that_is_too_far_behind_gets_a_fresh_snapshot_that_says_so() -> None:
    reading, hub, subscription, _ = await subscribed(capacity=1)
    for event in sample_events()[1:]:
        reading.fold(event)
    reading.systems["site"].log.keep(1)
    assert (await start_over(hub, subscription))["params"]["reason"] == "too_far_behind"
    assert subscription.cursor == 3


async def test_a_system_that_was_read_anew_is_sent_anew() -> None:
    reading, hub, subscription, client = await subscribed()
    fresh = reading.begin(Rows())
    for event in sample_events():
        fresh.fold(event)
    reading.adopt(fresh)
    notification = await start_over(hub, subscription)
    assert notification["params"]["reason"] == "read_anew"
    client.take(notification)
    assert client.cursor == 3


async def test_a_system_that_went_back_is_sent_anew_and_not_resumed() -> None:
    """As when a broker that keeps nothing has been started again under a gateway."""
    reading, hub, subscription, _ = await subscribed()
    for event in sample_events()[1:]:
        reading.fold(event)
    assert hub.due(subscription) is not None
    reading.adopt(reading.begin(Rows()))
    notification = await start_over(hub, subscription)
    assert notification["params"]["cursor"] == 0
    assert notification["params"]["snapshot"]["units"] == []
    reopened = await hub.open(Wanted("site", 3))
    assert (reopened.why, reopened.subscription.cursor) == (Why.CURSOR_AHEAD, 0)


async def test_a_client_is_told_when_what_it_holds_is_no_longer_to_be_trusted() -> None:
    reading, hub, subscription, client = await subscribed()
    reading.fold(sample_events()[2])
    await drain(hub, subscription, client)
    assert not client.whole
    assert client.cursor == 1


async def test_a_message_is_written_once_for_all_who_want_the_same() -> None:
    reading, hub, first, _ = await subscribed()
    kinds = frozenset({"unit_added", "unit_changed"})
    second = (await hub.open(Wanted("site"))).subscription
    third = (await hub.open(Wanted("site", None, Filter(None, kinds)))).subscription
    fourth = (await hub.open(Wanted("site", None, Filter(None, frozenset(sorted(kinds)))))).subscription
    other = (await hub.open(Wanted("site"), 2)).subscription
    assert len({first.name, second.name, third.name, fourth.name, other.name}) == 3
    reading.fold(sample_events()[1])
    due = hub.due(first)
    assert due is not None
    assert hub.due(second) is due
    assert hub.due(third) is hub.due(fourth) is not None
    assert hub.due(other) is not due


async def test_a_snapshot_of_few_units_is_written_once_while_nothing_changes() -> None:
    reading, hub, *_ = await subscribed()
    one, other = [(await hub.open(Wanted("site"), ordinal)).snapshot for ordinal in (2, 3)]
    assert one is not None
    assert other is not None
    assert all(mine is others for mine, others in zip(one[1:], other[1:], strict=True))
    reading.fold(sample_events()[1])
    assert (await hub.open(Wanted("site"), 4)).snapshot != one


async def test_many_changes_are_sent_in_messages_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MESSAGE_BYTES", 1)
    reading, hub, subscription, client = await subscribed()
    for event in sample_events()[1:]:
        reading.fold(event)
    await drain(hub, subscription, client, 1)
    assert client.cursor == 2
    await drain(hub, subscription, client, 1)
    assert client.cursor == 3


class Unreachable:
    """A broker that is gone."""

    async def changes(self, system: str, after: int, limit: int) -> Sequence[LoggedChange] | None:
        raise NotReady


@pytest.mark.parametrize(
    ("history", "cursor", "changes_max", "why"),
    [
        (None, 0, None, Why.TOO_FAR_BEHIND),
        (Topic(sample_events()), 0, None, None),
        (Topic(sample_events(), begins=1), 0, None, Why.HISTORY_GONE),
        (Topic([]), 0, None, Why.HISTORY_GONE),
        (Topic(sample_events()), 0, 2, Why.TOO_FAR_BEHIND),
        (Topic(sample_events()), 0, 3, None),
        (Unreachable(), 0, None, Why.HISTORY_UNREACHABLE),
        (Unreachable(), 2, None, None),
        (Unreachable(), 3, None, None),
        (Unreachable(), 4, None, Why.CURSOR_AHEAD),
    ],
)
async def test_a_cursor_is_resumed_from_memory_else_from_the_topic_else_there_is_a_snapshot(
    history: History | None, cursor: int, changes_max: int | None, why: Why | None
) -> None:
    reading, hub, *_ = await subscribed(history=history)
    for event in sample_events()[1:]:
        reading.fold(event)
    reading.systems["site"].log.keep(1)
    opening = await hub.open(Wanted("site", cursor, changes_max=changes_max))
    assert opening.why is why
    assert (opening.snapshot is None) == (why is None)
    client = Client(opened(opening))
    if why is None:
        client.units = folded(sample_events()[:cursor])
    await drain(hub, opening.subscription, client)
    assert client.units == folded(sample_events())
    assert client.versions == ([] if why else list(range(cursor + 1, 4)))
    assert client.cursor == 3
    assert opening.subscription.live


async def test_history_that_ends_while_it_is_sent_is_followed_by_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "OLDER_AT_ONCE", 1)
    topic = Topic(sample_events())
    reading, hub, *_ = await subscribed(history=topic)
    for event in sample_events()[1:]:
        reading.fold(event)
    reading.systems["site"].log.keep(1)
    opening = await hub.open(Wanted("site", 0))
    topic.begins = 10
    client = Client(opened(opening))
    await drain(hub, opening.subscription, client)
    assert (client.versions, client.snapshots, client.cursor) == ([1], 1, 3)


async def test_a_cursor_at_the_present_is_resumed_though_no_change_was_read() -> None:
    """As after the gateway was started again, with nothing new since the checkpoint."""
    rows = Rows()
    rows.put_system(Worker().run([])._system_row(0)._replace(version=7))
    reading = ReadModel()
    reading.adopt(reading.begin(rows))
    opening = await Hub(reading).open(Wanted("site", 7))
    assert opening.snapshot is None


class Sleeper:
    """A watcher that counts how often it is woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


def test_only_who_watches_a_system_is_woken_by_it() -> None:
    hub, site, other = Hub(ReadModel()), Sleeper(), Sleeper()
    hub.watch("site", site)
    hub.watch("other", other)
    hub.published(["site"])
    assert (site.woken, other.woken) == (1, 0)
    hub.unwatch("site", site)
    hub.published(["site"])
    hub.wake_all()
    assert (site.woken, other.woken) == (1, 1)
