"""Who sent what is of no use, as the worker's partition sees it: by the journal's own records."""

from stateserver.codec.heartbeat import TroubledSource
from stateserver.domain.records import CommandRecord, FrameRecord, Record
from stateserver.protocol.modes import Mode
from stateserver.stream.intake import told_of
from stateserver.stream.partition import PartitionProcessor
from stateserver.stream.ports import Batch
from stateserver.stream.sources import TROUBLED_AFTER_MS
from tests.stream.journals import CAPTURE, OTHER_RING, RING, SYSTEM, LogLine, example_records, sealed

TOPIC = "packets"
FRAMES = [record for record in example_records(CAPTURE) if isinstance(record, FrameRecord)]
SOURCE = FRAMES[0].source
BEGINNING = FRAMES[-1].created_at
"""In ms; what is said below is since then."""


class Journal:
    """A partition that is read record by record, appended when the test says."""

    def __init__(self) -> None:
        self.processor = PartitionProcessor(3, RING, {TOPIC: 0})

    def take(self, value: bytes, at: int, key: bytes = SYSTEM.encode()) -> None:
        offset = self.processor.positions[TOPIC]
        self.processor.process(
            Batch(TOPIC, 3, offset, [LogLine(offset, BEGINNING + at if at >= 0 else at, key, value)])
        )

    def record(self, record: Record, at: int) -> None:
        self.take(sealed(record).value or b"", at)

    def troubled(self, now_ms: int = TROUBLED_AFTER_MS) -> list[TroubledSource]:
        found = self.processor.intake.watch.troubled(BEGINNING + now_ms)
        return [one._replace(since=one.since - BEGINNING) for one in found]


def test_a_source_with_a_key_that_nobody_knows_is_told_though_its_system_has_no_state() -> None:
    journal = Journal()
    for at in (0, TROUBLED_AFTER_MS):
        journal.take(sealed(FRAMES[0], ring=OTHER_RING).value or b"", at)
    assert journal.processor.systems == {}
    assert journal.troubled() == [TroubledSource(SYSTEM, SOURCE, "rejected", "bad_seal", 2, 0)]


def test_a_source_that_sends_the_same_again_and_again_is_told_until_it_sends_something_new() -> None:
    journal = Journal()
    journal.record(FRAMES[0], 0)
    for at in (1, 30_000, TROUBLED_AFTER_MS + 1):
        journal.record(FRAMES[0], at)
    assert journal.troubled() == [TroubledSource(SYSTEM, SOURCE, "duplicates", None, 3, 1)]
    journal.record(FRAMES[1], TROUBLED_AFTER_MS + 2)
    assert journal.troubled() == []


def test_frames_rejected_for_their_own_reasons_count_alike() -> None:
    journal = Journal()
    for number, at in enumerate((0, TROUBLED_AFTER_MS), 1):
        journal.record(FRAMES[0]._replace(sequence=number, frame=b"\xaa"), at)
    assert [(one.source, one.reason) for one in journal.troubled()] == [(SOURCE, "too_short")]


def test_bytes_that_say_nothing_of_their_source_are_told_by_their_key() -> None:
    journal = Journal()
    for at in (0, TROUBLED_AFTER_MS):
        journal.take(b"nothing", at)
        journal.take(b"nothing", at, b"\xff")
    assert [one[:2] for one in journal.troubled()] == [(None, None), (SYSTEM, None)]


def test_commands_that_are_rejected_make_nobody_a_troubled_source() -> None:
    journal = Journal()
    for at in (0, TROUBLED_AFTER_MS):
        journal.record(CommandRecord(0, Mode.AXXIS100, b"no json"), at)
    assert journal.troubled() == []
    assert journal.processor.intake.rejections.take_reasons() == {"bad_command": 2}


def test_without_a_time_of_kafkas_nothing_can_be_said_of_a_minute() -> None:
    journal = Journal()
    for at in (-1, -1 - TROUBLED_AFTER_MS):
        journal.take(b"nothing", at)
    assert journal.troubled() == []


def test_beginning_and_end_are_told_once() -> None:
    one = TroubledSource("north", "ps-1", "rejected", "bad_seal", 7, 0)
    (began,) = told_of([], [one])
    assert "system 'north', source 'ps-1'" in began
    assert "7 frames" in began
    assert "bad_seal" in began
    assert list(told_of([one], [one._replace(frames=9)])) == []
    (ended,) = told_of([one], [])
    assert "no longer" in ended
    assert "all are duplicates" in next(told_of([], [one._replace(why="duplicates", reason=None)]))
