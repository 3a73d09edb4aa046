"""Subscriptions: whenever they begin and however slowly they are read, no gap and no repeat."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.change import DETONATORS_CLEARED, Change
from stateserver.gateway import subscriptions
from stateserver.gateway.documents import is_within
from stateserver.gateway.read_model import ReadModel, Rows
from stateserver.gateway.subscriptions import Filter, Hub, Opening, Subscription
from tests.domain.journals import journals
from tests.gateway.client import Client
from tests.gateway.test_system_model import folded, sample_events, without_as_of
from tests.gateway.worker import Worker


def opened(opening: Opening) -> dict[str, Any]:
    """As the answer to a subscribe says it."""
    answer: dict[str, Any] = {"cursor": opening.subscription.cursor}
    return answer if opening.snapshot is None else answer | {"snapshot": json.loads(opening.snapshot)}


def drain(hub: Hub, subscription: Subscription, client: Client, at_most: int = 10_000) -> None:
    """Give the client what is due to it, or some of it."""
    for _ in range(at_most):
        message = hub.next_message(subscription)
        if message is None:
            return
        notification = json.loads(message)
        assert notification["jsonrpc"] == "2.0"
        assert notification["params"]["subscription"] == subscription.name
        client.take(notification)


EVENTS = st.builds(lambda journal: Worker().run(journal).events, journals())
STEPS = st.lists(st.sampled_from(["event", "event", "event", "subscribe", "resume", "read", "read_one"]), max_size=150)


@given(EVENTS, STEPS, st.integers(1, 12), st.data())
def test_every_client_holds_the_fold_of_all_events(
    events: list[Change], steps: list[str], capacity: int, data: st.DataObject
) -> None:
    reading = ReadModel(log_capacity=capacity)
    hub = Hub(reading)
    clients: list[tuple[Subscription, Client]] = []
    told = 0
    reading.begin(Rows())
    for step in [*steps, *["event"] * len(events)]:
        if step == "event" and told < len(events):
            reading.fold(events[told])
            told += 1
        elif step == "subscribe" and told:
            opening = hub.open(f"{len(clients)}", "site", None, Filter())
            clients.append((opening.subscription, Client(opened(opening))))
        elif step == "resume" and clients:
            index = data.draw(st.integers(0, len(clients) - 1))
            subscription, client = clients[index]
            opening = hub.open(subscription.name, "site", client.cursor, Filter())
            if opening.snapshot is not None:
                client.start_over(json.loads(opening.snapshot))
            assert opening.subscription.cursor == client.cursor
            clients[index] = (opening.subscription, client)
        elif step.startswith("read") and clients:
            subscription, client = clients[data.draw(st.integers(0, len(clients) - 1))]
            drain(hub, subscription, client, 1 if step == "read_one" else 10_000)
            assert without_as_of(client.units) == without_as_of(folded(events[: client.cursor]))
    for subscription, client in clients:
        drain(hub, subscription, client)
        assert client.cursor == len(events)
        assert without_as_of(client.units) == without_as_of(folded(events))


@given(EVENTS, st.sampled_from(["3/1", "3/1/4", "3/2", "0/1", "3/1/4/2", "1/1"]), st.data())
def test_a_path_limits_a_subscription_to_a_unit_and_those_below_it(
    events: list[Change], path: str, data: st.DataObject
) -> None:
    reading = ReadModel()
    hub = Hub(reading)
    start = data.draw(st.integers(0, len(events)))
    for event in events[:start]:
        reading.fold(event)
    if not start:
        return
    opening = hub.open("1", "site", None, Filter(path))
    client = Client(opened(opening), strict=False)
    for event in events[start:]:
        reading.fold(event)
    drain(hub, opening.subscription, client)
    within = {unit: fields for unit, fields in folded(events).items() if is_within(unit, path)}
    held = {unit: fields for unit, fields in client.units.items() if is_within(unit, path)}
    assert without_as_of(held) == without_as_of(within)
    assert opening.subscription.cursor == len(events)
    by_version = {event.version: event for event in events}
    for version in client.versions:
        event = by_version[version]
        assert event.unit is not None
        clears = event.kind == DETONATORS_CLEARED and is_within(path, event.unit)
        assert is_within(event.unit, path) or clears


@given(EVENTS, st.sets(st.sampled_from(["unit_added", "operation_changed", "warning_raised"]), min_size=1))
def test_kinds_limit_a_subscription_to_events_of_that_name(events: list[Change], kinds: set[str]) -> None:
    reading = ReadModel()
    hub = Hub(reading)
    for event in events:
        reading.fold(event)
    if not events:
        return
    opening = hub.open("1", "site", 0, Filter(None, frozenset(kinds)))
    versions: list[int] = []
    while (message := hub.next_message(opening.subscription)) is not None:
        versions += [change["version"] for change in json.loads(message)["params"]["changes"]]
    assert versions == [event.version for event in events if event.kind in kinds]


def subscribed(capacity: int = 10) -> tuple[ReadModel, Hub, Subscription, Client]:
    """A system of one event, with a client that has it."""
    reading = ReadModel(log_capacity=capacity)
    reading.fold(sample_events()[0])
    hub = Hub(reading)
    opening = hub.open("1", "site", None, Filter())
    return reading, hub, opening.subscription, Client(opened(opening))


def test_a_client_that_is_too_far_behind_gets_a_fresh_snapshot_that_says_so() -> None:
    reading, hub, subscription, _ = subscribed(capacity=1)
    for event in sample_events()[1:]:
        reading.fold(event)
    reading.systems["site"].log.keep(1)
    message = json.loads(hub.next_message(subscription) or b"null")
    assert message["method"] == "snapshot"
    assert message["params"]["reason"] == "too_far_behind"
    assert message["params"]["cursor"] == message["params"]["snapshot"]["version"] == 3
    assert hub.next_message(subscription) is None


def test_a_system_that_was_read_anew_is_sent_anew() -> None:
    reading, hub, subscription, client = subscribed()
    fresh = reading.begin(Rows())
    for event in sample_events():
        fresh.fold(event)
    reading.adopt(fresh)
    message = json.loads(hub.next_message(subscription) or b"null")
    assert (message["method"], message["params"]["reason"]) == ("snapshot", "read_anew")
    client.take(message)
    assert client.cursor == 3


def test_a_system_that_went_back_is_sent_anew_and_not_resumed() -> None:
    """As when a broker that keeps nothing has been started again under a gateway."""
    reading, hub, subscription, _ = subscribed()
    for event in sample_events()[1:]:
        reading.fold(event)
    assert hub.next_message(subscription) is not None
    reading.adopt(reading.begin(Rows()))
    message = json.loads(hub.next_message(subscription) or b"null")
    assert message["params"]["cursor"] == 0
    assert message["params"]["snapshot"]["units"] == []
    assert hub.open("2", "site", 3, Filter()).snapshot is not None


def test_a_client_is_told_when_what_it_holds_is_no_longer_to_be_trusted() -> None:
    reading, hub, subscription, client = subscribed()
    reading.fold(sample_events()[2])
    drain(hub, subscription, client)
    assert not client.whole
    assert client.cursor == 1


def test_a_message_is_written_once_for_all_who_keep_up() -> None:
    reading, hub, first, _ = subscribed()
    second = hub.open("1", "site", None, Filter()).subscription
    reading.fold(sample_events()[1])
    assert hub.next_message(first) is hub.next_message(second)


def test_a_snapshot_is_written_once_while_nothing_changes() -> None:
    reading, hub, *_ = subscribed()
    one, other = (hub.open(name, "site", None, Filter()).snapshot for name in "ab")
    assert one is other
    reading.fold(sample_events()[1])
    assert hub.open("c", "site", None, Filter()).snapshot != one


def test_many_changes_are_sent_in_messages_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "CHANGES_A_MESSAGE", 1)
    reading, hub, subscription, client = subscribed()
    for event in sample_events()[1:]:
        reading.fold(event)
    drain(hub, subscription, client, 1)
    assert client.cursor == 2
    drain(hub, subscription, client, 1)
    assert client.cursor == 3


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
