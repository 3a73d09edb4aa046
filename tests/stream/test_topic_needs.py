"""What is wrong with topics that are there, and docs/topics.md, which says how they are made."""

import re
from pathlib import Path

import pytest

from stateserver.stream.layout import Layout
from stateserver.stream.topic_needs import DAY_MS, Finding, Topic, findings, topics_of, wanted_topics

LAYOUT = Layout.with_prefix("blasting.", ("blasting.packets",))
DOCUMENT = Path(__file__).parents[2] / "docs" / "topics.md"
KAFKAS = {"min.insync.replicas": "2", "unclean.leader.election.enable": "false", "retention.bytes": "-1"}


def fit(**changed: Topic) -> dict[str, Topic]:
    """Topics as a worker makes them on three brokers, for ever, but for what is changed."""
    topics = {
        name: Topic({"max.message.bytes": "1048588", **KAFKAS, **wanted, "retention.ms": "-1"}, 3)
        for name, wanted in wanted_topics(LAYOUT).items()
    }
    return topics | {f"blasting.{name}": topic for name, topic in changed.items()}


def with_config(name: str, **config: str) -> dict[str, Topic]:
    """One topic's settings are others (with an underscore in the place of a dot)."""
    topic = fit()[f"blasting.{name}"]
    changed = {key.replace("_", "."): value for key, value in config.items()}
    return fit(**{name: topic._replace(config={**topic.config, **changed})})


def found(topics: dict[str, Topic], brokers: int = 3) -> list[Finding]:
    return findings(LAYOUT, topics, brokers)


def test_what_a_worker_makes_is_fit_but_for_what_time_takes() -> None:
    assert found(fit()) == []
    made = {
        name: Topic({"max.message.bytes": "1048588", **wanted}, 1) for name, wanted in wanted_topics(LAYOUT).items()
    }
    kept = {(one.topic, one.what) for one in found(made, brokers=1)}
    assert kept == {("blasting.packets", "kept for 400 days"), ("blasting.changes", "kept for 400 days")}


@pytest.mark.parametrize("name", ["units", "blasts", "systems", "state"])
@pytest.mark.parametrize("policy", ["delete", "compact,delete", "delete, compact"])
def test_tables_that_would_be_deleted_with_time_stop_the_worker(name: str, policy: str) -> None:
    (finding,) = found(with_config(name, cleanup_policy=policy))
    assert finding.fatal
    assert finding.what == f"cleanup.policy is {policy}"
    assert "would be deleted with time" in finding.why
    assert finding.remedy.endswith(f"--entity-name blasting.{name} --add-config cleanup.policy=compact")


def test_signs_of_life_are_no_state() -> None:
    for changed in ({"cleanup_policy": "delete"}, {"message_timestamp_type": "CreateTime"}):
        (finding,) = found(with_config("heartbeats", **changed))
        assert not finding.fatal


@pytest.mark.parametrize("name", ["packets", "changes", "history", "rejected", "claims"])
@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_a_history_that_would_be_compacted_stops_the_worker(name: str, policy: str) -> None:
    (finding,) = found(with_config(name, cleanup_policy=policy))
    assert finding.fatal
    assert "leaves a system's last record alone" in finding.why


@pytest.mark.parametrize(
    ("name", "least"), [("state", 16 << 20), ("changes", 3 << 20), ("rejected", 3 << 20), ("units", 1 << 20)]
)
def test_a_message_that_may_not_fit_stops_the_worker(name: str, least: int) -> None:
    assert found(with_config(name, max_message_bytes=str(least))) == []
    (finding,) = found(with_config(name, max_message_bytes=str(least - 1)))
    assert finding.fatal
    assert f"may have {least} bytes" in finding.why


def test_smaller_records_of_packet_servers_are_their_own_concern() -> None:
    (finding,) = found(with_config("packets", max_message_bytes="1000"))
    assert not finding.fatal


@pytest.mark.parametrize("name", ["packets", "changes"])
def test_what_retention_takes_is_told_in_days_with_what_that_means(name: str) -> None:
    (finding,) = found(with_config(name, retention_ms=str(7 * DAY_MS)))
    assert (finding.what, finding.fatal) == ("kept for 7 days", False)
    assert "what is older" in finding.why
    (finding,) = found(with_config(name, retention_bytes="1000000"))
    assert (finding.what, finding.fatal) == ("retention.bytes is 1000000", False)


def test_what_belongs_together_is_kept_equally_long() -> None:
    (finding,) = found(with_config("history", retention_ms=str(DAY_MS)))
    assert finding.what == "kept for 1 days, and blasting.changes for ever"
    (finding,) = found(with_config("rejected", retention_ms=str(DAY_MS)))
    assert finding.what == "kept for 1 days, and blasting.packets for ever"
    (finding,) = found(with_config("claims", retention_ms=str(DAY_MS - 1)))
    assert "carried out again" in finding.why


def test_times_of_producers_are_told_of_the_journal_alone() -> None:
    (finding,) = found(with_config("packets", message_timestamp_type="CreateTime"))
    assert not finding.fatal
    assert "never created_at" in finding.why
    assert found(with_config("changes", message_timestamp_type="CreateTime")) == []


def test_too_few_copies_are_told() -> None:
    topics = fit(units=fit()["blasting.units"]._replace(replicas=1))
    assert [(one.what, one.fatal) for one in found(topics)] == [("1 replica of each partition", False)]
    assert found(topics, brokers=1) == []
    assert [one.what for one in found(with_config("units", min_insync_replicas="1"))] == ["min.insync.replicas is 1"]
    (finding,) = found(with_config("units", unclean_leader_election_enable="true"))
    assert "they are lost" in finding.why


def test_what_a_broker_does_not_tell_is_not_held_against_it() -> None:
    assert found({name: Topic({}, 3) for name in topics_of(LAYOUT)}) == []


def test_the_fatal_comes_first() -> None:
    topics = with_config("packets", retention_ms="1000") | {
        "blasting.state": Topic({"cleanup.policy": "delete"}, 3),
    }
    assert [one.fatal for one in found(topics)] == [True, False]


def rows() -> dict[str, dict[str, str]]:
    """The document's table: each topic's settings."""
    lines = [line.split("|")[1:-1] for line in DOCUMENT.read_text().splitlines() if line.startswith("| `blasting.")]
    return {
        cells[0].strip().strip("`"): dict(pair.split("=", 1) for pair in re.findall(r"`([a-z.]+=[^`]+)`", cells[2]))
        for cells in lines
    }


def test_the_document_says_what_the_worker_makes() -> None:
    assert rows() == wanted_topics(LAYOUT)


def test_its_commands_make_the_same() -> None:
    """One command a topic, in the order of the table, with each of its settings."""
    commands = re.findall(r"kafka-topics\.sh .*?(?=\n\n|\n    kafka-topics|\Z)", DOCUMENT.read_text(), re.DOTALL)
    made = {
        re.search(r"--topic (\S+)", command)[1]: dict(  # type: ignore[index]
            pair.split("=", 1) for pair in re.findall(r"--config (\S+)", command)
        )
        for command in commands
        if "--create" in command
    }
    assert made == wanted_topics(LAYOUT)
