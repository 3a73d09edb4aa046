"""What each topic has to be: how the worker makes those that are missing, and what is wrong with those that are there.

Pure. docs/topics.md has the same as a table for whoever makes the topics.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from stateserver.stream.layout import Layout

DAY_MS: Final = 24 * 3600 * 1000
REPLICAS_MAX: Final = 3
CLAIMS_HOLD_MS: Final = DAY_MS

COMPACT: Final = "compact"
DELETE: Final = "delete"
POLICY: Final = "cleanup.policy"
RETENTION: Final = "retention.ms"
RETENTION_BYTES: Final = "retention.bytes"
LARGEST: Final = "max.message.bytes"
TIMES: Final = "message.timestamp.type"
IN_SYNC: Final = "min.insync.replicas"
UNCLEAN: Final = "unclean.leader.election.enable"
APPEND_TIME: Final = "LogAppendTime"
FOR_EVER: Final = -1

MIB: Final = 1 << 20

# Small segments, cleaned early: only closed ones are, and what is not cleaned has to be read at a restore.
_COMPACT: Final = {POLICY: COMPACT, "segment.bytes": str(64 * MIB), "min.cleanable.dirty.ratio": "0.2"}
# Whoever follows a cut must find its rows; and one that was cut off, on a broker without transactions, is passed over.
_STATE: Final = {**_COMPACT, "min.compaction.lag.ms": "60000", LARGEST: str(16 * MIB)}
# The history: kept for more than a year unless someone decides otherwise, never for a broker's default of days.
_HISTORY: Final = {POLICY: DELETE, RETENTION: str(400 * DAY_MS)}
# Times are the broker's own: what a Packet Server's clock says can neither hide a record from retention nor age it.
_JOURNAL: Final = {**_HISTORY, TIMES: APPEND_TIME}
# A rejected record goes there whole, with some words about it; an event may repeat an operator's note of any length.
_ROOMY: Final = {**_HISTORY, LARGEST: str(3 * MIB)}
# Only the last ones count. What is not cleaned yet stays small, so that nobody has much to read. By their times
# gateways tell since when a worker is silent: not by its own clock.
_HEARTBEATS: Final = {POLICY: COMPACT, "segment.bytes": str(MIB), "segment.ms": "3600000", TIMES: APPEND_TIME}
_CLAIMS: Final = {POLICY: DELETE, RETENTION: str(7 * CLAIMS_HOLD_MS)}  # they hold for a day


class Topic(NamedTuple):
    """A topic as a broker tells of it: `config` by name, as far as it says; `replicas` are those of each partition."""

    config: Mapping[str, str]
    replicas: int


class Finding(NamedTuple):
    """Something that is not as it should be. `fatal`: state would be lost, so the worker doesn't start."""

    topic: str
    what: str
    why: str
    remedy: str
    fatal: bool

    def __str__(self) -> str:
        return f"topic {self.topic}: {self.what}: {self.why}. {self.remedy}"


def wanted_topics(layout: Layout) -> dict[str, dict[str, str]]:
    """Every topic's settings, for those that have to be made."""
    topics = layout.topics
    return {
        **dict.fromkeys(layout.journals, _JOURNAL),
        topics.changes: _ROOMY,
        topics.rejected: _ROOMY,
        topics.history: _HISTORY,
        topics.claims: _CLAIMS,
        topics.heartbeats: _HEARTBEATS,
        topics.units: _COMPACT,
        topics.blasts: _COMPACT,
        topics.systems: _COMPACT,
        layout.state: _STATE,
    }


def topics_of(layout: Layout) -> list[str]:
    """The names of all that a worker reads and writes."""
    return list(wanted_topics(layout))


def largest_message(wanted: Mapping[str, str]) -> int:
    """How large a message a topic must take, bytes."""
    return int(wanted.get(LARGEST, MIB))


def findings(layout: Layout, topics: Mapping[str, Topic], brokers: int) -> list[Finding]:
    """What is wrong with topics that are there: the fatal first. `brokers` is how many there are."""
    wanted = wanted_topics(layout)
    found = [
        finding
        for name, topic in sorted(topics.items(), key=lambda one: list(wanted).index(one[0]))
        for finding in (
            *_policy(name, topic, wanted[name], is_state=name != layout.topics.heartbeats),
            *_size(name, topic, wanted[name], is_journal=name in layout.journals),
            *_times(name, topic, wanted[name], is_journal=name in layout.journals),
            *_copies(name, topic, brokers),
            *_retention(layout, name, topics),
        )
    ]
    return sorted(found, key=lambda finding: not finding.fatal)


def _policy(name: str, topic: Topic, wanted: Mapping[str, str], *, is_state: bool) -> Iterator[Finding]:
    has = topic.config.get(POLICY)
    if has is None or {part.strip() for part in has.split(",")} == {wanted[POLICY]}:
        return
    why = (
        "its rows would be deleted with time, and with them the state of whatever has been quiet for long"
        if wanted[POLICY] == COMPACT
        else "compaction leaves a system's last record alone: what came before would be lost"
    )
    if not is_state:
        why = "only the last ones count, and every gateway that starts reads all that are there"
    yield Finding(name, f"{POLICY} is {has}", why, _alter(name, POLICY, wanted[POLICY]), fatal=is_state)


def _size(name: str, topic: Topic, wanted: Mapping[str, str], *, is_journal: bool) -> Iterator[Finding]:
    has, needs = _number(topic, LARGEST), largest_message(wanted)
    if has is None or has >= needs:
        return
    why = (
        f"records may have {needs} bytes, and what is larger than that is refused"
        if is_journal
        else f"messages may have {needs} bytes, and one that is refused stops its partition for good"
    )
    yield Finding(name, f"{LARGEST} is {has}", why, _alter(name, LARGEST, str(needs)), fatal=not is_journal)


def _times(name: str, topic: Topic, wanted: Mapping[str, str], *, is_journal: bool) -> Iterator[Finding]:
    has = topic.config.get(TIMES)
    if TIMES in wanted and has not in {None, APPEND_TIME}:
        why = (
            "records have the time that their producer says, which must be the present and never created_at: by it "
            "clocks that are ahead are told, and retention goes by it"
            if is_journal
            else "gateways tell by them since when a worker is silent, and then go by that worker's own clock"
        )
        yield Finding(name, f"{TIMES} is {has}", why, _alter(name, TIMES, APPEND_TIME), fatal=False)


def _copies(name: str, topic: Topic, brokers: int) -> Iterator[Finding]:
    wanted = min(REPLICAS_MAX, brokers)
    if topic.replicas < wanted:
        why = f"there are {brokers} brokers, and one that is lost takes it along"
        remedy = "More copies: kafka-reassign-partitions.sh, see docs/topics.md"
        yield Finding(name, f"{_counted(topic.replicas, 'replica')} of each partition", why, remedy, fatal=False)
    in_sync = _number(topic, IN_SYNC)
    if in_sync is not None and topic.replicas >= REPLICAS_MAX and in_sync < REPLICAS_MAX - 1:
        why = "what one broker alone has counts as safe, and is lost with it"
        yield Finding(name, f"{IN_SYNC} is {in_sync}", why, _alter(name, IN_SYNC, str(REPLICAS_MAX - 1)), fatal=False)
    if topic.replicas > 1 and topic.config.get(UNCLEAN) == "true":
        why = "a broker that lacks records may become the one that counts, and they are lost"
        yield Finding(name, f"{UNCLEAN} is true", why, _alter(name, UNCLEAN, "false"), fatal=False)


def _retention(layout: Layout, name: str, topics: Mapping[str, Topic]) -> Iterator[Finding]:
    yield from _kept_in_bytes(layout, name, topics[name])
    keeps = _number(topics[name], RETENTION)
    if keeps in {None, FOR_EVER}:
        return
    assert keeps is not None
    days = f"kept for {_days(keeps)}"
    if name in layout.journals:
        why = (
            "what is older is gone for good. Once its beginning is, a state that was lost, or is another release's, "
            "can't be made anew from it, and no key that was missing brings anything back"
        )
        yield Finding(name, days, why, _longer(name), fatal=False)
    elif name == layout.topics.changes:
        why = "what is older can't be told any more, nor how a system stood before"
        yield Finding(name, days, why, _longer(name), fatal=False)
    elif name == layout.topics.claims and keeps < CLAIMS_HOLD_MS:
        why = "a command that is sent again after that, with its id, is carried out again"
        yield Finding(name, days, why, _alter(name, RETENTION, str(7 * CLAIMS_HOLD_MS)), fatal=False)
    yield from _shorter_than(layout, name, keeps, topics)


def _shorter_than(layout: Layout, name: str, keeps: int, topics: Mapping[str, Topic]) -> Iterator[Finding]:
    """What is kept shorter than that which it goes with."""
    beside = {
        layout.topics.history: ([layout.topics.changes], "past states take the longer to be told the older they are"),
        layout.topics.rejected: (
            list(layout.journals),
            "what was rejected can't be told from what a lost key opens no more, when all is told anew",
        ),
    }
    others, why = beside.get(name, ([], ""))
    for other in others:
        longer = _number(topics[other], RETENTION) if other in topics else None
        if longer is not None and (longer == FOR_EVER or longer > keeps):
            what = (
                f"kept for {_days(keeps)}, and {other} {'for ever' if longer == FOR_EVER else f'for {_days(longer)}'}"
            )
            yield Finding(name, what, why, _alter(name, RETENTION, str(longer)), fatal=False)


def _kept_in_bytes(layout: Layout, name: str, topic: Topic) -> Iterator[Finding]:
    size = _number(topic, RETENTION_BYTES)
    if name in {*layout.journals, layout.topics.changes} and size not in {None, FOR_EVER}:
        why = "how long it is kept follows from how much comes: nobody can say how far back it goes"
        yield Finding(name, f"{RETENTION_BYTES} is {size}", why, _alter(name, RETENTION_BYTES, "-1"), fatal=False)


def _number(topic: Topic, name: str) -> int | None:
    value = topic.config.get(name)
    return None if value is None else int(value)


def _days(duration_ms: int) -> str:
    return f"{duration_ms / DAY_MS:.3g} days"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _longer(name: str) -> str:
    return f"Is that long enough? For ever: {_alter(name, RETENTION, str(FOR_EVER))}"


def _alter(name: str, config: str, value: str) -> str:
    return f"kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config {config}={value}"
