"""As much as there may be: a blast of 250,000 detonators, the largest bad record, a Kafka that is slow."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import orjson
import pytest

from stateserver.broker.kafka import Kafka
from stateserver.broker.ports import free_port
from stateserver.codec.blast import BlastPart, decode_blast_part, join_document
from stateserver.codec.rejected import decode_rejected
from stateserver.domain.records import FrameRecord, Record
from stateserver.protocol.modes import MODES, Mode
from stateserver.replay.folding import Folding
from stateserver.simulator.equipment import Booster, ControlUnit
from stateserver.stream.outbox import WAITING_BYTES_MAX
from stateserver.stream.ports import Row
from tests.faults.fleet import assert_true_to_the_journal, plain
from tests.kafka.between import PRODUCE, Between
from tests.stream.chain import Chain, until, until_equal, values
from tests.stream.journals import sealed
from tests.stream.test_metrics import asked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

MINE = "mine"
START_MS = 1_700_000_000_000
VALUE_BYTES_MAX = (1 << 20) - 200
"""What fits, with its key and what Kafka puts around it, into the 1 MiB that brokers take."""
OF_ONE_BATCH = 8 << 20
HUGE_WAIT_S = 900.0
"""Two and a half minutes, alone on a slow machine."""
ROUNDS = 14
"""In each all 10,000 detonators differ: more events than may wait for a checkpoint."""


@pytest.fixture
def chain(kafka: Kafka, tmp_path: Path) -> Chain:
    return Chain(kafka, f"{uuid4().hex[:8]}.", tmp_path)


class Mine:
    """Boosters of one system, and the time."""

    def __init__(self, boosters: int, detonators: int) -> None:
        self.mode = Mode.AXXIS500
        self.at = START_MS
        self.control = ControlUnit()
        self.boosters = [Booster(1 + number, detonators, self.mode, Random(number)) for number in range(boosters)]
        self._sequence = 0

    def frame(self, frame: bytes, *, after_ms: int = 0) -> FrameRecord:
        self.at += after_ms
        self._sequence += 1
        return FrameRecord(self.at, self.mode, "ps-1", self._sequence, frame)

    def charged(self) -> Iterator[Record]:
        """Every booster with its detonators, key on."""
        for booster in self.boosters:
            booster.key_switch = 1
            booster.charge()
            for frame in (*booster.list_frames(), *booster.data_frames()):
                yield self.frame(frame)

    def operated(self, key: int, button: int, *, after_ms: int) -> FrameRecord:
        self.control = ControlUnit(key, button, firing=button)
        return self.frame(self.control.status(), after_ms=after_ms)

    def blast(self) -> Iterator[Record]:
        """Armed and fired; a tenth of the boosters report, then the report time is over."""
        yield self.operated(1, 0, after_ms=1_000)
        yield self.operated(1, 1, after_ms=1_000)
        yield self.operated(1, 0, after_ms=60_000)
        for booster in self.boosters[::10]:
            booster.fire()
            for frame in booster.data_frames():
                yield self.frame(frame, after_ms=1)
        known = MODES[self.mode]
        yield self.operated(1, 0, after_ms=known.firing_time_ms + known.report_time_ms)


async def documents(chain: Chain) -> dict[str, Any]:
    """The documents of the one blast, by what they are."""
    parts: dict[str, list[BlastPart]] = {}
    for value in (await chain.compacted(chain.layout.topics.blasts)).values():
        part = decode_blast_part(value)
        parts.setdefault(part.what, []).append(part)
    return {what: join_document(found) for what, found in parts.items()}


async def test_a_blast_of_250000_detonators_and_a_bad_record_of_the_largest_size(chain: Chain) -> None:
    mine = Mine(500, 500)
    records = [*mine.charged(), *mine.blast()]
    bad = Row(MINE.encode(), b"\xc3\x01" + bytes(VALUE_BYTES_MAX - 2))
    with chain.worker() as worker:
        await worker.ready()
        await chain.produce([bad, *(sealed(record, MINE) for record in records)])
        await until_equal(chain.committed, len(records) + 1, HUGE_WAIT_S)
        found = await documents(chain)
    folding = Folding(MINE)
    for record in records:
        folding.apply(record)
    (report,) = folding.documents()
    assert found["report"].stage == "closed"
    assert orjson.loads(found["report"].content) == plain(report)
    assert report["boosters"]["active"] == 500
    assert report["detonators"]["total"] == 250_000
    snapshots = {which: snapshot for (_, which), snapshot in folding.snapshots.items()}
    assert {which: found[which].content for which in snapshots} == snapshots
    (rejected,) = values(await chain.read(chain.layout.topics.rejected))
    row = decode_rejected(rejected)
    assert (row.reason, row.value) == ("bad_encoding", bad.value)


async def test_a_slow_kafka_holds_reading_back_and_memory_in_bounds(chain: Chain, kafka: Kafka) -> None:
    """Appending takes long, reading doesn't: what can't be written yet doesn't pile up, and the metrics say why."""
    mine, port = Mine(20, 500), free_port()
    rows = [sealed(record, MINE) for record in mine.charged()]
    for _ in range(ROUNDS):
        for booster in mine.boosters:
            for detonator in booster.detonators.values():
                detonator["tagged"] ^= 1
        rows += [sealed(mine.frame(frame), MINE) for booster in mine.boosters for frame in booster.data_frames()]
    async with Between(kafka) as between:
        with chain.worker(BROKERS=between.bootstrap, METRICS_PORT=str(port)) as worker:
            await worker.ready()
            between.slow(PRODUCE)
            await chain.produce(rows)

            async def held_back() -> bool:
                return asked(port)["stateserver_worker_held_back_partitions"] == 1

            await until(held_back, lambda: worker.output)
            told = asked(port)
            waiting = sum(value for name, value in told.items() if name.startswith("stateserver_worker_waiting_bytes"))
            assert 0 < waiting < WAITING_BYTES_MAX + OF_ONE_BATCH
            assert told["stateserver_worker_records_total"] < len(rows)
            between.quick()
            await until_equal(chain.committed, len(rows))
            assert asked(port)["stateserver_worker_held_back_partitions"] == 0
            assert asked(port)["stateserver_worker_held_back_seconds_total"] > 0
            await assert_true_to_the_journal(chain)
