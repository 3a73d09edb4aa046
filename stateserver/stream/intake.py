"""What became of the records of a partition, by who sent them: for whoever has to look after a Packet Server. Pure."""

from collections.abc import Iterator

from stateserver.codec.appended import appended_at
from stateserver.codec.heartbeat import TroubledSource
from stateserver.codec.packet import Kind, read_packet
from stateserver.codec.topics import system_trouble
from stateserver.domain.records import FrameRecord, Record
from stateserver.protocol.reasons import Rejected
from stateserver.stream.ports import LogRecord
from stateserver.stream.rejections import Rejections, sender_shown
from stateserver.stream.sources import DUPLICATES, Sender, SourceWatch


class Intake:
    """`watch` knows sources of which nothing is of use, `rejections` what is to be told of what was rejected."""

    def __init__(self) -> None:
        self.watch = SourceWatch()
        self.rejections = Rejections()

    def applied(self, system: str, opened: Record, *, duplicate: bool) -> None:
        """A record was applied, or passed over as a duplicate."""
        if not isinstance(opened, FrameRecord):
            return
        if not duplicate:
            self.watch.good(system, opened.source)
        elif opened.appended_at is not None:
            self.watch.bad((system, opened.source), None, opened.appended_at)

    def rejected(self, topic: str, partition: int, record: LogRecord, rejection: Rejected) -> None:
        """A record was rejected."""
        sender, is_frame = sender_of(record)
        place = f"offset {record.offset} of {topic}, partition {partition}"
        self.rejections.count(rejection.reason, sender, rejection.detail, place)
        at = appended_at(record.timestamp, record.headers)
        if is_frame and at is not None:
            self.watch.bad(sender, rejection.reason, at)


def sender_of(record: LogRecord) -> tuple[Sender, bool]:
    """Who a record says it is from, and whether it is a frame, or might be one. Nothing of it is proved."""
    try:
        header = read_packet(record.value or b"")
    except Rejected:
        return (_system_by_key(record.key), None), True
    return (header.system, header.source), header.kind is Kind.FRAME


def _system_by_key(key: bytes | None) -> str | None:
    try:
        system = (key or b"").decode()
    except UnicodeDecodeError:
        return None
    return None if system_trouble(system) else system


def told_of(before: list[TroubledSource], now: list[TroubledSource]) -> Iterator[str]:
    """What there is to say where the troubled sources were those, and are these."""
    known, left = {_who(one) for one in before}, {_who(one) for one in now}
    for one in now:
        if _who(one) not in known:
            nothing = "all are duplicates" if one.why == DUPLICATES else f"all are rejected, most for {one.reason}"
            yield f"nothing of {sender_shown(one[:2])} is of use: {one.frames} frames in a minute or more, {nothing}"
    for one in before:
        if _who(one) not in left:
            yield f"{sender_shown(one[:2])} is no longer one of which nothing is of use: it is heard again, or silent"


def _who(one: TroubledSource) -> tuple[Sender, int]:
    return one[:2], one.since
