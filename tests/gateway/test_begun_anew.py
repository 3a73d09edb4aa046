"""What was told of a system is withdrawn and told anew: readers take the new for new, and never mix the two."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateserver.broker.process import Broker
from stateserver.codec.blast import decode_blast_part, encode_blast
from stateserver.codec.era import era_headers
from stateserver.codec.heartbeat import Heartbeat, encode_heartbeat
from stateserver.codec.system import SystemRow
from stateserver.codec.topics import split_blast_key
from stateserver.codec.unit import UnitRow
from stateserver.domain.change import Change
from stateserver.gateway import feed as feed_module
from stateserver.gateway import history as history_module
from stateserver.gateway.blast_shelf import BlastShelf
from stateserver.gateway.change_log import logged
from stateserver.gateway.heartbeat_watch import HeartbeatWatch
from stateserver.gateway.history import History
from stateserver.gateway.hub import Hub, Wanted
from stateserver.gateway.liveness import Condition
from stateserver.gateway.read_model import ReadModel, Rows
from stateserver.gateway.subscriptions import Why
from stateserver.gateway.system_model import Folded, Trouble
from stateserver.gateway.unit_table import raw_unit
from tests.gateway.serving import make_parts, make_tokens, until
from tests.gateway.test_feed import at_version, feed_of, reading
from tests.gateway.test_history import write
from tests.gateway.test_subscriptions import opened, read, start_over
from tests.gateway.test_system_model import sample_events
from tests.gateway.topics import make_topics, new_topics, writing
from tests.gateway.worker import Worker, Written
from tests.stream.journals import CAPTURE, example_records

ERA = 1_753_000_000_000


def other_history() -> Worker:
    """The same system by other rules: every second frame counts."""
    records = [record._replace(sequence=at + 1) for at, record in enumerate(example_records(CAPTURE)[::2])]  # type: ignore[call-arg]
    return Worker().run(records)


@pytest.fixture(scope="module")
def anew() -> Worker:
    return other_history()


def rows_of(worker: Worker, era: int = 0) -> Rows:
    """What a reader finds in the tables."""
    rows = Rows()
    for written in worker.rows:
        if isinstance(written.row, UnitRow):
            rows.put_unit(raw_unit(written.row))
        elif isinstance(written.row, SystemRow):
            rows.put_system(written.row, era)
    return rows


def test_events_of_an_earlier_era_are_passed_over_and_those_of_a_later_one_told_apart() -> None:
    first, second, third = sample_events()
    model = ReadModel()
    assert model.fold(first, era=ERA) is Folded.APPLIED
    assert model.fold(second._replace(at=1), era=0) is Folded.WITHDRAWN
    assert model.fold(second, era=ERA) is Folded.APPLIED
    assert model.fold(first._replace(at=2), era=ERA + 1) is Folded.ANEW, "no repeat of its first event"
    assert model.fold(third, era=ERA) is Folded.APPLIED
    assert (model.systems["site"].version, model.systems["site"].era) == (3, ERA)


def test_a_reader_that_begins_with_events_alone_leaves_those_of_before() -> None:
    first, second, _ = sample_events()
    model = ReadModel()
    model.fold(first)
    model.fold(second)
    assert model.begin_anew("site", ERA)
    assert model.fold(first._replace(at=5), era=ERA) is Folded.APPLIED
    assert model.systems["site"].version == 1


def test_one_that_begins_with_rows_has_to_read_them_again(worker: Worker) -> None:
    model = ReadModel().begin(rows_of(worker))
    assert not model.begin_anew("site", ERA)


@pytest.mark.parametrize("systems_first", [True, False])
def test_a_tombstone_that_names_an_era_takes_back_what_was_told_before_it(worker: Worker, systems_first: bool) -> None:
    """In whichever order the topics are read."""
    rows = rows_of(worker)
    if systems_first:
        rows.drop_system("site", ERA)
    for path, _ in worker.system.units():
        rows.drop_unit("site", path, ERA)
    model = ReadModel().begin(rows).systems["site"]
    assert (model.version, model.era, dict(model.units)) == (0, ERA, {})
    assert not model.whole
    assert model.trouble is Trouble.WITHDRAWN


def test_one_of_an_earlier_era_takes_nothing_back(worker: Worker) -> None:
    rows = rows_of(worker, ERA)
    rows.drop_system("site", ERA - 1)
    model = ReadModel().begin(rows).systems["site"]
    assert (model.version, model.era) == (worker.system.version, ERA)


def test_units_of_before_that_are_struck_out_later_do_not_come_into_the_new_history(worker: Worker) -> None:
    """They were read before they were struck out: the system is not whole until then."""
    rows = rows_of(worker)
    rows.drop_system("site", ERA)
    model = ReadModel().begin(rows).systems["site"]
    assert not model.whole
    for path, _ in list(worker.system.units())[1:]:
        assert model.withdraw_unit(path)
    (left,) = model.units
    first = sample_events()[0]
    assert model.fold(first, ERA) is Folded.APPLIED
    assert not model.whole
    assert not model.withdraw_unit(left), "it can't be told from one that was told since: everything is read anew"


@given(st.lists(st.booleans(), min_size=12, max_size=80))
def test_however_old_and_new_events_come_among_each_other_the_new_ones_count(order: Sequence[bool]) -> None:
    """As of a worker that was taken for dead, which nothing keeps from telling events."""
    old, new = Worker().run(example_records(CAPTURE)).events[:40], NEW.events[:40]
    model, told = ReadModel(), 0
    model.fold(new[0], era=ERA)
    events = [iter(old), iter(new[1:])]
    for is_new in order:
        event = next(events[is_new], None)
        if event is not None:
            folded = model.fold(event, era=ERA if is_new else 0)
            told += is_new
            assert folded is (Folded.APPLIED if is_new else Folded.WITHDRAWN)
    system, oracle = model.systems["site"], ReadModel()
    for event in new[: told + 1]:
        oracle.fold(event)
    assert system.version == told + 1
    assert system.whole
    assert dict(system.units) == dict(oracle.systems["site"].units)


NEW = other_history()


def test_blasts_that_are_struck_out_are_gone_and_come_again_also_with_a_lower_version(worker: Worker) -> None:
    shelf = BlastShelf()
    rows = [row for stage in worker.stages for row in encode_blast("site", stage)]
    for _, value in rows:
        shelf.put(decode_blast_part(value))
    (blast,) = shelf.of_system("site")
    revision = shelf.revision
    for key in {key for key, _ in rows}:
        shelf.drop(*split_blast_key(key))
    assert shelf.of_system("site") == []
    assert shelf.snapshot_parts(blast.blast) == []
    assert shelf.revision > revision
    early = next(stage for stage in worker.stages if stage.stage == "opened")
    for _, value in encode_blast("site", early):
        shelf.put(decode_blast_part(value))
    assert [one.version for one in shelf.of_system("site")] == [early.version]


class TestCursors:
    """A cursor is good for the era that it was told in."""

    async def system(self) -> tuple[ReadModel, Hub]:
        reading = ReadModel()
        for event in sample_events():
            reading.fold(event, era=ERA)
        return reading, Hub(reading)

    async def test_a_snapshot_tells_the_era_and_the_cursor_is_resumed_with_it(self) -> None:
        _, hub = await self.system()
        answer = opened(await hub.open(Wanted("site")))
        assert answer["snapshot"]["era"] == ERA
        resumed = await hub.open(Wanted("site", 1, era=ERA))
        assert (resumed.why, resumed.snapshot) == (None, None)

    @pytest.mark.parametrize("cursor", [0, 1, 3, 500])
    @pytest.mark.parametrize("era", [0, ERA - 1])
    async def test_one_of_an_earlier_era_is_answered_with_a_snapshot(self, cursor: int, era: int) -> None:
        """Also where there is such a version by now: what follows on it follows on something else."""
        _, hub = await self.system()
        opening = await hub.open(Wanted("site", cursor, era=era))
        assert opening.why is Why.BEGUN_ANEW
        assert opened(opening)["snapshot"]["version"] == 3

    async def test_a_subscription_that_is_there_gets_a_fresh_snapshot(self) -> None:
        reading, hub = await self.system()
        opening = await hub.open(Wanted("site"))
        opened(opening)
        fresh = reading.begin(Rows())
        fresh.begin_anew("site", ERA + 1)
        fresh.fold(sample_events()[0]._replace(at=9), era=ERA + 1)
        reading.adopt(fresh)
        notification = await start_over(hub, opening.subscription)
        assert notification["params"]["snapshot"]["era"] == ERA + 1
        assert opening.subscription.cursor == 1


class Beat(NamedTuple):
    """A record of `heartbeats`, as it is read."""

    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int = 1
    offset: int = 0
    timestamp: int = 5


@pytest.mark.parametrize(
    ("era", "condition", "positions", "counts"),
    [
        (ERA, "live", {"packets": 9}, True),
        (0, "live", {"packets": 9}, False),
        (0, "restoring", {}, True),
    ],
)
def test_signs_of_life_of_who_goes_on_from_what_was_withdrawn_do_not_count(
    era: int, condition: str, positions: dict[str, int], counts: bool
) -> None:
    """A worker notices within seconds; until then it calls applied what is not told any more."""
    parts, topics = make_parts(make_tokens()), new_topics()
    feed, watch = feed_of("127.0.0.1:1", topics, parts), HeartbeatWatch([1], ["packets"])
    watch.asked({1: 0}, {("packets", 1): 9}, 0.0)
    parts.reading.eras.note(1, ERA)
    beat = Heartbeat(1, condition, None, 77, positions, 0, None, 5, "a", "", 0, [])
    feed._take_heartbeat(watch, Beat(encode_heartbeat(beat), era_headers(era)))  # type: ignore[arg-type]
    assert (watch.standings(1.0, 1_000)[1].condition is not Condition.AWAITING_WORKER) is counts


async def test_a_gateway_that_follows_drops_what_it_held_and_tells_its_subscribers(
    broker: Broker, worker: Worker, anew: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "TROUBLE_RETRY_S", 0.5)
    topics = new_topics()
    await make_topics(broker.bootstrap, topics)
    async with writing(broker.bootstrap, topics) as writer, reading(broker.bootstrap, topics) as parts:
        await writer.events(worker.events)
        await writer.rows(worker.rows)
        for stage in worker.stages:
            await writer.stage("site", stage)
        await until(lambda: at_version(parts, len(worker.events)) and len(parts.reading.blasts.of_system("site")) == 1)
        opening = await parts.hub.open(Wanted("site"))
        opened(opening)

        paths = [path for path, _ in worker.system.units()]
        await writer.withdraw("site", paths, worker.stages, ERA)
        await until(lambda: parts.reading.systems["site"].trouble is Trouble.WITHDRAWN)
        await until(lambda: dict(parts.reading.systems["site"].units) == {})
        assert not parts.reading.systems["site"].whole
        assert parts.reading.blasts.of_system("site") == []

        await writer.events(worker.events[-5:])  # of a worker that was taken for dead
        await writer.events(anew.events[:50], ERA)
        await writer.events(worker.events[40:60])
        await writer.events(anew.events[50:], ERA)
        await writer.rows(anew.rows, ERA)
        await until(lambda: at_version(parts, len(anew.events)))
        await until(lambda: parts.reading.systems["site"].units == dict(anew.system.units()))
        assert parts.reading.systems["site"].whole
        assert parts.reading.systems["site"].era == ERA
        if parts.hub.due(opening.subscription) is None:
            (started,) = [one async for one in parts.hub.catch_up(opening.subscription)]
            assert read(started)["params"]["snapshot"]["era"] == ERA


@pytest.mark.parametrize("deleted", [True, False], ids=["what was told is deleted", "it is still there"])
async def test_a_gateway_that_comes_late_reads_the_new_history_alone(
    broker: Broker, worker: Worker, anew: Worker, deleted: bool
) -> None:
    topics = new_topics()
    await make_topics(broker.bootstrap, topics)
    async with writing(broker.bootstrap, topics) as writer:
        if not deleted:
            await writer.events(worker.events)
        await writer.rows(worker.rows)
        await writer.withdraw("site", [path for path, _ in worker.system.units()], (), ERA)
        await writer.events(anew.events, ERA)
        if not deleted:
            await writer.events(worker.events[30:50])
        await writer.rows(map(_read_from_the_beginning, anew.rows), ERA)
    async with reading(broker.bootstrap, topics) as parts:
        await until(lambda: at_version(parts, len(anew.events)))
        model = parts.reading.systems["site"]
        assert model.whole
        assert dict(model.units) == dict(anew.system.units())
        assert [model.log.get(change.version) for change in anew.events] == [logged(change) for change in anew.events]


def _read_from_the_beginning(written: Written) -> Written:
    row = written.row
    return written._replace(row=row._replace(changes_offset=0)) if isinstance(row, SystemRow) else written


async def test_events_too_old_for_memory_are_those_of_the_era(
    broker: Broker, worker: Worker, anew: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "NEAR_RECORDS", 3)
    topics = new_topics()
    await make_topics(broker.bootstrap, topics)
    async with writing(broker.bootstrap, topics) as writer:
        await write(writer, worker.events)
        await writer.events(anew.events[:60], ERA)
        await write(writer, worker.events[20:40])
        await writer.events(anew.events[60:], ERA)
    held = ReadModel(log_capacity=1)
    for event in anew.events:
        held.fold(event, 1, ERA)
    history = History({"bootstrap_servers": broker.bootstrap}, topics, held)
    for after in (0, 1, 55, 60, 90, len(anew.events) - 1):
        found = await history.changes("site", after, 30)
        assert found == [logged(one) for one in anew.events[after : after + 30]], after


def test_the_two_histories_differ(worker: Worker, anew: Worker) -> None:
    """Else nothing above would say anything."""
    pairs: list[tuple[Change, Change]] = list(zip(worker.events, anew.events, strict=False))
    assert sum(one != other for one, other in pairs) > len(pairs) // 2
