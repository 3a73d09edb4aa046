"""What can go wrong in a worker, each trouble by its name."""

from stateserver.errors import StateServerError


class BrokerUnreachable(StateServerError):
    """No broker answers, or none that we may talk to."""

    def __init__(self, brokers: str, trouble: str) -> None:
        super().__init__(
            f"Kafka at {brokers} can't be used: {trouble}",
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


class HistoryTrimmed(StateServerError):
    """A partition's state is damaged and its journal no longer begins at its beginning: nothing can rebuild it."""

    def __init__(self, topic: str, partition: int, start: int, trouble: str) -> None:
        super().__init__(
            f"partition {partition}: its checkpoint is damaged ({trouble}), and {topic} begins at offset {start} only",
            "restore the journal's older records from a backup or a mirror, then start the worker again",
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
            "nothing more is told of this partition. Was another release or another key ring at work? "
            "`stateserver replay --from-topic` shows what the journal says",
        )


class JournalCutBack(StateServerError):
    """The journal ends before the position that a partition's state stands for: it is not the one it was made of."""

    def __init__(self, topic: str, partition: int, position: int, end: int) -> None:
        super().__init__(
            f"partition {partition} of {topic} ends at offset {end}, but its state stands for offset {position}",
            "was the topic made anew, or did the broker lose records? "
            "Use another STATESERVER_TOPIC_PREFIX, or delete the `state` topic to fold the journal again",
        )


class Fenced(StateServerError):
    """Another worker writes the partition's state: this one was taken for dead, or somebody swapped its tables."""

    def __init__(self, partition: int) -> None:
        super().__init__(
            f"partition {partition} is in other hands now: this worker was taken for dead, or its tables were swapped",
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
    """The journal, folded, gives other events than readers were told."""

    def __init__(self, partition: int, trouble: EventsDiffer) -> None:
        super().__init__(
            f"the tables of partition {partition} stay as they are, since readers were told otherwise: {trouble}",
            "a version has one content for ever. Find the release or key ring that told it; else have a worker build "
            "tables and events under another STATESERVER_TOPIC_PREFIX, and the gateways read those",
        )
