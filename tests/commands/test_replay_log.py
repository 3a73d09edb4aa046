"""The journal of a running system, folded again: all of it, stretches of it, and as of an instant, on real brokers."""

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from stateserver.broker.process import Broker
from stateserver.cli import stateserver
from stateserver.domain.change import change_to_json
from stateserver.domain.records import FrameRecord, Record
from stateserver.protocol.reasons import Rejected
from stateserver.replay.folding import Folding
from stateserver.stream.ports import Row
from tests.commands.replayed_log import Lines, Logged, examples, unit_lines
from tests.stream.journals import CAPTURE, OTHER_RING, example_records, folded, sealed


def changes_of(system: str, records: list[Record]) -> Lines:
    """The oracle's events."""
    folding, changes = Folding(system), []
    for record in records:
        try:
            changes += folding.apply(record)
        except Rejected:
            continue
    return [change_to_json(change) for change in changes]


@pytest.fixture
def logged(broker: Broker, tmp_path: Path) -> Logged:
    return Logged(broker, tmp_path)


@pytest.mark.slow
def test_all_systems_become_what_their_journals_say(logged: Logged) -> None:
    journals = examples()
    # Their records lie among each other's, as in life.
    rows = sorted(
        (number / len(records), system, number)
        for system, records in journals.items()
        for number in range(len(records))
    )
    logged.append(sealed(journals[system][number], system) for _, system, number in rows)
    logged.replayed()
    for system, records in journals.items():
        oracle = folded(records, system)
        assert logged.of_system("changes", system) == changes_of(system, list(records))
        assert logged.of_system("units", system) == unit_lines(oracle)
        assert logged.of_system("blasts", system) == oracle.documents()
        for (blast, which), snapshot in oracle.snapshots.items():
            assert (logged.folder / "out" / "snapshots" / f"{blast}.{which}.jsonl").read_bytes() == snapshot
    rejected = sum(folded(records, system).rejected.total() for system, records in journals.items())
    assert len(logged.lines("rejected")) == rejected > 0


def test_what_cannot_be_opened_is_told_with_its_place(logged: Logged) -> None:
    good = example_records(CAPTURE)[0]
    rows = [Row(b"site", b"nonsense"), sealed(good), sealed(good, ring=OTHER_RING), Row(b"other", sealed(good).value)]
    partitions = logged.append(rows)
    logged.replayed()
    topic = logged.chain.layout.journals[0]
    told = [(row["topic"], row["partition"], row["offset"], row["reason"]) for row in logged.lines("rejected")]
    assert sorted(told) == sorted(
        [
            (topic, partitions[0], 0, "bad_encoding"),
            (topic, partitions[0], 2, "bad_seal"),
            (topic, partitions[3], 3 if partitions[3] == partitions[0] else 0, "key_mismatch"),
        ]
    )
    assert all(row["detail"] for row in logged.lines("rejected"))


def test_a_record_from_the_future_is_judged_by_kafkas_own_time(logged: Logged) -> None:
    good = example_records(CAPTURE)[0]
    before_ms = time.time_ns() // 1_000_000
    logged.append_records("site", [good._replace(created_at=good.created_at + 2**45)])
    logged.replayed()
    ahead, *others = logged.lines("changes")
    assert ahead["kind"] == "clock_ahead"
    assert {change["at"] for change in others} == {ahead["at"]}
    assert before_ms <= ahead["at"] == good.created_at + 2**45 - ahead["details"]["by"]


def test_stretches_by_offset(logged: Logged) -> None:
    records = example_records(CAPTURE)
    partition = logged.append_records("site", records)
    logged.replayed("--until", "20")
    assert logged.lines("units") == unit_lines(folded(records[:20]))
    result = logged.replayed("--from", "20", "--until", "30", "--partitions", f"{partition}", out="middle")
    assert f"{partition}: 20" in result.stderr, "it says that the fold begins with nothing there"
    assert logged.lines("units", "middle") == unit_lines(folded(records[20:30]))
    other = (partition + 1) % 4
    logged.replayed("--partitions", f"{other}", out="other")
    assert logged.lines("units", "other") == []


def test_stretches_by_time(logged: Logged) -> None:
    records = example_records(CAPTURE)
    for record in records[:3]:
        logged.append_records("site", [record])
    logged.replayed("--until", "2000-01-01T00:00:00Z", out="before")
    assert logged.lines("changes", "before") == []
    assert logged.replay("--from", "946684800000", "--until", "2100-01-01T00:00:00+02:00").exit_code == 2
    logged.replayed("--from", "2001-09-09T03:00:00Z", "--until", "2100-01-01T00:00:00+02:00")
    assert logged.lines("units") == unit_lines(folded(records[:3]))


def test_one_system_alone(logged: Logged) -> None:
    records = example_records(CAPTURE)
    for system in ("north", "south"):
        logged.append_records(system, records)
    logged.replayed("--system", "north")
    assert {line["system"] for line in logged.lines("units")} == {"north"}
    assert logged.of_system("units", "north") == unit_lines(folded(records, "north"))


@pytest.mark.parametrize("example", [CAPTURE, "IBS"])
def test_as_of_an_instant(logged: Logged, example: str) -> None:
    records = example_records(example)
    logged.append_records("site", records)
    times = sorted({record.created_at for record in records})
    for at in (times[0] - 1, times[0], times[len(times) // 2] - 1, times[len(times) // 2], times[-1]):
        logged.replayed("--at", f"{at}", "--system", "site")
        assert logged.lines("units") == unit_lines(as_of(records, at))


def as_of(records: list[Record], at: int) -> Folding:
    """As it was before the first record that took its time past `at`: by folding, and looking at the time."""
    for count in range(len(records), -1, -1):
        oracle = folded(records[:count])
        if oracle.system.time is None or oracle.system.time <= at:
            return oracle
    raise AssertionError


def test_reports_of_its_blasts(logged: Logged) -> None:
    logged.append_records("site", example_records(CAPTURE))
    logged.replayed("--reports", "json")
    assert [path.suffix for path in (logged.folder / "out" / "reports").iterdir()] == [".json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--until", "soon"], "neither an offset"),
        (["--from", "2026-11-24T18:00:00"], "has no zone"),
        (["--from", "20", "--until", "20"], "is not before"),
        (["--from", "5000"], "no record from 5000 on"),
        (["--partitions", "1-x"], "is no partition"),
        (["--partitions", "77"], "with partition 77"),
        (["--mode", "IBS"], "--mode goes with a file"),
        (["FILE"], "either FILE or --from-topic"),
    ],
)
def test_what_can_not_be_meant(tansu: Broker, tmp_path: Path, arguments: list[str], said: str) -> None:
    logged = Logged(tansu, tmp_path)
    logged.append_records("site", example_records(CAPTURE)[:2])
    result = logged.replay(*arguments)
    assert (result.exit_code, said in result.output) == (2, True), result.output


def test_the_options_of_the_log_go_with_the_log(tmp_path: Path) -> None:
    given = ["replay", "FILE", "--mode", "IBS", "--system", "s", "--out", str(tmp_path), "--until", "3"]
    result = CliRunner().invoke(stateserver, given)
    assert (result.exit_code, "--until goes with --from-topic" in result.output) == (2, True)


def test_without_a_key_ring(tmp_path: Path) -> None:
    result = CliRunner().invoke(stateserver, ["replay", "--from-topic", "--out", str(tmp_path)], env={})
    assert (result.exit_code, "STATESERVER_KEYRING" in result.output) == (2, True)


def test_a_key_ring_that_opens_nothing_is_no_success(logged: Logged) -> None:
    good = example_records(CAPTURE)[0]
    partition = logged.append([sealed(good, ring=OTHER_RING)] * 2)[0]
    result = logged.replay()
    assert result.exit_code == 1
    topic = logged.chain.layout.journals[0]
    error, look = result.stderr.splitlines()
    assert error.startswith(
        f"Error: every record was rejected; the first (offset 0 of {topic} {partition}) for bad_seal:"
    )
    assert str(logged.folder / "out" / "rejected.jsonl") in look


def test_frames_that_came_late_and_a_system_that_is_not_there_are_told(logged: Logged) -> None:
    first, *_ = example_records(CAPTURE)
    assert isinstance(first, FrameRecord)
    late = first._replace(source="another", created_at=first.created_at - 35_000)
    partition = logged.append_records("site", [first, late])
    topic = logged.chain.layout.journals[0]
    told = logged.replayed().stderr
    assert told.startswith(f"Note: stale frames: 1, by up to 35 s (offset 1 of {topic} {partition})")
    assert (
        logged.replayed("--system", "nobody", out="none").stderr == "Note: there is no record of what was asked for.\n"
    )
    assert logged.replay("--system", "a/b", out="none").exit_code == 2
