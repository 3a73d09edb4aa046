"""What can go wrong in a worker, each trouble by its name."""

from collections.abc import Mapping
from typing import Any

from stateserver.domain.rows import OtherRowFormat
from stateserver.errors import StateServerError


class BrokerUnreachable(StateServerError):
    """No broker answers, or none that we may talk to."""

    def __init__(self, options: Mapping[str, Any], trouble: BaseException) -> None:
        brokers, why = ", ".join(options["bootstrap_servers"]), str(trouble) or type(trouble).__name__
        if "Unable to bootstrap" in why:
            why = "no broker answers"  # the client would say so by the names of its own types
        super().__init__(
            f"Kafka at {brokers} can't be used: {why}",
            "is it running? STATESERVER_BROKERS says where it is",
        )


class AppendFailed(StateServerError):
    """Rows did not get into the log, or nobody knows whether they did."""

    def __init__(self, topic: str, partition: int, trouble: BaseException) -> None:
        super().__init__(
            f"writing to partition {partition} of {topic} failed: {str(trouble) or type(trouble).__name__}",
            "the worker stops; started again it goes on from its last checkpoint",
        )


class PartitionsMismatch(StateServerError):
    """A topic has another number of partitions than the journal, so nobody could say what belongs together."""

    def __init__(self, topic: str, count: int, wanted: int, journal: str) -> None:
        super().__init__(
            f"topic {topic} has {count} partitions, but {journal} has {wanted}",
            "all topics of one prefix need equally many, and never other ones: use another prefix, or make it anew",
        )


class RecordStopsPartition(StateServerError):
    """Applying a record failed in a way nobody foresaw: its partition stops before it, the others go on."""

    def __init__(self, topic: str, partition: int, offset: int, trouble: BaseException) -> None:
        super().__init__(
            f"partition {partition} of {topic} is stopped at offset {offset}: "
            f"applying that record failed ({type(trouble).__name__}: {trouble})",
            "its state is as of the record before; report this with the record (`stateserver cat packets`)",
        )
        self.offset = offset


class RecordsLost(StateServerError):
    """Records between the last one applied and the next ones read never reached us."""

    def __init__(self, topic: str, partition: int, expected: int, got: int) -> None:
        super().__init__(
            f"partition {partition} of {topic}: records from offset {expected} to {got} did not arrive",
            "the worker stops, so that it starts again from its last checkpoint",
        )


REASONS_SHOWN = 3
BEGIN_ELSEWHERE = (
    "restore the journal's older records from a backup or a mirror; or begin with what is left: workers with another "
    "STATESERVER_TOPIC_PREFIX and STATESERVER_GROUP, and this journal in STATESERVER_PACKETS_TOPICS. What was told "
    "before stays under the old prefix"
)


class HistoryTrimmed(StateServerError):
    """A partition's state is damaged and its journal no longer begins at its beginning: nothing can rebuild it."""

    def __init__(self, topic: str, partition: int, start: int, trouble: str) -> None:
        super().__init__(
            f"partition {partition}: its checkpoint is damaged ({trouble}), and {topic} begins at offset {start} only",
            BEGIN_ELSEWHERE,
        )


class StateLost(StateServerError):
    """There is less state than was made: to go on from it would tell versions again that were told already."""

    def __init__(self, topic: str, partition: int, what: str, told: str) -> None:
        super().__init__(
            f"the state of partition {partition} is lost: {topic} {what}, though {told}",
            "was it deleted, emptied or cut back, or were the group's offsets moved by hand? No other release and no "
            f"other key ring leaves this. `stateserver rebuild --partitions {partition}` withdraws what was told and "
            "has it told anew from the journal. To begin beside it on purpose, use another STATESERVER_TOPIC_PREFIX "
            "and STATESERVER_GROUP",
        )


class LaterRelease(StateServerError):
    """A partition's state was written by a release that is newer than this one."""

    def __init__(self, partition: int, other: OtherRowFormat) -> None:
        super().__init__(
            f"the state of partition {partition} is of a later release: {other.message}",
            "start that release again; or, to stay with this one, stop all workers and have it made anew: "
            f"`stateserver rebuild --partitions {partition}`",
        )


class CannotRebuild(StateServerError):
    """What was told of a partition can't be withdrawn and told anew."""


class KeysMissing(CannotRebuild):
    """Records that were read once can't be read any more: folding them again would forget what they said."""

    def __init__(self, partition: int, counts: Mapping[str, int]) -> None:
        most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        what = "; ".join(f"{count} records: {why}" for why, count in most[:REASONS_SHOWN])
        what += f"; and {len(most) - REASONS_SHOWN} more reasons" * (len(most) > REASONS_SHOWN)
        super().__init__(
            f"partition {partition} can't be told anew, since the key ring no longer opens what it once opened: {what}",
            "put these keys back into the ring: retired ones stay there to read what they sealed. Where they are gone "
            "for good, and what they sealed may be forgotten: `stateserver rebuild --forget-what-cannot-be-opened`",
        )


class DeletionRefused(StateServerError):
    """The broker doesn't delete a topic's records for us."""

    def __init__(self, topic: str, partition: int, trouble: BaseException) -> None:
        super().__init__(
            f"records of partition {partition} of {topic} can't be deleted: {str(trouble) or type(trouble).__name__}",
            "this user needs the right to Delete on that topic, whose cleanup.policy must be delete",
        )


class PartitionsChanged(StateServerError):
    """A topic in use was given partitions: keys find other ones now, so two would hold parts of one system."""

    def __init__(self, counts: Mapping[str, int], partitions: int) -> None:
        what = ", ".join(f"{topic} has {count or 'none'}" for topic, count in sorted(counts.items()))
        super().__init__(
            f"topics were made for {partitions} partitions each, and now {what}",
            "nothing more is taken, since a system's records may now come in another partition than its state lies in. "
            "Partitions can't be taken away again: stop the Packet Servers, and see docs/topics.md for what to do",
        )


class StoreUnusable(StateServerError):
    """A table's files can't be opened or written."""

    def __init__(self, path: str, trouble: str) -> None:
        super().__init__(
            f"the table in {path} can't be used: {trouble}",
            "is the disk full, or broken? The folder may be deleted: it is then made anew from Kafka",
        )


class StoreInUse(StateServerError):
    """Another process has a table's files open."""

    def __init__(self, path: str, trouble: str) -> None:
        super().__init__(
            f"the table in {path} is in use: {trouble}",
            "does another worker run with the same STATESERVER_DATA_DIR? Each needs one of its own",
        )


class EventsDiffer(StateServerError):
    """Folding a record again gave another event than `changes` holds: one of the two was not what the journal says."""

    def __init__(self, topic: str, partition: int, system: str, version: int) -> None:
        super().__init__(
            f"partition {partition}: the event {version} of system {system!r} differs from the one in {topic}",
            "nothing more is told of this partition. Was another release or another key ring at work? `stateserver "
            "replay --from-topic` shows what the journal says; `stateserver rebuild` withdraws what was told and has "
            "it told anew",
        )


class JournalCutBack(StateServerError):
    """The journal ends before the position that a partition's state stands for: it is not the one it was made of."""

    def __init__(self, topic: str, partition: int, position: int, end: int) -> None:
        super().__init__(
            f"partition {partition} of {topic} ends at offset {end}, but its state stands for offset {position}",
            "was the topic made anew, or did the broker lose records? Give the workers another "
            "STATESERVER_TOPIC_PREFIX and STATESERVER_GROUP; or have all told anew from what it has: "
            f"`stateserver rebuild --partitions {partition}`",
        )


class Fenced(StateServerError):
    """Another one writes the partition's state: this worker was taken for dead, or somebody made it anew."""

    def __init__(self, partition: int) -> None:
        super().__init__(
            f"partition {partition} is in other hands now: this worker was taken for dead, or its tables were swapped "
            "or rebuilt",
            "the worker stops, so that it starts again from what the other one wrote",
        )


class PartitionStuck(StateServerError):
    """There are records to read, and none was read for a long time."""

    def __init__(self, topic: str, partition: int, position: int, end: int, seconds: float) -> None:
        super().__init__(
            f"partition {partition} of {topic} stands still at offset {position} of {end} for {seconds:.0f} s",
            "the worker stops, so that it is started again",
        )


class CannotSwap(StateServerError):
    """A partition's tables can't be made anew from its journal."""


class WorkersAtWork(StateServerError):
    """Tables are not put in place of others that a worker goes on from."""

    def __init__(self, partition: int, why: str) -> None:
        super().__init__(
            f"the tables of partition {partition} can't be put in place while workers are in the group: {why}",
            "stop all workers, wait until they have left, and run it again; nothing of this partition was written",
        )


class ToldOtherwise(StateServerError):
    """The journal, folded, gives other events than readers were told, or more."""

    def __init__(self, partition: int, trouble: EventsDiffer | str) -> None:
        super().__init__(
            f"the tables of partition {partition} stay as they are, since readers were told otherwise: {trouble}",
            "a version has one content. `stateserver rebuild` withdraws all that was told and has it told anew, as "
            "another history; or a worker builds it beside this one, under another STATESERVER_TOPIC_PREFIX",
        )
